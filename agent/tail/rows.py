"""Lines of the files that terminals append to, as messages of the protocol.

Four formats, told apart by a file's first line; `docs/imports.md` describes them. Prices are passed
on as the text they are. Times of MetaTrader are its server's wall time and stay so: `hello` states
the offset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.errors import InputError
from agent.ring import Item

_NUMBER = r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?"
_BLANK = rf"(?:{_NUMBER})?"
_DAY = r"(\d{4})\.(\d\d)\.(\d\d)"
_TAB = r"\t"
_PRICES = ("open", "high", "low", "close")


@dataclass(slots=True)
class Context:
    """What a row needs beyond itself. `sides`: bid and ask in force, blank while unknown."""

    symbol: str
    period: str
    sides: dict[str, str] = field(default_factory=dict)


class BadRowError(ValueError):
    """A line that is no row of its file's format; the text says why."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """One kind of file. `header` is its first line, None where rows begin at once."""

    name: str
    header: str | None
    row: re.Pattern[str]
    item: Callable[[re.Match[str], Context], Item]
    has_bars: bool = False

    def shows_in(self, line: str) -> bool:
        return line == self.header or self.row.fullmatch(line) is not None

    def read(self, line: str, context: Context) -> Item:
        """The message of a line. Raises BadRowError."""
        match = self.row.fullmatch(line)
        if match is None:
            raise BadRowError(f"not a row of {self.name}")
        return self.item(match, context)


def format_of(first_line: str) -> RowFormat | None:
    """The format of a file by its first line, or by any row where that was left out."""
    return next((known for known in FORMATS.values() if known.shows_in(first_line)), None)


def is_header(line: str) -> bool:
    """A file that was begun anew has its header again."""
    return any(known.header == line for known in FORMATS.values())


def need_period(known: RowFormat, context: Context) -> None:
    """Raises InputError."""
    if known.has_bars and not context.period:
        raise InputError(f"{known.name} holds bars: say which with --period, such as M1")


def _time_ms(year: str, month: str, day: str, clock: tuple[int, int, int], ms: int = 0) -> int:
    try:
        moment = datetime(int(year), int(month), int(day), *clock, tzinfo=UTC)
    except ValueError as fault:
        raise BadRowError(f"there is no such time: {fault}") from fault
    return int(moment.timestamp()) * 1000 + ms


def _tick(context: Context, time_ms: int, quote: tuple[str, str], traded: tuple[str, str]) -> Item:
    bid, ask = quote
    last, volume = traded
    if not last:
        return Item("ticks", context.symbol, f"[{time_ms},{bid},{ask},{volume or 0}]")
    text = f'"bid":{bid},"ask":{ask},"last":{last},"time_ms":{time_ms},"volume":{volume or 0}'
    return Item("tick", "", f'"symbol":{_quoted(context.symbol)},{text}')


def _bar(context: Context, time_ms: int, prices: tuple[str, ...], volume: str) -> Item:
    values = ",".join(f'"{name}":{price}' for name, price in zip(_PRICES, prices, strict=True))
    text = (
        f'"symbol":{_quoted(context.symbol)},"period":"{context.period}","time_ms":{time_ms},'
        f'{values},"volume":{volume},"stamp":"open","closed":true'
    )
    return Item("bar", "", text)


def _quoted(symbol: str) -> str:
    return json.dumps(symbol, ensure_ascii=False)


def _indicator_row(match: re.Match[str], context: Context) -> Item:
    year, month, day, hour, minute, second, ms, bid, ask, last, volume = match.groups()
    clock = (int(hour), int(minute), int(second))
    return _tick(context, _time_ms(year, month, day, clock, int(ms)), (bid, ask), (last, volume))


def _mt5_tick_row(match: re.Match[str], context: Context) -> Item:
    """A side that did not change is blank."""
    year, month, day, hour, minute, second, ms, bid, ask, last, volume = match.groups()
    time_ms = _time_ms(year, month, day, (int(hour), int(minute), int(second)), int(ms))
    context.sides |= {name: price for name, price in (("bid", bid), ("ask", ask)) if price}
    if len(context.sides) < 2:
        raise BadRowError("only one of bid and ask is known so far")
    return _tick(context, time_ms, (context.sides["bid"], context.sides["ask"]), (last, volume))


def _metatrader_bar(match: re.Match[str], context: Context) -> Item:
    year, month, day, hour, minute, second, *prices, volume = match.groups()
    time_ms = _time_ms(year, month, day, (int(hour or 0), int(minute or 0), int(second or 0)))
    return _bar(context, time_ms, tuple(prices), volume)


def _four(separator: str) -> str:
    return separator.join([rf"({_NUMBER})"] * len(_PRICES))


FORMATS: dict[str, RowFormat] = {
    known.name: known
    for known in (
        RowFormat(
            "indicator_csv",
            "time_utc,bid,ask,last,volume",
            re.compile(
                rf"(\d{{4}})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{{3}})Z,"
                rf"({_NUMBER}),({_NUMBER}),({_BLANK}),({_BLANK})"
            ),
            _indicator_row,
        ),
        RowFormat(
            "mt5_ticks",
            "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>",
            re.compile(
                rf"{_DAY}\t(\d\d):(\d\d):(\d\d)\.(\d{{3}})\t({_BLANK})\t({_BLANK})\t({_BLANK})"
                rf"\t({_BLANK})\t\d*"
            ),
            _mt5_tick_row,
        ),
        RowFormat(
            "mt5_bars",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>",
            re.compile(
                rf"{_DAY}\t(\d\d):(\d\d):(\d\d)\t{_four(_TAB)}\t({_NUMBER})\t{_NUMBER}\t\d+"
            ),
            _metatrader_bar,
            has_bars=True,
        ),
        RowFormat(
            "mt4_csv",
            None,
            re.compile(rf"{_DAY},(\d\d):(\d\d)(),{_four(',')},({_NUMBER})"),
            _metatrader_bar,
            has_bars=True,
        ),
    )
}
