"""Faults that the simulated terminals show now and then, on a schedule anybody can read.

`price`: quotes off by 3 pips. `clock`: the terminal's clock 2 hours ahead. `mute`: no ticks while
heartbeats go on. `crossed`: bid above ask. `gap`: the line is cut and numbers are lost meanwhile.
Price, mute and crossed strike one feed; clock and gap strike a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from agent.errors import InputError

DURATION_S = {"price": 40.0, "clock": 60.0, "mute": 45.0, "crossed": 30.0, "gap": 5.0}
KINDS = tuple(DURATION_S)
WHOLE_TERMINAL = frozenset({"clock", "gap"})
CLOCK_FAULT_MS = 2 * 3600 * 1000
FIRST_S = 20.0
EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, `at_s` seconds after the start. Empty `symbol`: the whole terminal."""

    kind: str
    at_s: float
    client: str
    symbol: str

    @property
    def duration_s(self) -> float:
        return DURATION_S[self.kind]

    def sentence(self) -> str:
        """What the operator is told when it begins."""
        what = {
            "price": "price off by 3 pips (20 bp off FX)",
            "clock": "clock 2 h ahead",
            "mute": "mute, heartbeats go on",
            "crossed": "bid above ask",
            "gap": "line cut, numbers lost",
        }[self.kind]
        return f"{f'{self.client} {self.symbol}'.strip()}: {what} for {self.duration_s:g} s"


class FaultBoard:
    """Which faults are on."""

    def __init__(self) -> None:
        self._on: set[tuple[str, str, str]] = set()

    def switch(self, fault: Fault, *, on: bool) -> None:
        entry = (fault.kind, fault.client, fault.symbol)
        if on:
            self._on.add(entry)
        else:
            self._on.discard(entry)

    def is_on(self, kind: str, client: str, symbol: str = "") -> bool:
        return (kind, client, symbol) in self._on


def schedule(words: list[str], feeds: dict[str, list[str]]) -> Iterator[Fault]:
    """The faults asked for, in order of time.

    `words` is ["none"], ["demo"] (endless) or a list of NAME@SECONDS[:CLIENT[:SYMBOL]]; `feeds`
    maps each terminal to the symbols that others quote too. Raises InputError.
    """
    if words == ["none"] or not feeds:
        return iter(())
    if words == ["demo"]:
        return (_demo(number, feeds) for number in count())
    faults = [_parse(word, number, feeds) for number, word in enumerate(words)]
    return iter(sorted(faults, key=lambda fault: fault.at_s))


def _demo(number: int, feeds: dict[str, list[str]]) -> Fault:
    kind = KINDS[number % len(KINDS)]
    return _strike(kind, FIRST_S + EVERY_S * number, number, feeds)


def _strike(kind: str, at_s: float, number: int, feeds: dict[str, list[str]]) -> Fault:
    """A fault on a feed that is never the one before: terminals and symbols take turns."""
    clients = list(feeds)
    client = clients[number % len(clients)]
    symbols = feeds[client]
    symbol = symbols[(number + number // len(clients)) % len(symbols)]
    return Fault(kind, at_s, client, "" if kind in WHOLE_TERMINAL else symbol)


def _parse(word: str, number: int, feeds: dict[str, list[str]]) -> Fault:
    kind, _, rest = word.partition("@")
    seconds, *target = rest.split(":")
    if kind not in KINDS or len(target) > 2:
        raise InputError(f"{word!r} is not none, demo or one of {', '.join(KINDS)} with @SECONDS")
    try:
        fault = _strike(kind, float(seconds), number, feeds)
    except ValueError as fault_text:
        raise InputError(f"{word!r}: {seconds!r} is not a number of seconds") from fault_text
    client = target[0] if target else fault.client
    if client not in feeds:
        raise InputError(f"{word!r}: no terminal {client!r} (there are {', '.join(feeds)})")
    symbol = target[1] if len(target) == 2 else _symbol_of(fault, client, feeds)
    return Fault(kind, fault.at_s, client, "" if kind in WHOLE_TERMINAL else symbol)


def _symbol_of(fault: Fault, client: str, feeds: dict[str, list[str]]) -> str:
    return fault.symbol if fault.symbol in feeds[client] else feeds[client][0]
