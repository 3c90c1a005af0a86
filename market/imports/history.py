"""Imported bars as columns, for charts to show where nothing came live."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor

from bridge_ingest.protocol.messages import PERIODS_S

_PERIODS = """
SELECT period FROM unnest(%s::int[]) period
WHERE EXISTS (SELECT FROM market_importedbar WHERE feed_id = %s AND period_s = period)
ORDER BY period DESC
"""
# A bar that a file holds goes before one that was built from the ticks of another. What was built
# from the ticks of several files, each of which may end within the bar, is put together.
BARS = """
SELECT array_agg(start), array_agg(open), array_agg(high), array_agg(low), array_agg(close),
       array_agg(volume)
FROM (
    SELECT start,
           (array_agg(open ORDER BY open_time, open_received_at, open_seq))[1] AS open,
           max(high) AS high, min(low) AS low,
           (array_agg(close ORDER BY close_time DESC, close_received_at DESC, close_seq DESC))[1]
               AS close,
           sum(volume) AS volume
    FROM market_importedbar b
    WHERE feed_id = %s AND period_s = %s AND start >= %s AND start < %s
      AND (ticks = 0 OR NOT EXISTS (
          SELECT FROM market_importedbar given
          WHERE given.feed_id = b.feed_id AND given.period_s = b.period_s
            AND given.start = b.start AND given.ticks = 0))
    GROUP BY start ORDER BY start DESC LIMIT %s
) newest
"""


def periods(cursor: Cursor[Any], feed_id: int, period_s: int) -> list[int]:
    """The periods of imported bars that divide this one, the longest first."""
    divisors = [shorter for shorter in PERIODS_S.values() if period_s % shorter == 0]
    cursor.execute(_PERIODS, [divisors, feed_id])
    return [period for (period,) in cursor.fetchall()]
