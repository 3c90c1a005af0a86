"""Is a feed priced like an instrument's other feeds? Minute bars of both, or their last quotes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.db import connection

from market.models import InstrumentKind

MINUTES = 60
"""The newest so many minutes in which the feed had a price are compared."""
MIN_MINUTES = 3
TOGETHER_S = 60
"""Without so many common minutes the last quotes are, if received within a minute of each other."""
LIMITS_BPS: dict[str, float] = {
    InstrumentKind.FX: 10.0,
    InstrumentKind.METAL: 15.0,
    InstrumentKind.CRYPTO: 40.0,
}
"""Medians of honest feeds lie far below: 0.05 to 0.15 pips for two brokers of EURUSD and NZDUSD, 2
to 4 bps for two exchanges' bitcoin. A perpetual and its spot pair can't be told apart by price."""
OTHER_LIMIT_BPS = 30.0
_SCALE_TOLERANCE = 0.02

Verdict = Literal["same", "scaled", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """`ratio`: of the feed's price to the others'; `off_bps`: how far apart, at the median."""

    verdict: Verdict
    minutes: int = 0
    off_bps: float | None = None
    ratio: float | None = None

    @classmethod
    def unknown(cls) -> PriceCheck:
        return cls("unknown")

    @property
    def differs(self) -> bool:
        return self.verdict in ("scaled", "other")

    @property
    def words(self) -> str:
        """As a trader would say it."""
        if self.ratio is None or self.off_bps is None:
            return "not compared: they have not quoted at the same time yet"
        over = f"over {self.minutes} minutes" if self.minutes else "at their last quotes"
        match self.verdict:
            case "same":
                return f"{self.off_bps:.1f} bps apart {over}"
            case "scaled":
                return f"its price is {self.ratio:.4g} times theirs, as if in another unit"
            case _:
                return f"its price is {self.ratio:.4g} times theirs {over}"


_COMPARE = """
SELECT pair.feed_id, pair.instrument_id, bars.minutes, bars.off, bars.ratio, last.off, last.ratio
FROM unnest(%s::int[], %s::bigint[]) AS pair(feed_id, instrument_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS minutes,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(m.close / o.close - 1)) AS off,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY m.close / o.close) AS ratio
    FROM (SELECT start, close FROM market_bar
          WHERE market_bar.feed_id = pair.feed_id AND period_s = 60
          ORDER BY start DESC LIMIT %s) m
    JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY b.close) AS close
        FROM market_feed f JOIN market_bar b
             ON b.feed_id = f.source_id AND b.period_s = 60 AND b.start = m.start
        WHERE f.instrument_id = pair.instrument_id AND f.source_id <> pair.feed_id
    ) o ON o.close > 0
) bars
LEFT JOIN LATERAL (
    SELECT abs((s.bid + s.ask) / (t.bid + t.ask) - 1) AS off,
           (s.bid + s.ask) / (t.bid + t.ask) AS ratio
    FROM market_feedstate s
    JOIN market_feed f ON f.instrument_id = pair.instrument_id AND f.source_id <> s.feed_id
    JOIN market_feedstate t ON t.feed_id = f.source_id AND t.bid + t.ask > 0
    WHERE s.feed_id = pair.feed_id AND s.replayed = t.replayed
      AND abs(extract(epoch FROM s.received_at - t.received_at)) <= %s
    ORDER BY t.received_at DESC LIMIT 1
) last ON true
"""


def checks(pairs: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int], PriceCheck]:
    """(feed, instrument, the instrument's kind) of each -> how their prices compare. One query."""
    asked = list(pairs)
    if not asked:
        return {}
    kinds = {(feed, instrument): kind for feed, instrument, kind in asked}
    with connection.cursor() as cursor:
        cursor.execute(
            _COMPARE,
            [[feed for feed, _, _ in asked], [pk for _, pk, _ in asked], MINUTES, TOGETHER_S],
        )
        return {(row[0], row[1]): _judge(kinds[row[0], row[1]], *row[2:]) for row in cursor}


def _judge(
    kind: str,
    minutes: int,
    off: float | None,
    ratio: float | None,
    last_off: float | None,
    last_ratio: float | None,
) -> PriceCheck:
    if minutes < MIN_MINUTES or off is None or ratio is None:
        minutes, off, ratio = 0, last_off, last_ratio
    if off is None or ratio is None:
        return PriceCheck.unknown()
    limit_bps = LIMITS_BPS.get(kind, OTHER_LIMIT_BPS)
    verdict: Verdict = "same" if off * 1e4 <= limit_bps else "other"
    if verdict == "other" and _is_scaled(ratio):
        verdict = "scaled"
    return PriceCheck(verdict, minutes, off * 1e4, ratio)


def _is_scaled(ratio: float) -> bool:
    """Ten, a hundred, ... times: the price of a cent account's lot, or of another contract."""
    if ratio <= 0:
        return False
    power = math.log10(ratio)
    return round(power) != 0 and abs(10 ** (power - round(power)) - 1) <= _SCALE_TOLERANCE
