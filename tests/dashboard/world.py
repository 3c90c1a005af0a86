"""A small trading world in the database: clients, instruments, feeds, deviations, alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from bridge_ingest.clock import now_us
from bridge_ingest.events import dispatch
from bridge_ingest.models import Client, Session, Source, Stream
from market.models import Feed, FeedState, Instrument
from verification.models import Alert, DeviationPoint

KINDS = {
    "EURUSD": ("fx", 0.0001, 5, "24x5"),
    "USDJPY": ("fx", 0.01, 3, "24x5"),
    "BTCUSD": ("crypto", 0.1, 2, "24x7"),
}


def person(name: str, role: str = "") -> User:
    user = User.objects.create_user(name, password="correct horse")
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def client(name: str = "ICM-LIVE", platform: str = "mt5") -> Client:
    return Client.objects.get_or_create(name=name, defaults={"platform": platform})[0]


def connected(name: str) -> Session:
    """An open session of the client."""
    owner = client(name)
    stream = Stream.objects.create(client=owner, name=f"{name}-1")
    now = timezone.now()
    return Session.objects.create(
        client=owner, stream=stream, transport="tcp", peer="127.0.0.1", gateway="g",
        opened_at=now, last_seen_at=now,
    )  # fmt: skip


def posted(of: Client, *bodies: bytes) -> None:
    """Webhooks of a client, as the drain hands them on."""
    event = {"kind": "webhook", "client": of.pk, "content_type": "text/plain", "peer": "::1"}
    with transaction.atomic():
        dispatch([{**event, "body": body, "received_us": now_us()} for body in bodies])


def instrument(symbol: str = "EURUSD") -> Instrument:
    kind, pip_size, digits, session = KINDS[symbol]
    return Instrument.objects.get_or_create(
        symbol=symbol,
        defaults={
            "kind": kind, "pip_size": pip_size, "digits": digits, "session": session,
            "created_at": timezone.now(),
        },
    )[0]  # fmt: skip


def feed(
    name: str = "ICM-LIVE",
    symbol: str = "EURUSD",
    *,
    bid: float = 1.08124,
    ask: float = 1.08132,
    age_s: float = 0.0,
    terminal_symbol: str = "",
) -> Feed:
    """One client's feed of an instrument, its last tick `age_s` ago."""
    source = Source.objects.create(client=client(name), symbol=terminal_symbol or symbol, shard=0)
    made = Feed.objects.create(
        source=source, instrument=instrument(symbol), created_at=timezone.now()
    )
    at = timezone.now() - timedelta(seconds=age_s)
    FeedState.objects.create(
        feed=made, bid=bid, ask=ask, event_time=at, received_at=at, ticks=1, crossed=0
    )
    return made


def deviation(of: Feed, pips: float, at: datetime) -> DeviationPoint:
    return DeviationPoint.objects.create(
        feed=of,
        second=at.replace(microsecond=0),
        deviation=pips * of.instrument.pip_size,
        consensus=1.0,
        peers=1,
    )


def alert(of: Feed, **given: Any) -> Alert:
    """An open deviation alert on a feed, opened now unless told otherwise."""
    now = timezone.now()
    owner = of.source.client
    defaults: dict[str, Any] = {
        "fingerprint": f"deviation:{owner.pk}:{of.pk}:{Alert.objects.count()}",
        "rule": "deviation",
        "severity": "act",
        "client": owner,
        "feed": of,
        "instrument": of.instrument,
        "title": f"{owner.name} {of.instrument.symbol} is 3.1 pips above the others for 42 s",
        "value": 3.1,
        "worst": 3.1,
        "unit": "pips",
        "started_at": now,
        "opened_at": now,
    }
    return Alert.objects.create(**(defaults | given))
