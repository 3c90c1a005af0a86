"""What a setting is: its variable, how its text is read, its default, and what the page says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Derived:
    """A default that follows from settings read before it, and how the documentation puts it."""

    follow: Callable[[Mapping[str, Any]], Any]
    shown: str


@dataclass(frozen=True)
class Variable:
    """What the documentation says about one setting, and how its text is read."""

    name: str
    read: Callable[[str], Any]
    meaning: str
    default: Any

    @property
    def default_shown(self) -> str:
        if isinstance(self.default, Derived):
            return self.default.shown
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return str(self.default)

    def value(self, environ: Mapping[str, str], before: Mapping[str, Any]) -> Any:
        """Raises ValueError with what is wrong, without the variable's name."""
        given = environ.get(self.name, "").strip()
        if given:
            return self.read(given)
        if isinstance(self.default, Derived):
            return self.default.follow(before)
        return self.default


def setting(name: str, read: Callable[[str], Any], default: Any, meaning: str) -> Any:
    return dataclasses.field(metadata={"variable": Variable(name, read, meaning, default)})
