"""Every limit of the bridge beside how far it is used now: one list for the page and /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import redis
from django.conf import settings
from django.db.models import Count

from bridge_ingest import names
from bridge_ingest.dialects.body import MAX_BODY_BYTES
from bridge_ingest.gateway.directory import MAX_SYMBOLS
from bridge_ingest.gateway.tcp import UNREAD_REPLIES_BYTES
from bridge_ingest.gateway.watch import SILENCE_S
from bridge_ingest.journal.writer import HIGH_WATER_BYTES
from bridge_ingest.models import Source
from bridge_ingest.protocol.binary import MAX_TICKS
from bridge_ingest.protocol.framing import MAX_LINE_BYTES
from bridge_ingest.store import sync_redis
from bridge_ingest.webhooks.models import WebhookBody
from dashboard.states import ACT, LOOK, VERIFIED

_FRESH_MS = 5_000


@dataclass(frozen=True, slots=True)
class Limit:
    """`name` is a setting's attribute, or our own word for a fixed bound. 0 is no limit.

    `share`: how much of it is used, 0 to 1 and beyond; None where nothing can be measured.
    """

    name: str
    title: str
    value: float
    unit: str
    share: float | None = None
    who: str = ""

    @property
    def variable(self) -> str:
        """The environment variable that sets it; empty for a fixed bound."""
        return f"FKS_{self.name.upper()}" if hasattr(settings.FKS, self.name) else ""

    @property
    def percent(self) -> str:
        """`38`, `< 1`, or nothing where nothing can be measured."""
        if self.share is None:
            return ""
        return "< 1" if 0 < self.share < 0.01 else f"{self.share * 100:.0f}"

    @property
    def state(self) -> str:
        if self.share is None:
            return "off"
        return ACT if self.share >= 1 else LOOK if self.share >= 0.8 else VERIFIED


def limits_in_use() -> list[Limit]:
    """Never raises for a Redis that is away: what it would have told is then not measured."""
    client = sync_redis()
    try:
        use, memory = _use(client), int(client.info("memory")["used_memory"])
    except redis.RedisError:
        use, memory = None, None
    return [*_of_gateways(use), *_of_stores(memory), *_fixed(use)]


_Use = dict[str, tuple[float, str]]


def _use(client: redis.Redis) -> _Use | None:
    """The highest of all gateways that told it in the last seconds; None when none did."""
    told = [msgspec.json.decode(value) for value in client.hvals(names.USE)]
    fresh = [each["use"] for each in told if each["at_ms"] > time.time() * 1000 - _FRESH_MS]
    if not fresh:
        return None
    highest: _Use = {}
    for use in fresh:
        for name, (amount, who) in use.items():
            highest[name] = max(highest.get(name, (0.0, "")), (amount, who))
    return highest


def _of_gateways(use: _Use | None) -> Iterator[Limit]:
    config = settings.FKS
    for name, title, unit, is_rate in (
        ("max_sessions", "Connections at one gateway", "", False),
        ("client_sessions", "Sessions of one client at one gateway", "", False),
        ("client_ticks_per_s", "Items of one client", "/s", True),
        ("client_messages_per_s", "Messages of one client", "/s", True),
        ("client_kib_per_s", "Data of one client", "KiB/s", True),
        ("client_posts_per_s", "Posts of one client", "/s", True),
    ):
        value = getattr(config, name)
        share, who = None, ""
        if use is not None and value:
            amount, who = use.get(name, (0.0, ""))
            share = amount if is_rate else amount / value
        yield Limit(name, title, value, unit, share, who if share else "")


def _of_stores(memory: int | None) -> Iterator[Limit]:
    config = settings.FKS
    share = None if memory is None else memory / (config.journal_limit_mb << 20)
    yield Limit("journal_limit_mb", "Redis, before terminals wait", config.journal_limit_mb, "MiB",
                share)  # fmt: skip
    refused = WebhookBody.objects.filter(state=WebhookBody.State.REFUSED)
    count, who = _most(refused)
    yield Limit("webhook_kept", "Refused webhooks kept for one client", config.webhook_kept, "",
                count / config.webhook_kept, who)  # fmt: skip
    count, who = _most(Source.objects.all())
    yield Limit("symbols", "Symbols of one client", MAX_SYMBOLS, "", count / MAX_SYMBOLS, who)


def _most(rows: Any) -> tuple[int, str]:
    """How many of the rows the client with most of them has, and its name."""
    counted = rows.order_by().values("client__name").annotate(count=Count("pk"))
    first = counted.order_by("-count").first()
    return (first["count"], first["client__name"]) if first else (0, "")


def _fixed(use: _Use | None) -> Iterator[Limit]:
    pending = None if use is None else use.get("pending", (0.0, ""))[0]
    yield Limit("pending", "Waiting for one commit, before terminals wait",
                HIGH_WATER_BYTES >> 20, "MiB", pending)  # fmt: skip
    yield Limit("line", "One line", MAX_LINE_BYTES >> 10, "KiB")
    yield Limit("binary", "Ticks of one binary batch", MAX_TICKS, "")
    yield Limit("webhook", "One webhook", MAX_BODY_BYTES >> 10, "KiB")
    yield Limit("unread", "Replies that a terminal may leave unread", UNREAD_REPLIES_BYTES >> 20,
                "MiB")  # fmt: skip
    yield Limit("silence", "Silence before a ping, and again before the end", SILENCE_S, "s")
    yield Limit("sign_in", "Wrong passwords before a pause", settings.AXES_FAILURE_LIMIT, "")
