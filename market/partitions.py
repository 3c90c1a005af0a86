"""Day partitions of `market_tick`: made when a day's ticks come, dropped when old.

A few ticks of a far day (a wrong clock, a mangled time) do not make a table: they wait in the
default partition until the day has enough of them. So one bad client can't make thousands of
tables, which would exhaust the locks of a transaction and stall its shard.

Partitions are made in the transaction that writes into them. Shards that need one at once take
turns on the parent's SHARE UPDATE EXCLUSIVE lock, which readers and writers of other days do not
notice (`CREATE TABLE ... PARTITION OF` would shut out both). Who writes into the default partition
holds that lock too, so that nobody makes a partition under its feet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import structlog
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from market.models import StrayDay

log = structlog.get_logger(__name__)

OTHER = "market_tick_other"
ENOUGH_TICKS = 100
"""So many of one day, in a batch and waiting, are a replay or a history, not an accident."""
_NEAR = timedelta(days=7)
_MOST_AT_ONCE = 64
"""Each takes some locks until the commit, of some 6,400 that PostgreSQL has by default."""
_PREFIX = "market_tick_"
_DROP_WAITS_MS = 2000


def name_of(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def existing() -> list[date]:
    """Days that have a partition of their own, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'market_tick'::regclass AND c.relname <> %s ORDER BY 1",
            [OTHER],
        )
        return [_day_of(name) for (name,) in cursor.fetchall()]


def days_with_ticks() -> list[date]:
    """Days of which ticks are stored, in a partition of their own or not, in order."""
    return sorted({*existing(), *StrayDay.objects.values_list("day", flat=True)})


def tables_for(counts: Mapping[date, int]) -> dict[date, str]:
    """The table for each day's ticks; what is missing is made in the caller's transaction.

    `counts`: how many ticks of each day are about to be written.
    """
    with connection.cursor() as cursor:
        missing = _missing(cursor, counts)
        if missing:
            cursor.execute("LOCK TABLE market_tick IN SHARE UPDATE EXCLUSIVE MODE")
            missing = _missing(cursor, missing)  # another shard may have been faster
            made = _deserving(_waiting(cursor, {day: counts[day] for day in missing}))
            for day in made:
                _make(cursor, day)
            missing = [day for day in missing if day not in made]
    strays = set(missing)
    return {day: OTHER if day in strays else name_of(day) for day in counts}


def drop_older_than(days: int) -> list[date]:
    """Drop whole days that ended more than `days` ago; returns them.

    Each goes in a transaction of its own. A day that somebody is reading is left for the next time.
    """
    limit = datetime.now(UTC).date() - timedelta(days=days)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_tick_other WHERE event_time < %s", [_midnight(limit)])
        cursor.execute("DELETE FROM market_strayday WHERE day < %s", [limit])
    return [day for day in existing() if day < limit and _drop(day)]


def _missing(cursor: CursorWrapper, days: Iterable[date]) -> list[date]:
    names = {name_of(day): day for day in days}
    query = "SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NULL ORDER BY 1"
    cursor.execute(query, [list(names)])
    return [names[name] for (name,) in cursor.fetchall()]


def _waiting(cursor: CursorWrapper, counts: Mapping[date, int]) -> dict[date, int]:
    """Note ticks that are about to wait; returns how many of each day wait then."""
    statement = """
    INSERT INTO market_strayday AS s (day, ticks) SELECT * FROM unnest(%s::date[], %s::bigint[])
    ON CONFLICT (day) DO UPDATE SET ticks = s.ticks + excluded.ticks RETURNING day, ticks
    """
    cursor.execute(statement, [list(counts), list(counts.values())])
    return dict(cursor.fetchall())


def _deserving(waiting: Mapping[date, int]) -> list[date]:
    """Days around today, and those with enough ticks, the fullest first."""
    today = datetime.now(UTC).date()
    near = [day for day in waiting if abs(day - today) <= _NEAR]
    full = [day for day, ticks in waiting.items() if ticks >= ENOUGH_TICKS and day not in near]
    return [*near, *sorted(full, key=lambda day: -waiting[day])][:_MOST_AT_ONCE]


def _make(cursor: CursorWrapper, day: date) -> None:
    table = sql.Identifier(name_of(day))
    bounds = [_midnight(day), _midnight(day + timedelta(days=1))]
    attach = "ALTER TABLE market_tick ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})"
    move = (
        "WITH moved AS (DELETE FROM {} WHERE event_time >= %s AND event_time < %s RETURNING *) "
        "INSERT INTO {} SELECT * FROM moved"
    )
    cursor.execute(sql.SQL("CREATE TABLE {} (LIKE market_tick)").format(table))
    cursor.execute(sql.SQL(move).format(sql.Identifier(OTHER), table), bounds)
    cursor.execute(sql.SQL(attach).format(table, *map(sql.Literal, map(str, bounds))))
    cursor.execute("DELETE FROM market_strayday WHERE day = %s", [day])


def _drop(day: date) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_DROP_WAITS_MS}")
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name_of(day))))
    except OperationalError as error:
        log.warning("partition_busy", day=str(day), error=str(error))
        return False
    return True


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day_of(name: str) -> date:
    return datetime.strptime(name, f"{_PREFIX}%Y%m%d").replace(tzinfo=UTC).date()
