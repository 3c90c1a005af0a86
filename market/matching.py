"""Which instrument a terminal's symbol is: what is suggested, and what an operator decides.

A symbol is the instrument of exactly its name, until an operator has matched it with another. From
then on its feed stands in that instrument's consensus. Ticks and bars hang on the feed, so all of
its history goes with it; alerts that were about it stay with the instrument that they were about.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest.actions import ActionRefused
from bridge_ingest.control import tell_gateways
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client, Source
from bridge_ingest.symbols import own_name, shard_of
from market.adopt import forget, new_instrument
from market.instruments import DEFAULT_DIGITS
from market.match_prices import PriceCheck, checks
from market.models import Feed, Instrument, Layout, SymbolMatch
from market.spellings import Suggestion, suggestions

_LAYOUT = 1
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A feed's suggestion, held against the prices of what it suggests."""

    suggestion: Suggestion
    instrument: Instrument | None
    check: PriceCheck

    @property
    def target(self) -> str:
        return self.suggestion.target


@dataclass(frozen=True, slots=True)
class Standing:
    """One symbol of one client: what it is, what was decided, what else it might be."""

    feed: Feed
    decision: SymbolMatch | None
    offers: tuple[Offer, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.decision is None and bool(self.offers)

    @property
    def is_matched(self) -> bool:
        """With another instrument than its own name is."""
        return self.feed.instrument.symbol != own_name(self.feed.source.symbol)


def standings(client: Client | None = None) -> list[Standing]:
    """Every symbol of a client (None: of all), by client and symbol. Four queries at most."""
    rows = Feed.objects.select_related("source__client", "instrument", "state")
    if client is not None:
        rows = rows.filter(source__client=client)
    feeds = list(rows.order_by("source__client__name", "source__symbol"))
    decided = {
        (each.client_id, each.symbol): each
        for each in SymbolMatch.objects.select_related("instrument", "decided_by")
    }
    found = [
        Standing(feed, decided.get((feed.source.client_id, feed.source.symbol))) for feed in feeds
    ]
    offers = _offers([each.feed for each in found if each.decision is None and not each.is_matched])
    return [Standing(each.feed, each.decision, offers.get(each.feed.pk, ())) for each in found]


def _offers(feeds: Iterable[Feed]) -> dict[int, tuple[Offer, ...]]:
    """Feed id -> its suggestions that are worth asking about."""
    year = datetime.now(UTC).year
    found = [(feed.pk, each) for feed in feeds for each in suggestions(feed.source.symbol, year)]
    there = _quoted({each.target for _, each in found})
    kept = [(pk, each) for pk, each in found if each.certain or each.target in there]
    pairs = [(pk, there[each.target]) for pk, each in kept if each.target in there]
    checked = checks([(pk, instrument.pk, instrument.kind) for pk, instrument in pairs])
    offers: defaultdict[int, list[Offer]] = defaultdict(list)
    for pk, each in kept:
        instrument = there.get(each.target)
        check = checked[pk, instrument.pk] if instrument else PriceCheck.unknown()
        offers[pk].append(Offer(each, instrument, check))
    return {pk: tuple(several) for pk, several in offers.items()}


def _quoted(names: set[str]) -> dict[str, Instrument]:
    """Those of the instruments that have a feed, by name."""
    rows = Instrument.objects.filter(symbol__in=names, feeds__isnull=False)
    return {row.symbol: row for row in rows.distinct()}


def generation() -> int:
    """Rises whenever a feed has been given another instrument."""
    found = Layout.objects.filter(pk=_LAYOUT).values_list("generation", flat=True).first()
    return found or 0


class Moves:
    """Tells whether feeds have been given other instruments; looks at most once a second."""

    def __init__(self) -> None:
        self._generation = generation()
        self._looked_at = time.monotonic()

    def happened(self) -> bool:
        """Since this was asked last. What `adopt` remembers of feeds is then forgotten."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_EVERY_S:
            return False
        self._looked_at = now
        before, self._generation = self._generation, generation()
        if self._generation == before:
            return False
        forget()
        return True


@transaction.atomic
def match(
    source: Source, target: str, *, actor: User | None, through: str, anyway: bool = False
) -> SymbolMatch:
    """Give a client's symbol the instrument `target` from now on.

    Raises ActionRefused when there is no such instrument and the name does not suggest it, and when
    the prices differ (unless `anyway`).
    """
    wanted = " ".join(target.split())
    layout = _locked_layout()
    instrument = _instrument(source, wanted)
    if not anyway:
        _compare(source, instrument)
    return _decide(source, instrument, layout, actor=actor, through=through)


@transaction.atomic
def keep_apart(source: Source, *, actor: User | None, through: str) -> SymbolMatch:
    """The symbol is an instrument of its own, whatever its name suggests."""
    return _decide(source, None, _locked_layout(), actor=actor, through=through)


@transaction.atomic
def undo(source: Source, *, actor: User | None, through: str) -> None:
    """As if nobody had decided: an instrument of its own, and open suggestions again.

    Raises ActionRefused when nothing was decided.
    """
    layout = _locked_layout()
    decision = SymbolMatch.objects.filter(client=source.client, symbol=source.symbol).first()
    before = _move(source, _own(source), layout)
    if decision is None and before == own_name(source.symbol):
        raise ActionRefused(f"Nothing was decided about {source.symbol} of {source.client.name}.")
    if decision is not None:
        decision.delete()
    _record("symbol.undo", source, actor, through, before, own_name(source.symbol))


def _decide(
    source: Source,
    instrument: Instrument | None,
    layout: Layout,
    *,
    actor: User | None,
    through: str,
) -> SymbolMatch:
    decision, _ = SymbolMatch.objects.update_or_create(
        client=source.client,
        symbol=source.symbol,
        defaults={
            "instrument": instrument,
            "decided_at": timezone.now(),
            "decided_by": actor,
        },
    )
    target = instrument or _own(source)
    before = _move(source, target, layout)
    action = "symbol.match" if instrument else "symbol.apart"
    _record(action, source, actor, through, before, target.symbol)
    return decision


def _move(source: Source, instrument: Instrument, layout: Layout) -> str | None:
    """Put the feed there, in the shard of the others. Returns the instrument it had."""
    feed = Feed.objects.select_related("instrument").filter(pk=source.pk).first()
    before = feed.instrument.symbol if feed else None
    _take_to_shard(source, _shard_of(instrument, source))
    if feed is not None and feed.instrument_id != instrument.pk:
        feed.instrument = instrument
        feed.save(update_fields=["instrument"])
        layout.generation += 1
        layout.save(update_fields=["generation"])
    publish_event({"kind": "client", "id": source.client_id, "change": "symbols"})
    return before


def _take_to_shard(source: Source, shard: int) -> None:
    """All feeds of an instrument are judged by one worker. Gateways look the symbol up anew.

    What is on its way in the old shard is stored by the old worker, and not compared.
    """
    if source.shard != shard:
        source.shard = shard
        source.save(update_fields=["shard"])
        tell_gateways({"op": "reload", "client": source.client_id})


def _shard_of(instrument: Instrument, source: Source) -> int:
    others = Source.objects.filter(feed__instrument=instrument).exclude(pk=source.pk)
    found = others.order_by("pk").values_list("shard", flat=True).first()
    return shard_of(instrument.symbol, settings.FKS.shards) if found is None else found


def _instrument(source: Source, name: str) -> Instrument:
    """The one of this name, made if the symbol itself suggests it."""
    found = Instrument.objects.filter(symbol=name).first()
    if found is not None:
        return found
    suggested = suggestions(source.symbol, datetime.now(UTC).year)
    if name not in (own_name(source.symbol), *(each.target for each in suggested)):
        raise ActionRefused(f"There is no instrument {name!r}; names are case-sensitive.")
    return _made(name, source)


def _own(source: Source) -> Instrument:
    name = own_name(source.symbol)
    return Instrument.objects.filter(symbol=name).first() or _made(name, source)


def _made(name: str, source: Source) -> Instrument:
    """A new one; where its name says nothing it shows as many decimals as the feed does now."""
    now = Instrument.objects.filter(feeds__source=source).first()
    made = new_instrument(name, now.digits if now else DEFAULT_DIGITS)
    Instrument.objects.bulk_create([made], ignore_conflicts=True)
    return Instrument.objects.get(symbol=name)


def _compare(source: Source, instrument: Instrument) -> None:
    """Raises ActionRefused when the prices say that it is something else."""
    check = checks([(source.pk, instrument.pk, instrument.kind)])[source.pk, instrument.pk]
    if check.differs:
        raise ActionRefused(
            f"{source.symbol} of {source.client.name} is not priced like {instrument.symbol}: "
            f"{check.words}. Match it anyway only if you know why."
        )


def _locked_layout() -> Layout:
    Layout.objects.bulk_create([Layout(pk=_LAYOUT)], ignore_conflicts=True)
    return Layout.objects.select_for_update().get(pk=_LAYOUT)


def _record(
    action: str, source: Source, actor: User | None, through: str, before: str | None, after: str
) -> None:
    audit.record(
        actor=actor,
        action=action,
        object=source,
        object_name=f"{source.client.name} {source.symbol}",
        before={"instrument": before},
        after={"instrument": after},
        source=through,
    )
