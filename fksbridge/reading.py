"""Readers of environment variables: text in, typed value out, ValueError with the rule broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path


def text(value: str) -> str:
    return value


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"must be a whole number, not {value!r}") from None
        if not low <= number <= high:
            raise ValueError(f"must lie between {low} and {high}, not {number}")
        return number

    return read


port = whole_number(1, 65535)
port_or_none = whole_number(0, 65535)


def one_of(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    return read


def truth(value: str) -> bool:
    """`1/0`, `true/false`, `yes/no`, `on/off`, in any case."""
    lowered = value.lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"must be true or false, not {value!r}")


def names(value: str) -> tuple[str, ...]:
    """Comma-separated, blanks around each dropped."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def gateway_name(value: str) -> str:
    if not re.fullmatch(r"gateway(\.[a-z0-9-]{1,20})?", value):
        raise ValueError("must be gateway, or gateway.<name> of small letters and digits")
    return value


def folder(value: str) -> Path:
    return Path(value).expanduser().absolute()


def url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.partition("://")[0] not in schemes:
            raise ValueError(f"must start with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return read


def peppers(value: str) -> dict[int, str]:
    """`1:<secret>,2:<secret>`, each secret 32 characters or more."""
    numbered = {}
    for part in names(value):
        number, _, secret = part.partition(":")
        if not number.isdigit() or len(secret) < 32:
            raise ValueError("must look like 1:<secret>,2:<secret>, 32 characters or more each")
        numbered[int(number)] = secret
    return numbered
