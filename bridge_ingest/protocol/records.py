"""From checked messages to journal records and event maps."""

from __future__ import annotations

import struct
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge_ingest.journal import layout
from bridge_ingest.journal.layout import RECORD, RECORD_STRUCT, Records
from bridge_ingest.protocol import rules
from bridge_ingest.protocol.binary import Batch
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.protocol.intake import Quote, SourceRef
from bridge_ingest.protocol.messages import PERIODS_S, Bar, Indicator, SignalAck, Tick, Ticks
from bridge_ingest.protocol.offset_meter import OffsetMeter

_TIMES = struct.Struct("<qq")
_MAX_AHEAD_MS = rules.MAX_AHEAD_US / 1000
_SMALLEST = float(np.nextafter(0.0, 1.0))
_NONE = np.empty(0, dtype=np.intp)
_METER_EVERY_US = 1_000_000


class Clocks:
    """The clocks of one session: the terminal's UTC offset, and replayed or real receipt.

    `stated_s` is what its hello said; `offset_us` is in force (see `follow`). A live session lends
    its ticks to its client's `meter`, one a second.
    """

    __slots__ = (
        "_measured_us",
        "base_flags",
        "meter",
        "offset_min",
        "offset_us",
        "replay",
        "stated_s",
    )

    def __init__(
        self,
        utc_offset_s: int,
        replay: bool,
        plain: bool = False,
        meter: OffsetMeter | None = None,
    ) -> None:
        self.stated_s = utc_offset_s
        self.replay = replay
        self.base_flags = (layout.REPLAY if replay else 0) | (layout.PLAIN if plain else 0)
        self.meter = None if replay else meter
        self._measured_us = 0
        self._use(utc_offset_s)

    def follow(self, offset_s: int | None) -> None:
        """From now on the offset that an operator has set, or (None) the stated one.

        Recorded data keeps what its own hello says: it speaks of another day.
        """
        if not self.replay:
            self._use(self.stated_s if offset_s is None else offset_s)

    def _use(self, offset_s: int) -> None:
        self.offset_us = offset_s * 1_000_000
        self.offset_min = offset_s // 60

    def measure(self, source: int, event_us: int, now_us: int) -> None:
        """Show the meter a live tick; within a second of one that it took, not even that."""
        if self.meter is None or 0 <= now_us - self._measured_us < _METER_EVERY_US:
            return
        if self.meter.note(source, event_us + self.offset_us, now_us):
            self._measured_us = now_us

    def event_us(self, time_ms: float) -> int:
        return rules.micros(time_ms) - self.offset_us

    def received_us(self, received_ms: float | None, now_us: int) -> int:
        """In replay the stated moment of arrival; else ours, whatever the message says."""
        if not self.replay or received_ms is None:
            return now_us
        moment = rules.micros(received_ms, "received_ms")
        rules.check_moment(moment, now_us, "received_ms")
        return moment

    def follows_events(self, received_ms: float | None) -> bool:
        """A recording without moments of arrival is judged as if all had arrived at once."""
        return self.replay and received_ms is None


def quote_flags(bid: float, ask: float) -> int:
    return layout.CROSSED if bid > ask else layout.LOCKED if bid == ask else 0


def pack_tick(tick: Tick, source: SourceRef, stream: int, clocks: Clocks, now_us: int) -> bytes:
    """One tick as 72 bytes. Raises Refused naming the field."""
    bid, ask, last = tick.bid, tick.ask, tick.last
    rules.check_price(bid, "bid", nonpositive=source.nonpositive)
    rules.check_price(ask, "ask", nonpositive=source.nonpositive)
    flags = clocks.base_flags | quote_flags(bid, ask)
    if last is not None and last != 0:
        rules.check_price(last, "last", nonpositive=source.nonpositive)
        flags |= layout.HAS_LAST
    if not 0 <= tick.volume < rules.MAX_PRICE:
        raise Refused("range", "volume", f"volume is {tick.volume:g}.")
    if tick.backfill is not None:
        flags |= layout.BACKFILL
    event_us = clocks.event_us(tick.time_ms)
    received_us = clocks.received_us(tick.received_ms, now_us)
    rules.check_moment(event_us, received_us)
    if tick.backfill is None:
        clocks.measure(source.id, event_us, now_us)
    if clocks.follows_events(tick.received_ms):
        received_us = event_us
    return RECORD_STRUCT.pack(
        event_us,
        received_us,
        bid,
        ask,
        last or 0.0,
        tick.volume,
        tick.seq,
        source.id,
        stream,
        flags,
        clocks.offset_min,
        0,
    )


def columns(rows: list[list[float]]) -> npt.NDArray[np.float64]:
    """Rows of equal length 3 to 5 as an array (n, width). Raises Refused when they are not."""
    width = len(rows[0])
    if not 3 <= width <= 5 or set(map(len, rows)) != {width}:
        raise Refused(
            "range", "ticks", "A record has 3 to 5 numbers, and all records equally many."
        )
    flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * width)
    return flat.reshape(-1, width)


def bad_rows(
    table: npt.NDArray[np.float64], source: SourceRef, clocks: Clocks, now_us: int
) -> npt.NDArray[np.intp]:
    """Indexes of rows that `pack_tick` would refuse.

    Usually none: the extremes of each column tell, and only when they offend are rows looked at.
    """
    low, high = _bounds(table.shape[1], source, clocks, now_us)
    if (table.min(axis=0) >= low).all() and (table.max(axis=0) <= high).all():
        ahead = table[:, 0].max() - _earliest_arrival_ms(table, clocks, now_us)
        if ahead <= _MAX_AHEAD_MS + clocks.offset_us / 1000:
            return _NONE
    event_ms = table[:, 0] - clocks.offset_us / 1000
    replayed = clocks.replay and table.shape[1] > 4
    arrival_ms = table[:, 4] if replayed else np.float64(now_us / 1000)
    good = ((table >= low) & (table <= high)).all(axis=1)  # so that NaN is not good
    return np.flatnonzero(~good | (event_ms > arrival_ms + _MAX_AHEAD_MS))


def _bounds(
    width: int, source: SourceRef, clocks: Clocks, now_us: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lowest and highest value accepted in each column."""
    earliest_ms, latest_ms = rules.EARLIEST_US / 1000, now_us / 1000 + _MAX_AHEAD_MS
    lowest = -rules.MAX_PRICE if source.nonpositive else _SMALLEST
    arrival = (earliest_ms, latest_ms) if clocks.replay else (-np.inf, np.inf)
    low = (earliest_ms + clocks.offset_us / 1000, lowest, lowest, 0.0, arrival[0])
    high = (np.inf, rules.MAX_PRICE, rules.MAX_PRICE, rules.MAX_PRICE, arrival[1])
    return np.array(low[:width]), np.array(high[:width])


def _earliest_arrival_ms(table: npt.NDArray[np.float64], clocks: Clocks, now_us: int) -> float:
    if clocks.replay and table.shape[1] > 4:
        return float(table[:, 4].min())
    return now_us / 1000


def pack_ticks(
    message: Ticks | Batch,
    table: npt.NDArray[np.float64],
    source: SourceRef,
    stream: int,
    clocks: Clocks,
    now_us: int,
) -> Records:
    """Checked rows as records."""
    count, width = table.shape
    records = np.zeros(count, RECORD)
    bid, ask = table[:, 1], table[:, 2]
    records["event_us"] = np.rint(table[:, 0] * 1000) - clocks.offset_us
    if clocks.replay and width > 4:
        records["received_us"] = np.rint(table[:, 4] * 1000)
    elif clocks.replay:
        records["received_us"] = records["event_us"]
    else:
        records["received_us"] = now_us
    records["bid"], records["ask"] = bid, ask
    if width > 3:
        records["volume"] = table[:, 3]
    records["seq"] = np.arange(message.seq, message.seq + count)
    records["source"], records["stream"] = source.id, stream
    backfill = layout.BACKFILL if message.backfill is not None else 0
    flags = (bid > ask) * layout.CROSSED + (bid == ask) * layout.LOCKED
    records["flags"] = flags + (clocks.base_flags | backfill)
    records["offset_min"] = clocks.offset_min
    if not backfill:  # the last row is the freshest; a bad one is too far off to be measured
        clocks.measure(source.id, int(records["event_us"][-1]), now_us)
    return records


def row_as_tick(message: Ticks | Batch, index: int) -> Tick:
    """One row as a single tick, so that a bad one is refused by the same rules and words."""
    row = message.ticks[index]
    if not 3 <= len(row) <= 5:
        raise Refused("range", "ticks", "A record has 3 to 5 numbers.")
    return Tick(
        seq=message.seq + index,
        symbol=message.symbol or "",
        time_ms=row[0],
        bid=row[1],
        ask=row[2],
        volume=row[3] if len(row) > 3 else 0.0,
        received_ms=row[4] if len(row) > 4 else None,
        backfill=message.backfill,
    )


def item_event(
    message: Bar | Indicator, source: SourceRef, stream: int, clocks: Clocks, now_us: int
) -> dict[str, Any]:
    """A single item that is no tick, for the journal of events. Raises Refused."""
    if isinstance(message, Bar):
        return bar_event(message, source, stream, clocks, now_us)
    return indicator_event(message, source, stream, clocks, now_us)


def bar_event(
    bar: Bar, source: SourceRef, stream: int, clocks: Clocks, now_us: int
) -> dict[str, Any]:
    """A bar with its opening time, whatever its stamp was."""
    rules.check_ohlc(bar.open, bar.high, bar.low, bar.close, source.nonpositive)
    if bar.volume < 0:
        raise Refused("range", "volume", f"volume is {bar.volume:g}.")
    received_us = clocks.received_us(bar.received_ms, now_us)
    stamped_us = clocks.event_us(bar.time_ms)
    rules.check_moment(stamped_us, received_us + PERIODS_S[bar.period] * 1_000_000)
    event_us = opening_us(stamped_us, bar.period, bar.stamp)
    if clocks.follows_events(bar.received_ms):
        received_us = event_us + bar.closed * PERIODS_S[bar.period] * 1_000_000
    return {
        "kind": "bar",
        "source": source.id,
        "stream": stream,
        "seq": bar.seq,
        "period": bar.period,
        "event_us": event_us,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "stamp": bar.stamp,
        "closed": bar.closed,
        "received_us": received_us,
        "flags": _event_flags(clocks, bar.backfill),
    }


def opening_us(stamped_us: int, period: str, stamp: str) -> int:
    """NinjaTrader stamps a bar at its close, MetaTrader and TradingView at its open."""
    return stamped_us - PERIODS_S[period] * 1_000_000 if stamp == "close" else stamped_us


def indicator_event(
    message: Indicator, source: SourceRef, stream: int, clocks: Clocks, now_us: int
) -> dict[str, Any]:
    rules.check_name(message.name, "name")
    rules.check_name(message.period, "period")
    received_us = clocks.received_us(message.received_ms, now_us)
    event_us = clocks.event_us(message.time_ms)
    rules.check_moment(event_us, received_us)
    if clocks.follows_events(message.received_ms):
        received_us = event_us
    return {
        "kind": "indicator",
        "source": source.id,
        "stream": stream,
        "seq": message.seq,
        "name": message.name,
        "value": message.value,
        "period": message.period,
        "event_us": event_us,
        "received_us": received_us,
        "flags": _event_flags(clocks, message.backfill),
    }


def signal_ack_event(message: SignalAck) -> dict[str, Any]:
    return {
        "kind": "signal_ack",
        "id": message.id,
        "state": message.state,
        "detail": storable(message.detail),
        "ticket": storable(str(message.ticket)),
        "price": message.price,
    }


def storable(text: str) -> str:
    """PostgreSQL's text holds no zero byte."""
    return text.replace("\0", "\ufffd")


def _event_flags(clocks: Clocks, backfill: str | int | None) -> int:
    return clocks.base_flags | (layout.BACKFILL if backfill is not None else 0)


def times_of(data: bytes) -> tuple[int, int]:
    """event_us and received_us of a packed record."""
    event_us, received_us = _TIMES.unpack_from(data)
    return event_us, received_us


def quote_of(record: np.void) -> Quote:
    return (
        float(record["bid"]),
        float(record["ask"]),
        int(record["event_us"]),
        int(record["received_us"]),
    )


def without(packed: Records, bad: npt.NDArray[np.intp]) -> Records:
    keep = np.ones(len(packed), dtype=bool)
    keep[bad] = False
    return packed[keep]
