// Strings, formats and numbers.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include "terminal.hpp"

Terminal terminal;

void mql_fatal(const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  std::fprintf(stderr, "critical error: ");
  std::vfprintf(stderr, format, rest);
  std::fprintf(stderr, "\n");
  va_end(rest);
  __sanitizer_print_stack_trace();
  _exit(70);
}

string string::from_utf8(const std::string &bytes) {
  std::u16string out;
  for (size_t i = 0; i < bytes.size();) {
    unsigned char first = static_cast<unsigned char>(bytes[i]);
    int more = first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : -1;
    if (more < 0 || i + static_cast<size_t>(more) >= bytes.size() + (more == 0)) {
      out += u'\uFFFD';
      i++;
      continue;
    }
    unsigned long point = more == 0 ? first : first & (0x3Fu >> more);
    for (int k = 1; k <= more; k++)
      point = (point << 6) | (static_cast<unsigned char>(bytes[i + static_cast<size_t>(k)]) & 0x3F);
    if (point > 0xFFFF) {
      point -= 0x10000;
      out += static_cast<char16_t>(0xD800 + (point >> 10));
      point = 0xDC00 + (point & 0x3FF);
    }
    out += static_cast<char16_t>(point);
    i += static_cast<size_t>(more) + 1;
  }
  return string(out);
}

std::string string::utf8() const {
  std::string out;
  for (size_t i = 0; i < units.size(); i++) {
    unsigned long point = units[i];
    bool high = point >= 0xD800 && point < 0xDC00 && i + 1 < units.size();
    if (high) point = 0x10000 + ((point - 0xD800) << 10) + (units[++i] - 0xDC00u);
    if (point < 0x80) {
      out += static_cast<char>(point);
      continue;
    }
    int more = point > 0xFFFF ? 3 : point > 0x7FF ? 2 : 1;
    out += static_cast<char>(((0xF0u << (3 - more)) & 0xFF) | (point >> (6 * more)));
    while (more-- > 0) out += static_cast<char>(0x80 | (point >> (6 * more) & 0x3F));
  }
  return out;
}

// Formats

namespace {

struct Conversion {
  std::string flags;  // up to the length modifier
  bool wide = false;  // 64 bit
  char type = 0;
};

Conversion conversion_at(const std::string &format, size_t &i) {
  Conversion found;
  found.flags = "%";
  for (i++; i < format.size() && std::strchr("-+ #0123456789.*", format[i]); i++) found.flags += format[i];
  if (format.compare(i, 3, "I64") == 0) found.wide = true, i += 3;
  else if (format.compare(i, 2, "ll") == 0) found.wide = true, i += 2;
  if (i >= format.size()) mql_fatal("format ends inside a conversion: %s", format.c_str());
  found.type = format[i++];
  return found;
}

std::string convert(const Conversion &how, const Argument &argument, const std::string &format) {
  using Kind = Argument::Kind;
  bool is_wide = argument.kind == Kind::Int64 || argument.kind == Kind::UInt64;
  bool is_integer = is_wide || argument.kind == Kind::Int32 || argument.kind == Kind::UInt32;
  char out[512];
  switch (how.type) {
    case 's':
      if (argument.kind != Kind::Text) mql_fatal("%%s is given no string: %s", format.c_str());
      return argument.text.utf8();
    case 'd': case 'i': case 'u': case 'x': case 'X': case 'c':
      if (!is_integer) mql_fatal("%%%c is given no integer: %s", how.type, format.c_str());
      if (is_wide != how.wide) mql_fatal("%%%c of the wrong width: %s", how.type, format.c_str());
      std::snprintf(out, sizeof out, (how.flags + "l" + how.type).c_str(), argument.integer);
      return out;
    case 'f': case 'g': case 'G': case 'e': case 'E':
      if (argument.kind != Kind::Double) mql_fatal("%%%c is given no double: %s", how.type, format.c_str());
      std::snprintf(out, sizeof out, (how.flags + how.type).c_str(), argument.real);
      return out;
    default:
      mql_fatal("unknown conversion %%%c: %s", how.type, format.c_str());
  }
}

}  // namespace

string mql_format(const string &pattern, const std::vector<Argument> &arguments) {
  std::string format = pattern.utf8(), out;
  size_t used = 0;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') { out += format[i++]; continue; }
    if (format.compare(i, 2, "%%") == 0) { out += '%'; i += 2; continue; }
    Conversion how = conversion_at(format, i);
    for (size_t star; (star = how.flags.find('*')) != std::string::npos;) {
      if (used >= arguments.size()) mql_fatal("too few arguments: %s", format.c_str());
      if (arguments[used].kind != Argument::Kind::Int32) mql_fatal("* is given no int: %s", format.c_str());
      how.flags.replace(star, 1, std::to_string(arguments[used++].integer));
    }
    if (used >= arguments.size()) mql_fatal("too few arguments: %s", format.c_str());
    out += convert(how, arguments[used++], format);
  }
  if (used != arguments.size()) mql_fatal("too many arguments: %s", format.c_str());
  return string::from_utf8(out);
}

string mql_join(const std::vector<Argument> &arguments) {
  std::string out;
  for (const Argument &argument : arguments) {
    char number[64];
    if (argument.kind == Argument::Kind::Text) out += argument.text.utf8();
    else if (argument.kind == Argument::Kind::Double)
      std::snprintf(number, sizeof number, "%.16g", argument.real), out += number;
    else out += std::to_string(argument.integer);
  }
  return string::from_utf8(out);
}

// Strings

int StringLen(const string &text) { return static_cast<int>(text.units.size()); }

string StringSubstr(const string &text, int start, int length) {
  if (start < 0 || start > StringLen(text)) mql_fatal("StringSubstr from %d of %d", start, StringLen(text));
  size_t count = length < 0 ? std::u16string::npos : static_cast<size_t>(length);
  return string(text.units.substr(static_cast<size_t>(start), count));
}

int StringFind(const string &text, const string &part, int start) {
  size_t at = text.units.find(part.units, static_cast<size_t>(start));
  return at == std::u16string::npos ? -1 : static_cast<int>(at);
}

ushort StringGetCharacter(const string &text, int at) {
  // One past the end is the closing zero.
  if (at < 0 || at > StringLen(text)) mql_fatal("StringGetCharacter %d of %d", at, StringLen(text));
  return at == StringLen(text) ? 0 : text.units[static_cast<size_t>(at)];
}

int StringReplace(string &text, const string &part, const string &by) {
  if (part.units.empty()) mql_fatal("StringReplace of nothing");
  int count = 0;
  for (size_t at = 0; (at = text.units.find(part.units, at)) != std::u16string::npos; count++) {
    text.units.replace(at, part.units.size(), by.units);
    at += by.units.size();
  }
  return count;
}

int StringSplit(const string &text, ushort separator, Array<string> &parts) {
  ArrayResize(parts, 0);
  if (text.units.empty()) return 0;
  std::u16string rest = text.units;
  for (;;) {
    size_t at = rest.find(static_cast<char16_t>(separator));
    ArrayResize(parts, ArraySize(parts) + 1);
    parts[ArraySize(parts) - 1] = string(rest.substr(0, at));
    if (at == std::u16string::npos) return ArraySize(parts);
    rest.erase(0, at + 1);
  }
}

static bool is_blank(char16_t unit) { return unit == ' ' || (unit >= 9 && unit <= 13); }

int StringTrimLeft(string &text) {
  size_t cut = 0;
  while (cut < text.units.size() && is_blank(text.units[cut])) cut++;
  text.units.erase(0, cut);
  return static_cast<int>(cut);
}

int StringTrimRight(string &text) {
  int cut = 0;
  for (; !text.units.empty() && is_blank(text.units.back()); cut++) text.units.pop_back();
  return cut;
}

bool StringToLower(string &text) {
  for (char16_t &unit : text.units)
    if (unit >= 'A' && unit <= 'Z') unit = static_cast<char16_t>(unit + 32);
  return true;
}

long StringToInteger(const string &text) { return std::strtol(text.utf8().c_str(), nullptr, 10); }
double StringToDouble(const string &text) { return std::strtod(text.utf8().c_str(), nullptr); }
string ShortToString(ushort unit) { return string(std::u16string(1, static_cast<char16_t>(unit))); }

string IntegerToString(long number, int length, ushort fill) {
  string text = string::from_utf8(std::to_string(number));
  while (StringLen(text) < length) text.units.insert(text.units.begin(), static_cast<char16_t>(fill));
  return text;
}

string DoubleToString(double number, int digits) {
  if (digits < 0 || digits > 16) mql_fatal("DoubleToString with %d digits", digits);
  char out[400];
  std::snprintf(out, sizeof out, "%.*f", digits, number);
  return string::from_utf8(out);
}

int StringToCharArray(const string &text, Array<uchar> &bytes, int start, int count, uint codepage) {
  // CP_ACP depends on the machine: a program that relies on it is wrong somewhere.
  if (codepage != CP_UTF8) mql_fatal("StringToCharArray without CP_UTF8");
  std::string raw = text.utf8();
  if (count >= 0 && static_cast<size_t>(count) < raw.size() + 1) raw.resize(static_cast<size_t>(count));
  else raw += '\0';  // the closing zero is copied, too
  if (ArraySize(bytes) < start + static_cast<int>(raw.size()))
    ArrayResize(bytes, start + static_cast<int>(raw.size()));
  std::memcpy(bytes.data() + start, raw.data(), raw.size());
  return static_cast<int>(raw.size());
}

string CharArrayToString(const Array<uchar> &bytes, int start, int count, uint codepage) {
  if (codepage != CP_UTF8) mql_fatal("CharArrayToString without CP_UTF8");
  if (start < 0 || start > ArraySize(bytes)) mql_fatal("CharArrayToString from %d", start);
  int end = count < 0 ? ArraySize(bytes) : MathMin(start + count, ArraySize(bytes));
  std::string raw(bytes.data() + start, bytes.data() + end);
  return string::from_utf8(raw.substr(0, raw.find('\0')));
}

// Numbers

double MathPow(double base, double exponent) { return std::pow(base, exponent); }
int MathRand() { return std::rand() & 0x7FFF; }
void MathSrand(int seed) { std::srand(static_cast<unsigned>(seed)); }
bool MathIsValidNumber(double number) { return std::isfinite(number); }

double NormalizeDouble(double value, int digits) {
  double scale = std::pow(10.0, digits);
  return std::round(value * scale) / scale;
}

// Inputs: programs register theirs before main, so the list must not wait for its own turn.

static std::map<std::string, std::function<void(const string &)>> &inputs() {
  static std::map<std::string, std::function<void(const string &)>> registered;
  return registered;
}

void mql_register_input(const char *name, std::function<void(const string &)> set) {
  inputs()[name] = std::move(set);
}

void mql_set_input(const std::string &name, const string &value) {
  auto found = inputs().find(name);
  if (found == inputs().end()) mql_fatal("the program has no input %s", name.c_str());
  found->second(value);
}
