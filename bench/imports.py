"""A million rows of history from a file into the store, as an operator brings them in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bench.background import BenchError
from bench.figures import Quantity, Round, Section
from bench.house import House

ROWS = 1_000_000
_WITHIN_S = 60

IMPORTS = Section(
    "imports",
    "History imported",
    (
        Quantity("bars_s", "a million minutes (MetaTrader 4 csv)", "s", at_most=_WITHIN_S),
        Quantity("ticks_s", "a million ticks (MetaTrader 5 export)", "s", at_most=_WITHIN_S),
    ),
)

_BEGIN = datetime.fromisoformat("2020-01-06T00:00")
"""Without a zone: it is a server's wall time."""


def measure(house: House, number: int, say: Callable[[str], None]) -> Round:
    """Start of the command included. `number` is that of the round: a file is taken but once."""
    house.bridge.issue_key("HISTORY", "mt4")
    found = {}
    for key, rows in (("bars_s", _bars), ("ticks_s", _ticks)):
        say(f"importing {ROWS:,} rows: {key.removesuffix('_s')}")
        path = house.bridge.folder / f"{key}-{number}.csv"
        with path.open("w") as out:
            out.writelines(rows(random.Random(number)))  # noqa: S311  (prices, not secrets)
        found[key] = _imported_s(house, path)
        path.unlink()
    return found


def _imported_s(house: House, path: Path) -> float:
    began = time.monotonic()
    done = house.bridge.manage(
        "import_history", str(path), "--client", "HISTORY", "--symbol", path.stem, "--zone", "NY+7"
    )
    if (done["state"], done["stored"], done["refused"]) != ("done", ROWS, 0):
        raise BenchError(f"{path.name}: {done['stored']:,} rows were stored, {done['state']}.")
    return time.monotonic() - began


def _bars(chance: random.Random) -> Iterator[str]:
    """Minutes of currency weeks; the hour that clocks leave out lies in a weekend."""
    moment, made, price = _BEGIN, 0, 1.1
    while made < ROWS:
        if moment.weekday() < 5:
            price += chance.uniform(-0.0003, 0.0003)
            made += 1
            prices = f"{price:.5f},{price + 0.0002:.5f},{price - 0.0002:.5f},{price + 0.0001:.5f}"
            yield f"{moment:%Y.%m.%d,%H:%M},{prices},{made % 200}\r\n"
        moment += timedelta(minutes=1)


def _ticks(chance: random.Random) -> Iterator[str]:
    """Some three in a second, of which every other leaves a side as it was."""
    yield "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n"
    moment, price = _BEGIN, 1.1
    for number in range(ROWS):
        moment += timedelta(milliseconds=chance.randrange(1, 700))
        price += chance.uniform(-0.00005, 0.00005)
        ask = "" if number % 2 else f"{price + 0.0001:.5f}"
        clock = f"{moment:%Y.%m.%d\t%H:%M:%S}.{moment.microsecond // 1000:03d}"
        yield f"{clock}\t{price:.5f}\t{ask}\t\t\t{2 if number % 2 else 6}\r\n"
