"""Rows that tests of signals and of pages start from."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from bridge_ingest.models import ApiKey, Client, Scope, Source
from market.models import Feed, FeedState, Instrument


def make_client(name: str, platform: str = "mt5", *, receives: bool = True) -> Client:
    """A registered client; with a key in force that lets it receive signals, unless told not to."""
    client = Client.objects.create(name=name, platform=platform)
    scopes = [Scope.INGEST, Scope.SIGNALS] if receives else [Scope.INGEST]
    make_key(client, scopes)
    return client


def make_key(client: Client, scopes: list[Scope], expires_at: datetime | None = None) -> ApiKey:
    number = ApiKey.objects.count()
    return ApiKey.objects.create(
        client=client, public_id=f"k{number:09}", digest="0" * 64, pepper=1, scopes=scopes,
        expires_at=expires_at,
    )  # fmt: skip


def make_instrument(
    symbol: str = "EURUSD", pip_size: float = 0.0001, digits: int = 5
) -> Instrument:
    return Instrument.objects.create(
        symbol=symbol, kind="fx", pip_size=pip_size, digits=digits, session="24x5",
        created_at=timezone.now(),
    )  # fmt: skip


def make_feed(
    client: Client,
    instrument: Instrument,
    symbol: str | None = None,
    *,
    bid: float = 1.08120,
    ask: float = 1.08125,
    received_at: datetime | None = None,
) -> Feed:
    """A feed that has quoted once."""
    now = timezone.now()
    source = Source.objects.create(client=client, symbol=symbol or instrument.symbol, shard=0)
    feed = Feed.objects.create(source=source, instrument=instrument, created_at=now)
    at = received_at or now
    FeedState.objects.create(
        feed=feed, bid=bid, ask=ask, event_time=at, received_at=at, ticks=1, crossed=0
    )
    return feed
