"""`manage.py match_symbol`: what terminals' symbols are, and what they may be; decide it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bridge_ingest.actions import ActionRefused
from bridge_ingest.models import Client, Source
from market import matching
from market.matching import Offer, Standing


class Command(BaseCommand):
    help = (
        "List symbols with what they may be (--client, --open), or decide on one: "
        "match_symbol --client ICM-LIVE EURUSD.m --to EURUSD."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", nargs="?", help="as the terminal names it, exactly")
        parser.add_argument("--client", help="name of the client; needed to decide")
        parser.add_argument("--open", action="store_true", help="only what nobody has decided")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--to", metavar="INSTRUMENT", help="it is this instrument")
        choice.add_argument("--apart", action="store_true", help="it is one of its own")
        choice.add_argument("--undo", action="store_true", help="as if nothing had been decided")
        parser.add_argument("--anyway", action="store_true", help="though prices differ")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        client = _client(options["client"])
        if options["to"] or options["apart"] or options["undo"]:
            _decide(_source(client, options["symbol"]), options)
        found = [
            each
            for each in matching.standings(client)
            if options["symbol"] in (None, each.feed.source.symbol)
            and (each.is_open or not options["open"])
        ]
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(each) for each in found]))
            return
        for each in found:
            self.stdout.write(_line(each))
        if not found:
            self.stdout.write("No symbol waits." if options["open"] else "No such symbol.")


def _client(name: str | None) -> Client | None:
    if name is None:
        return None
    found = Client.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no client {name}.")
    return found


def _source(client: Client | None, symbol: str | None) -> Source:
    if client is None or symbol is None:
        raise CommandError("Say which symbol of which --client.")
    found = Source.objects.select_related("client").filter(client=client, symbol=symbol).first()
    if found is None:
        raise CommandError(f"{client.name} has sent no symbol {symbol}; names are case-sensitive.")
    return found


def _decide(source: Source, options: dict[str, Any]) -> None:
    try:
        if options["to"]:
            matching.match(
                source, options["to"], actor=None, through="command", anyway=options["anyway"]
            )
        elif options["apart"]:
            matching.keep_apart(source, actor=None, through="command")
        else:
            matching.undo(source, actor=None, through="command")
    except ActionRefused as refused:
        raise CommandError(str(refused)) from None


def _as_json(standing: Standing) -> dict[str, Any]:
    return {
        "client": standing.feed.source.client.name,
        "symbol": standing.feed.source.symbol,
        "instrument": standing.feed.instrument.symbol,
        "decided": standing.decision is not None,
        "suggestions": [_offer(each) for each in standing.offers],
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "instrument": offer.target,
        "exists": offer.instrument is not None,
        "why": offer.suggestion.why,
        "price": offer.check.verdict,
        "off_bps": offer.check.off_bps,
        "minutes": offer.check.minutes,
    }


def _line(standing: Standing) -> str:
    source = standing.feed.source
    line = f"{source.client.name}  {source.symbol}  is {standing.feed.instrument.symbol}"
    if standing.decision is not None:
        return f"{line}  (decided {standing.decision.decided_at:%Y-%m-%d %H:%M})"
    may = [f"{each.target} ({each.suggestion.why}; {each.check.words})" for each in standing.offers]
    return f"{line}, may be {', '.join(may)}" if may else line
