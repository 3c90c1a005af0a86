"""One recorded feed: a file of ticks, whose it is, and what is to be changed in it on the way."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from agent.errors import InputError


@dataclass(frozen=True, slots=True)
class Feed:
    """What to send of `file`, as `client`, under the name `symbol`.

    `clock_shift_s` is added to event times while receipt times stay true, as if the terminal's
    clock were wrong. `price_shift` is added to bid and ask of ticks received from `shift_from` up
    to but excluding `shift_to`. `start` and `end` cut a window out, `end` excluded. `limit` counts
    ticks within the window. All moments are UTC milliseconds since 1970 on the file's own clock.
    """

    client: str
    key: str
    symbol: str
    file: Path
    platform: str = "agent"
    stream: str | None = None
    clock_shift_s: float = 0.0
    price_shift: Decimal = Decimal(0)
    shift_from: int | None = None
    shift_to: int | None = None
    start: int | None = None
    end: int | None = None
    limit: int | None = None


def utc_ms(text: str) -> int:
    """UTC milliseconds of ISO text (UTC where it names no zone) or of epoch milliseconds.

    Raises InputError.
    """
    if text.isdigit() and len(text) >= 12:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise InputError(f"{text!r} is not a time (write 2014-05-02T12:30:00Z)") from fault
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def decimal(text: str) -> Decimal:
    """A finite decimal number. Raises InputError."""
    try:
        number = Decimal(text)
    except InvalidOperation as fault:
        raise InputError(f"{text!r} is not a number") from fault
    if not number.is_finite():
        raise InputError(f"{text!r} is not a finite number")
    return number


# How each option is read, by the name it has on the command line and in `--feed`.
READERS: dict[str, Any] = {
    "client": str,
    "key": str,
    "symbol": str,
    "file": Path,
    "platform": str,
    "stream": str,
    "clock_shift_s": lambda text: float(decimal(text)),
    "price_shift": decimal,
    "shift_from": utc_ms,
    "shift_to": utc_ms,
    "from": utc_ms,
    "to": utc_ms,
    "limit": int,
}
_FIELD_OF = {"from": "start", "to": "end"}


def feed_of(options: dict[str, str]) -> Feed:
    """The feed that the named texts describe. Raises InputError naming what is wrong."""
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name not in READERS:
            raise InputError(f"a feed has no option {name!r} (it has {', '.join(READERS)})")
        try:
            values[_FIELD_OF.get(name, name)] = READERS[name](text)
        except ValueError as fault:
            raise InputError(f"{name}={text} cannot be read: {fault}") from fault
    missing = [name for name in ("client", "key", "symbol", "file") if not values.get(name)]
    if missing:
        raise InputError(f"a feed needs {', '.join(missing)}")
    known = {field.name for field in fields(Feed)}
    return Feed(**{name: value for name, value in values.items() if name in known})


def parse_feed(text: str, common: dict[str, str]) -> Feed:
    """`client=OANDA,key=...,symbol=EURUSD,file=...` over what all feeds have in common."""
    pairs = [part.partition("=") for part in text.split(",")]
    broken = [name for name, equals, _ in pairs if not equals]
    if broken:
        raise InputError(f"--feed wants name=value pairs, not {broken[0]!r}")
    own = {name.strip().replace("-", "_"): value for name, _, value in pairs}
    return feed_of({**common, **own})
