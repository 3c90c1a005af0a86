"""`manage.py bars SYMBOL --period M1 --from ISO --to ISO`: bars of one feed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest.clock import from_us, to_us
from bridge_ingest.protocol.messages import PERIODS_S
from market import directory, queries
from market.directory import FeedEntry
from market.queries import BarColumns, Window


class Command(BaseCommand):
    help = "Bars of one feed, oldest first: those that open in [from, to)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="Its name, or one that means it: EURUSD, EUR/USD.")
        parser.add_argument("--period", choices=list(PERIODS_S), required=True)
        for name, place in (("--from", "start_us"), ("--to", "end_us")):
            note = "A time in UTC unless it says else; the end is not included."
            parser.add_argument(
                name, dest=place, type=_moment, required=True, metavar="ISO", help=note
            )
        parser.add_argument("--feed", metavar="CLIENT", help="Default: the feed with most ticks.")
        parser.add_argument("--json", action="store_true", help="Print a JSON array.")

    def handle(self, *_args: Any, **options: Any) -> None:
        feed = _feed(options["symbol"], options["feed"])
        window = Window(options["start_us"], options["end_us"])
        found = queries.rounded(queries.bars(feed.feed_id, PERIODS_S[options["period"]], window))
        if options["json"]:
            self.stdout.write(json.dumps(list(_as_json(found)), indent=2))
        else:
            self._table(feed, options["period"], found)

    def _table(self, feed: FeedEntry, period: str, found: BarColumns) -> None:
        self.stdout.write(f"{feed.symbol} of {feed.client}, {period}: {found.size:,} bars")
        digits = feed.digits + 1  # a mid lies between two steps
        for start, *prices, volume in _rows(found):
            columns = "  ".join(f"{price:12.{digits}f}" for price in prices)
            self.stdout.write(f"{start:%Y-%m-%d %H:%M:%S}  {columns}  {volume:12,.2f}")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        form = "2026-03-04 or 2026-03-04T12:30:00"
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as {form}") from None
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _feed(symbol: str, client: str | None) -> FeedEntry:
    found = directory.feed_of_client(client, symbol) if client else directory.find(symbol)
    if found is None:
        whose = f" from {client}" if client else ""
        raise CommandError(f"There is no feed of {symbol}{whose}.")
    return found


def _rows(found: BarColumns) -> Iterator[tuple[datetime, float, float, float, float, float]]:
    prices = (found.open, found.high, found.low, found.close, found.volume)
    starts = map(from_us, found.start_us.tolist())
    return zip(starts, *(column.tolist() for column in prices), strict=True)


def _as_json(found: BarColumns) -> Iterator[dict[str, object]]:
    names = ("open", "high", "low", "close", "volume")
    for start, *prices in _rows(found):
        yield {"start": start.isoformat(), **dict(zip(names, prices, strict=True))}
