"""Which terminals a signal can reach, and what each of them calls the instrument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from django.db.models import F, Q
from django.utils import timezone

from bridge_ingest.models import ApiKey, Client, Platform, Scope
from market.models import Feed, FeedState, Instrument


@dataclass(frozen=True, slots=True)
class Target:
    """A client that the signal goes to, with the symbol as its terminal names it."""

    client: Client
    symbol: str


@dataclass(frozen=True, slots=True)
class Turned:
    """A client that the signal can't go to, and why."""

    client: Client
    reason: str


def find_instrument(symbol: str) -> Instrument | None:
    """By its name, then by its name in any case, then by the name that one of the terminals uses.

    One that is still quoted comes first: all feeds of `EURUSD.m` may have been matched with EURUSD.
    """
    ways = (Q(symbol=symbol), Q(symbol__iexact=symbol), Q(feeds__source__symbol=symbol))
    rows = Instrument.objects.order_by("id")
    quoted = (rows.filter(way, feeds__isnull=False).first() for way in ways)
    left = (rows.filter(way).first() for way in ways)
    return next((found for found in chain(quoted, left) if found is not None), None)


def market_price(instrument: Instrument) -> float | None:
    """The mid of the quote that any feed of the instrument received last."""
    states = FeedState.objects.filter(feed__instrument=instrument).order_by("-received_at")
    quote = states.values_list("bid", "ask").first()
    return None if quote is None else (quote[0] + quote[1]) / 2


def choose(
    symbol: str, instrument: Instrument | None, clients: Iterable[Client]
) -> tuple[list[Target], list[Turned]]:
    """Every client is either a target or turned away with its reason."""
    asked = sorted(clients, key=lambda client: client.name)
    turned = turned_away(asked)
    reached = [client for client in asked if client.pk not in turned]
    names = _own_names(instrument, reached)
    default = instrument.symbol if instrument else symbol
    targets = [Target(client, names.get(client.pk, default)) for client in reached]
    return targets, [Turned(client, turned[client.pk]) for client in asked if client.pk in turned]


def receivers() -> list[Client]:
    """All clients that a signal can be sent to now."""
    clients = list(Client.objects.filter(disabled_at=None))
    turned = turned_away(clients)
    return [client for client in clients if client.pk not in turned]


def turned_away(clients: list[Client]) -> dict[int, str]:
    """Client id -> why no signal can be sent to it; those that can receive are not in it."""
    listening = _listening(clients)
    reasons = {client.pk: _reason(client, client.pk in listening) for client in clients}
    return {pk: reason for pk, reason in reasons.items() if reason}


def _reason(client: Client, listening: bool) -> str:
    if client.platform == Platform.TRADINGVIEW:
        return "TradingView opens no connection on which a signal could be sent."
    if client.disabled_at is not None:
        return "The client is disabled."
    if not listening:
        return "None of its keys may receive signals. Issue one with that scope."
    return ""


def _listening(clients: list[Client]) -> set[int]:
    """Clients with a key in force for signals, and those that need no key (plain ones)."""
    ids = [client.pk for client in clients]
    in_force = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    keys = ApiKey.objects.filter(
        in_force, client__in=ids, revoked_at=None, scopes__contains=[Scope.SIGNALS]
    )
    plain = Client.objects.filter(Q(streams__plain=True) | ~Q(plain_address=""), pk__in=ids)
    return {*keys.values_list("client_id", flat=True), *plain.values_list("pk", flat=True)}


def _own_names(instrument: Instrument | None, clients: list[Client]) -> dict[int, str]:
    """Client id -> its symbol; of several (EURUSD, EURUSD.pro) the one that quoted last."""
    if instrument is None:
        return {}
    feeds = Feed.objects.filter(instrument=instrument, source__client__in=clients)
    rows = feeds.order_by(F("state__received_at").asc(nulls_first=True)).values_list(
        "source__client_id", "source__symbol"
    )
    return dict(rows)
