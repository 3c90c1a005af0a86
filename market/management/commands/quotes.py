"""`manage.py quotes SYMBOL`: the last quote of each feed of an instrument."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bridge_ingest.symbols import canonical
from market import directory, queries
from market.queries import Quote


class Command(BaseCommand):
    help = "The last quote of each feed of an instrument."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="Its name, or one that means it: EURUSD, EUR/USD.")
        parser.add_argument("--json", action="store_true", help="Print a JSON array.")

    def handle(self, *_args: Any, **options: Any) -> None:
        feeds = directory.feeds_of(options["symbol"])
        if not feeds:
            raise CommandError(f"No client has sent anything for {canonical(options['symbol'])}.")
        symbol = feeds[0].symbol
        found = queries.quotes(symbol)
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(quote) for quote in found], indent=2))
        elif not found:
            self.stdout.write(f"{symbol} has bars, but no quotes yet.")
        else:
            self._table(found)

    def _table(self, found: list[Quote]) -> None:
        now = timezone.now()
        width = max(len(quote.client) for quote in found)
        self.stdout.write(
            f"{'client':{width}}  {'bid':>12}  {'ask':>12}  {'spread':>8}  {'age':>9}"
        )
        for quote in found:
            bid, ask = (f"{price:.{quote.digits}f}" for price in (quote.bid, quote.ask))
            spread = f"{quote.spread / quote.pip_size:.1f} pip"
            age = f"{(now - quote.received_at).total_seconds():,.1f} s"
            self.stdout.write(
                f"{quote.client:{width}}  {bid:>12}  {ask:>12}  {spread:>8}  {age:>9}"
            )


def _as_json(quote: Quote) -> dict[str, object]:
    return {
        "client": quote.client,
        "symbol": quote.symbol,
        "terminal_symbol": quote.terminal_symbol,
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last or None,
        "volume": quote.volume,
        "event_time": quote.event_time.isoformat(),
        "received_at": quote.received_at.isoformat(),
        "replayed": quote.replayed,
        "ticks": quote.ticks,
        "crossed": quote.crossed,
    }
