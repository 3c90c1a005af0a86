"""Lost numbers: journalled `gap` events become one alert per client while they keep coming.

Sessions and status messages need no handler here: their rows are read when a silence is judged.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from bridge_ingest.events import Event, handler
from bridge_ingest.models import Client
from verification import counted, memory, titles
from verification.counted import Count
from verification.findings import ACT, LOOK, Finding
from verification.parameters import GapParameters, RuleBook

RULE = "gap"


@handler("gap")
def record_loss(events: list[Event]) -> None:
    rules = RuleBook(memory.settings())
    if rules.enabled(RULE):
        counted.record(RULE, events, partial(_count, rules.get(GapParameters)))


def closings(now_us: int, rules: RuleBook) -> list[Finding]:
    """Alerts of clients that have lost nothing for long enough."""
    after_s = rules.get(GapParameters).close_after_s
    reason = f"Nothing more was lost for {after_s:g} s."
    return counted.closings(RULE, now_us, after_s, reason)


def _count(
    parameters: GapParameters, client: Client, events: list[Event], facts: dict[str, Any] | None
) -> Count:
    before = facts or {"numbers": 0, "gaps": 0}
    new = sum(int(event["to"]) - int(event["from"]) + 1 for event in events)
    numbers, gaps = before["numbers"] + new, before["gaps"] + len(events)
    return Count(
        new=float(new),
        of_episode=float(numbers),
        unit="messages",
        severity=ACT if numbers >= parameters.act_numbers else LOOK,
        title=titles.gap(client.name, numbers, gaps),
        facts={"numbers": numbers, "gaps": gaps},
    )
