"""The tick table, partitioned by day of event time, and room for updates in place.

No index but BRIN on the event time: ticks arrive nearly in its order, so it stays a few pages, while
a B-tree of the hot table would halve the rate of storing. `market.partitions` makes the partitions.
Columns stand in falling order of size, so that no row carries padding.

The fill factors leave room on each page for new versions of rows that change again and again (the
bar of the running second, the last quote), so that an update touches no index (HOT).
"""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE TABLE market_tick (
    event_time  timestamptz      NOT NULL,
    received_at timestamptz      NOT NULL,
    bid         double precision NOT NULL,
    ask         double precision NOT NULL,
    last        double precision NOT NULL,
    volume      double precision NOT NULL,
    seq         bigint           NOT NULL,
    feed_id     integer          NOT NULL,
    stream_id   integer          NOT NULL,
    flags       smallint         NOT NULL,
    offset_min  smallint         NOT NULL
) PARTITION BY RANGE (event_time);
CREATE INDEX market_tick_event_time ON market_tick
    USING brin (event_time) WITH (pages_per_range = 64, autosummarize = on);
ALTER TABLE market_bar SET (fillfactor = 80);
ALTER TABLE market_terminalbar SET (fillfactor = 80);
ALTER TABLE market_feedstate SET (fillfactor = 50);
"""
BACKWARD = """
DROP TABLE market_tick;
ALTER TABLE market_bar RESET (fillfactor);
ALTER TABLE market_terminalbar RESET (fillfactor);
ALTER TABLE market_feedstate RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
