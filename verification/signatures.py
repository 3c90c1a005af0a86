"""Digests that do not fit: journalled `bad_digest` events become one alert per client.

One is a damaged line, which is sent again. Several within a while are a wrong secret, or somebody
who has the key and not the secret.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.db.models import Sum

from bridge_ingest.clock import from_us
from bridge_ingest.events import Event, handler
from bridge_ingest.models import Client, Refusal
from verification import counted, memory, titles
from verification.counted import Count
from verification.findings import ACT, LOOK, Finding
from verification.parameters import RuleBook, SignatureParameters

RULE = "signature"
_CODE = "digest"


@handler("bad_digest")
def record_bad_digests(events: list[Event]) -> None:
    rules = RuleBook(memory.settings())
    if rules.enabled(RULE):
        counted.record(RULE, events, partial(_count, rules.get(SignatureParameters)))


def closings(now_us: int, rules: RuleBook) -> list[Finding]:
    """Alerts of clients whose digests have been right for long enough."""
    after_s = rules.get(SignatureParameters).close_after_s
    reason = f"No digest was wrong for {after_s:g} s."
    return counted.closings(RULE, now_us, after_s, reason)


def _count(
    parameters: SignatureParameters,
    client: Client,
    events: list[Event],
    facts: dict[str, Any] | None,
) -> Count | None:
    new = sum(int(event["count"]) for event in events)
    if facts is not None:
        total = facts["refusals"] + new
    else:
        last_us = max(int(event["received_us"]) for event in events)
        total = max(new, _recent(client, last_us, parameters.window_s))
        if total < parameters.min_refusals:
            return None
    return Count(
        new=float(new),
        of_episode=float(total),
        unit="refusals",
        severity=ACT if total >= parameters.act_refusals else LOOK,
        title=titles.signature(client.name, total),
        facts={"refusals": total},
    )


def _recent(client: Client, until_us: int, window_s: float) -> int:
    """Digests of the client refused in the window. Their rows come with or before the events."""
    since = from_us(until_us) - timedelta(seconds=window_s)
    rows = Refusal.objects.filter(
        client=client, code=_CODE, at__gt=since, at__lte=from_us(until_us)
    )
    return rows.aggregate(total=Sum("count"))["total"] or 0
