// The MQL5 language as C++20: strings of UTF-16 units, arrays that know their bounds, formats that
// check their arguments. What MetaTrader lets pass silently stops the run here (`mql_fatal`).
#pragma once

#include <cfloat>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

using uchar = unsigned char;
using ushort = unsigned short;
using uint = unsigned int;
using ulong = unsigned long;
using datetime = long;
using color = int;

// Ends the program as a critical error of the terminal would, with a stack trace.
[[noreturn]] void mql_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

class string {
 public:
  string() = default;
  explicit string(std::u16string units) : units(std::move(units)) {}
  static string from_utf8(const std::string &bytes);
  std::string utf8() const;

  string &operator+=(const string &other) { units += other.units; return *this; }
  friend string operator+(const string &a, const string &b) { return string(a.units + b.units); }
  friend bool operator==(const string &a, const string &b) { return a.units == b.units; }
  friend bool operator<(const string &a, const string &b) { return a.units < b.units; }
  friend bool operator>(const string &a, const string &b) { return b < a; }

  std::u16string units;
};

inline string S(const char16_t *units) { return string(std::u16string(units)); }

struct Fixed { size_t count; };

// A dynamic array, or one of a fixed size. New cells hold rubbish, as they do in the terminal.
template <class T>
class Array {
  static_assert(!std::is_same_v<T, bool>, "an array of bool is outside the subset");

 public:
  Array() = default;
  Array(Fixed size) : fixed(true) { resize(size.count); }
  Array(std::initializer_list<T> values) : fixed(true), cells(values) {}

  T &operator[](long at) { return cells[checked(at)]; }
  const T &operator[](long at) const { return cells[checked(at)]; }

  size_t size() const { return cells.size(); }
  T *data() { return cells.data(); }
  const T *data() const { return cells.data(); }

  void resize(size_t count) {
    size_t before = cells.size();
    cells.resize(count);
    if constexpr (std::is_arithmetic_v<T>)
      if (count > before) std::memset(cells.data() + before, 0x5A, (count - before) * sizeof(T));
  }
  void reserve(size_t count) { cells.reserve(count); }

  bool fixed = false;

 private:
  size_t checked(long at) const {
    if (at < 0 || static_cast<size_t>(at) >= cells.size())
      mql_fatal("array out of range: index %ld of %zu", at, cells.size());
    return static_cast<size_t>(at);
  }
  std::vector<T> cells;
};

// Arrays

template <class T> int ArraySize(const Array<T> &array) { return static_cast<int>(array.size()); }

template <class T> int ArrayResize(Array<T> &array, int count, int reserve = 0) {
  if (array.fixed) mql_fatal("ArrayResize of an array of fixed size");
  if (count < 0 || reserve < 0) mql_fatal("ArrayResize to %d, reserve %d", count, reserve);
  if (static_cast<size_t>(count) + static_cast<size_t>(reserve) > array.size())
    array.reserve(static_cast<size_t>(count) + static_cast<size_t>(reserve));
  array.resize(static_cast<size_t>(count));
  return count;
}

template <class T> void ArrayFree(Array<T> &array) { ArrayResize(array, 0); }

constexpr int WHOLE_ARRAY = -1;

template <class T>
int ArrayCopy(Array<T> &to, const Array<T> &from, int to_start = 0, int from_start = 0,
              int count = WHOLE_ARRAY) {
  if (to_start < 0 || from_start < 0 || count < WHOLE_ARRAY)
    mql_fatal("ArrayCopy to %d from %d count %d", to_start, from_start, count);
  int there = ArraySize(from) - from_start;
  if (count == WHOLE_ARRAY || count > there) count = there;
  if (count <= 0) return 0;
  if (ArraySize(to) < to_start + count) {
    if (to.fixed) mql_fatal("ArrayCopy beyond an array of fixed size");
    ArrayResize(to, to_start + count);
  }
  std::vector<T> kept(from.data() + from_start, from.data() + from_start + count);
  for (int i = 0; i < count; i++) to[to_start + i] = kept[static_cast<size_t>(i)];
  return count;
}

template <class T> bool ArrayRemove(Array<T> &array, uint start, uint count) {
  uint size = static_cast<uint>(array.size());
  if (start >= size || count > size - start) mql_fatal("ArrayRemove %u from %u", count, start);
  for (uint i = start; i + count < size; i++) array[i] = array[i + count];
  array.resize(size - count);
  return true;
}

template <class T> void ArrayInitialize(Array<T> &array, T value) {
  for (size_t i = 0; i < array.size(); i++) array[static_cast<long>(i)] = value;
}

template <class T> bool ArraySetAsSeries(const Array<T> &, bool series) {
  if (series) mql_fatal("arrays as series are outside the subset");
  return true;
}

template <class T>
bool StructToCharArray(const T &value, Array<uchar> &bytes, uint start = 0) {
  static_assert(std::is_trivially_copyable_v<T>, "a structure with strings or arrays");
  if (bytes.size() < start + sizeof(T)) ArrayResize(bytes, static_cast<int>(start + sizeof(T)));
  std::memcpy(bytes.data() + start, &value, sizeof(T));
  return true;
}

template <class T> void ZeroMemory(T &value) { value = T{}; }

// Formats

struct Argument {
  enum class Kind { Int32, UInt32, Int64, UInt64, Double, Text } kind;
  long integer = 0;
  double real = 0;
  string text{};

  Argument(bool v) : kind(Kind::Int32), integer(v) {}
  Argument(char v) : kind(Kind::Int32), integer(v) {}
  Argument(uchar v) : kind(Kind::UInt32), integer(v) {}
  Argument(short v) : kind(Kind::Int32), integer(v) {}
  Argument(ushort v) : kind(Kind::UInt32), integer(v) {}
  Argument(int v) : kind(Kind::Int32), integer(v) {}
  Argument(uint v) : kind(Kind::UInt32), integer(v) {}
  Argument(long v) : kind(Kind::Int64), integer(v) {}
  Argument(ulong v) : kind(Kind::UInt64), integer(static_cast<long>(v)) {}
  Argument(double v) : kind(Kind::Double), real(v) {}
  Argument(const string &v) : kind(Kind::Text), text(v) {}
  template <class E> requires std::is_enum_v<E>
  Argument(E v) : kind(Kind::Int32), integer(static_cast<long>(v)) {}
};

string mql_format(const string &format, const std::vector<Argument> &arguments);
void mql_print(const string &line);
void mql_comment(const string &text);
void mql_alert(const string &text);
string mql_join(const std::vector<Argument> &arguments);

template <class... A> string StringFormat(const string &format, const A &...arguments) {
  return mql_format(format, {Argument(arguments)...});
}
template <class... A> void PrintFormat(const string &format, const A &...arguments) {
  mql_print(mql_format(format, {Argument(arguments)...}));
}
template <class... A> void Print(const A &...arguments) {
  mql_print(mql_join({Argument(arguments)...}));
}
template <class... A> void Comment(const A &...arguments) {
  mql_comment(mql_join({Argument(arguments)...}));
}
template <class... A> void Alert(const A &...arguments) {
  mql_alert(mql_join({Argument(arguments)...}));
}

// Strings

constexpr uint CP_ACP = 0;
constexpr uint CP_UTF8 = 65001;

int StringLen(const string &text);
string StringSubstr(const string &text, int start, int length = -1);
int StringFind(const string &text, const string &part, int start = 0);
ushort StringGetCharacter(const string &text, int at);
int StringReplace(string &text, const string &part, const string &by);
int StringSplit(const string &text, ushort separator, Array<string> &parts);
int StringTrimLeft(string &text);
int StringTrimRight(string &text);
bool StringToLower(string &text);
long StringToInteger(const string &text);
double StringToDouble(const string &text);
string IntegerToString(long number, int length = 0, ushort fill = u' ');
string DoubleToString(double number, int digits = 8);
string ShortToString(ushort unit);
int StringToCharArray(const string &text, Array<uchar> &bytes, int start = 0, int count = -1,
                      uint codepage = CP_ACP);
string CharArrayToString(const Array<uchar> &bytes, int start = 0, int count = -1,
                         uint codepage = CP_ACP);

// Mathematics

template <class A, class B> auto MathMin(A a, B b) -> std::common_type_t<A, B> {
  std::common_type_t<A, B> x = a, y = b;
  return x < y ? x : y;
}
template <class A, class B> auto MathMax(A a, B b) -> std::common_type_t<A, B> {
  std::common_type_t<A, B> x = a, y = b;
  return x > y ? x : y;
}
template <class T> T MathAbs(T value) { return value < 0 ? -value : value; }
inline double MathFloor(double value) { return std::floor(value); }
inline double MathRound(double value) { return std::round(value); }
inline double MathSqrt(double value) {
  if (value < 0) mql_fatal("MathSqrt of %g", value);
  return std::sqrt(value);
}
inline double MathLog(double value) {
  if (value <= 0) mql_fatal("MathLog of %g", value);
  return std::log(value);
}
double MathPow(double base, double exponent);
int MathRand();
void MathSrand(int seed);
bool MathIsValidNumber(double number);
double NormalizeDouble(double value, int digits);

constexpr double EMPTY_VALUE = DBL_MAX;

// Inputs

void mql_register_input(const char *name, std::function<void(const string &)> set);

// Registers an input, so that the driver can set it, and returns its standard.
template <class T> T mql_input(const char *name, T *value, T standard) {
  mql_register_input(name, [value](const string &given) {
    if constexpr (std::is_same_v<T, string>) *value = given;
    else if constexpr (std::is_same_v<T, bool>) *value = given == S(u"true");
    else if constexpr (std::is_floating_point_v<T>) *value = static_cast<T>(StringToDouble(given));
    else *value = static_cast<T>(StringToInteger(given));
  });
  return standard;
}
