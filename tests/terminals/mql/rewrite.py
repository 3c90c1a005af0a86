"""MQL5, in the subset that this project keeps to, rewritten to C++20 line by line.

What is outside the subset is refused by name; nothing is guessed. The subset: functions are defined
before they are used; no pointers, no `new`; arrays have one dimension and one declaration each; an
imported function is called with its library's name (`ws2_32::send`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#[a-z]+[^\n]*)
      | (?P<text>"(?:\\.|[^"\\\n])*")
      | (?P<letter>'(?:\\.|[^'\\\n])+')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>\d[\w.]*)
      | (?P<space>[ \t\r]+)
      | (?P<newline>\n)
      | (?P<sign>::|.)""",
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_REFUSED = {
    "new": "objects live in variables",
    "delete": "objects live in variables",
    "NULL": "there are no pointers",
    "GetPointer": "there are no pointers",
    "interface": "use an abstract class",
    "goto": "use a loop",
    "this": "name the member",
}
_NO_TYPE = {"return", "else", "case", "const", "static", "input", "sinput", "virtual", "public"}


class NotInSubsetError(ValueError):
    """The source uses something that the rewriter does not know; says where and what."""


@dataclass
class Token:
    kind: str
    text: str


@dataclass
class Source:
    """A translated file: its C++ text and the files it includes, as written."""

    cpp: str
    includes: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)


def rewrite(path: Path) -> Source:
    """Translate one file; `#include <FKS/x.mqh>` becomes an include of its translation."""
    return _Rewriter(path).run()


class _Rewriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 1
        self._out: list[str] = []
        self._source = Source("")
        self._importing = False
        text = path.read_text(encoding="ascii")
        self._tokens = [
            Token(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(text)
        ]
        self._at = 0

    def run(self) -> Source:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._out.append(self._translated(token))
            self._line += token.text.count("\n")
            self._at += 1
        self._source.cpp = f'#line 1 "{self._path}"\n' + "".join(self._out)
        return self._source

    def _translated(self, token: Token) -> str:
        if token.kind == "comment":
            return "\n" * token.text.count("\n")
        if token.kind == "text":
            return f"S(u{token.text})"
        if token.kind == "letter":
            return f"((ushort)u{token.text})"
        if token.kind == "directive":
            return self._directive(token.text.strip())
        if token.kind == "word":
            return self._word(token.text)
        return token.text

    # Directives.

    def _directive(self, line: str) -> str:
        name, _, rest = line[1:].partition(" ")
        rest = rest.split("//")[0].strip()
        if name == "property":
            return ""
        if name == "include":
            return self._include(rest)
        if name == "import":
            return self._import(rest)
        if name == "define":
            return f"#define {self._fragment(rest)}"
        if name in ("ifdef", "ifndef", "else", "endif"):
            return line
        raise self._refused(f"#{name}")

    def _include(self, wanted: str) -> str:
        inside = wanted[1:-1].replace("\\", "/")
        if wanted[:1] != "<" or wanted[-1:] != ">":
            raise self._refused(f"#include {wanted}: write <FKS/Name.mqh>")
        self._source.includes.append(inside)
        return f'#include "{inside}.hpp"\n#line {self._line + 1} "{self._path}"'

    def _import(self, library: str) -> str:
        closing = "}" if self._importing else ""
        self._importing = bool(library)
        if not library:
            return closing
        name = library.strip('"').removesuffix(".dll")
        self._source.imports.append(name)
        return f"{closing} namespace {name} {{"

    def _fragment(self, text: str) -> str:
        """A macro's text: only its literals need translation."""
        return re.sub(r'"(?:\\.|[^"\\])*"', lambda found: f"S(u{found.group()})", text)

    # Words.

    def _word(self, word: str) -> str:
        if word in _REFUSED:
            raise self._refused(f"{word}: {_REFUSED[word]}")
        if word in ("input", "sinput"):
            return self._input()
        if word not in _NO_TYPE and (array := self._array(word)) is not None:
            return array
        return word

    def _input(self) -> str:
        """`input T Name = value;` becomes a constant that only the driver changes."""
        start = self._at
        kind = self._next_solid()
        if kind.text == "group":
            while self._tokens[self._at + 1].kind != "newline":
                self._at += 1
            return ""
        name, equals = self._next_solid(), self._next_solid()
        if equals.text != "=":
            self._at = start
            raise self._refused(f"input {name.text} without a default")
        value = []
        while (token := self._tokens[self._at + 1]).text != ";":
            value.append(self._translated(token))
            self._at += 1
        text = "".join(value).strip()
        stored = f"mql_value_of_{name.text}"
        return (
            f"static {kind.text} {stored} = "
            f'mql_input("{name.text}", &{stored}, {kind.text}({text})); '
            f"static const {kind.text} &{name.text} = {stored}"
        )

    def _next_solid(self) -> Token:
        self._at += 1
        while self._tokens[self._at].kind in ("space", "comment"):
            self._at += 1
        return self._tokens[self._at]

    def _peek(self, at: int) -> int:
        """The index of the first token from `at` that is neither space nor comment."""
        while at < len(self._tokens) and self._tokens[at].kind in ("space", "comment"):
            at += 1
        return at

    def _array(self, kind: str) -> str | None:
        """`T name[]`, `T name[8]`, `T &name[]`: declarations only; None for anything else."""
        at = self._peek(self._at + 1)
        by_reference = self._tokens[at].text == "&"
        if by_reference:
            at = self._peek(at + 1)
        name = self._tokens[at]
        opening = self._peek(at + 1)
        if name.kind != "word" or opening >= len(self._tokens) or self._tokens[opening].text != "[":
            return None
        if name.text == "operator":
            return None
        size, closing = "", opening + 1
        while self._tokens[closing].text != "]":
            size += self._tokens[closing].text
            closing += 1
        after = self._tokens[self._peek(closing + 1)].text
        if after == "[" or (after == "," and not by_reference and not self._in_brackets()):
            raise self._refused(f"array {name.text}: one dimension, one declaration each")
        self._at = closing
        if by_reference:
            return f"Array<{kind}> &{name.text}"
        sized = f"{{Fixed{{{size.strip()}}}}}" if size.strip() and after != "=" else ""
        return f"Array<{kind}> {name.text}{sized}"

    def _in_brackets(self) -> bool:
        depth = 0
        for token in reversed(self._tokens[: self._at]):
            if token.text in ("{", "}", ";") and depth <= 0:
                return False
            depth += {")": -1, "(": 1}.get(token.text, 0)
            if depth > 0:
                return True
        return False

    def _refused(self, what: str) -> NotInSubsetError:
        return NotInSubsetError(f"{self._path}:{self._line}: {what}")
