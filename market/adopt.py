"""A source that speaks for the first time becomes a feed: of the instrument that an operator has
matched its symbol with, else of the one of exactly its name. What else it may be: `matching`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from django.utils import timezone

from bridge_ingest.journal.layout import Records
from bridge_ingest.models import Source
from bridge_ingest.symbols import own_name, parse
from market.bars import group_starts, grouped
from market.feeds import FeedInfo
from market.instruments import DEFAULT_DIGITS, traits_of
from market.models import Feed, Instrument, SymbolMatch

REMEMBERED_S = 60.0
"""How long a worker may go on with an instrument's old settings after an operator changed them."""
_MAX_DIGITS = 8


@dataclass(slots=True)
class _Memory:
    """What this process has read or made, for a while."""

    feeds: dict[int, FeedInfo] = field(default_factory=dict)
    until: float = 0.0

    def fresh(self) -> dict[int, FeedInfo]:
        now = time.monotonic()
        if now >= self.until:
            self.feeds.clear()
            self.until = now + REMEMBERED_S
        return self.feeds


_memory = _Memory()


def feeds_for(batch: Records) -> dict[int, FeedInfo]:
    """The feed of each source in a batch, by source id; new ones are made in this transaction.

    A source that no longer exists (its client was deleted) is left out.
    """
    if not len(batch):
        return {}
    order = grouped(batch["source"])
    firsts = order[group_starts(batch["source"][order])]
    columns = (batch[name][firsts].tolist() for name in ("source", "bid", "ask"))
    return feeds_of({source: (bid, ask) for source, bid, ask in zip(*columns, strict=True)})


def known_feeds(batch: Records) -> dict[int, FeedInfo]:
    """As `feeds_for`, without those that no worker has made yet."""
    known = _memory.fresh()
    sources = np.unique(batch["source"]).tolist()
    unknown = [source for source in sources if source not in known]
    if unknown:
        known |= _read(unknown)
    return {source: known[source] for source in sources if source in known}


def feeds_of(prices: Mapping[int, Iterable[float]]) -> dict[int, FeedInfo]:
    """As `feeds_for`, for source ids with some price of each, which shows its decimals."""
    known = _memory.fresh()
    unknown = [source for source in prices if source not in known]
    found = _adopted(unknown, prices) if unknown else {}
    return {source: info for source in prices if (info := known.get(source) or found.get(source))}


def forget() -> None:
    """Read everything anew from PostgreSQL the next time."""
    _memory.feeds.clear()


def _adopted(ids: list[int], prices: Mapping[int, Iterable[float]]) -> dict[int, FeedInfo]:
    found = _read(ids)
    strangers = [source for source in ids if source not in found]
    if strangers:
        _make(strangers, prices)
        found |= _read(strangers)
    # Remembered only after the commit: after a rollback, rows made here would not exist.
    transaction.on_commit(lambda: _memory.feeds.update(found))
    return found


def _read(ids: list[int]) -> dict[int, FeedInfo]:
    feeds = Feed.objects.filter(pk__in=ids).select_related("instrument", "source__client")
    return {feed.pk: _info(feed) for feed in feeds}


def _info(feed: Feed) -> FeedInfo:
    instrument, client = feed.instrument, feed.source.client
    return FeedInfo(
        feed_id=feed.pk,
        instrument_id=instrument.pk,
        symbol=instrument.symbol,
        own_symbol=feed.source.symbol,
        client_id=client.pk,
        client_name=client.name,
        kind=instrument.kind,
        pip_size=instrument.pip_size,
        digits=instrument.digits,
        session=instrument.session,
        shard=feed.source.shard,
    )


def _make(ids: list[int], prices: Mapping[int, Iterable[float]]) -> None:
    """Rows that another process makes at the same moment are taken as they are."""
    now = timezone.now()
    sources = list(Source.objects.filter(pk__in=ids).order_by("pk"))
    matched = _matched(sources)
    named = {
        source.pk: matched.get((source.client_id, source.symbol)) or own_name(source.symbol)
        for source in sources
    }
    made = {name: new_instrument(name, digits_of(prices[pk])) for pk, name in named.items()}
    in_order = [made[name] for name in sorted(made)]
    Instrument.objects.bulk_create(in_order, ignore_conflicts=True)
    ids_of = dict(Instrument.objects.filter(symbol__in=made).values_list("symbol", "pk"))
    Feed.objects.bulk_create(
        [
            Feed(source_id=source, instrument_id=ids_of[name], created_at=now)
            for source, name in named.items()
        ],
        ignore_conflicts=True,
    )


def _matched(sources: list[Source]) -> dict[tuple[int, str], str]:
    """What an operator has said of a client's symbol: the instrument's name."""
    rows = SymbolMatch.objects.filter(
        client__in={source.client_id for source in sources},
        symbol__in={source.symbol for source in sources},
        instrument__isnull=False,
    )
    found = rows.values_list("client_id", "symbol", "instrument__symbol")
    return {(client, symbol): instrument for client, symbol, instrument in found if instrument}


def new_instrument(name: str, digits: int = DEFAULT_DIGITS) -> Instrument:
    """Not saved. Kind, pip and hours follow from the name; `digits` where it says nothing."""
    parsed = parse(name)
    traits = traits_of(parsed, digits)
    return Instrument(
        symbol=name,
        description=traits.description,
        kind=traits.kind,
        pip_size=traits.pip_size,
        digits=traits.digits,
        session=traits.session,
        allows_nonpositive=parsed.allows_nonpositive,
        created_at=timezone.now(),
    )


def digits_of(prices: Iterable[float]) -> int:
    """The fewest decimals that write these prices in full, 8 at most; 5 when there are none."""
    shown = [f"{price:.{_MAX_DIGITS}f}".rstrip("0") for price in prices]
    return max((len(text.partition(".")[2]) for text in shown), default=DEFAULT_DIGITS)
