"""The audit log as people read it: sentences, and what changed from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.models import AuditEntry
from audit.verify import ChainReport, verify_chain
from dashboard.formatting import NOTHING

WORDS = {
    "client.register": "registered the client",
    "client.update": "changed the client",
    "client.disable": "disabled the client",
    "client.enable": "enabled the client",
    "client.clock": "set the clock of the client",
    "client.clock_refuse": "refused the measured clock of the client",
    "symbol.match": "matched the symbol",
    "symbol.apart": "kept apart the symbol",
    "symbol.undo": "took back what was decided of the symbol",
    "key.issue": "issued the key",
    "key.rotate": "rotated the key",
    "key.revoke": "revoked the key",
    "session.end": "ended the session",
    "signal.push": "pushed the signal",
    "signal.expire": "let the signal expire early",
    "strategy.set": "set the strategy",
    "rule.set": "set the rule",
    "alert.acknowledged": "acknowledged",
    "alert.unacknowledged": "took back the acknowledgement of",
    "alert.note": "noted on",
    "alert.silenced": "silenced",
    "alert.assigned": "assigned",
    "alert.resolved": "resolved",
    "silence.lift": "lifted the silence of",
    "user.create": "made the user",
    "user.role": "set the role of",
    "user.activate": "let in",
    "user.deactivate": "kept out",
    "user.password": "set the password of",
}
"""Action -> what stands between who and what in a sentence. Others are shown by their code."""

_SEEN_FOR_S = 60


class Change(NamedTuple):
    """One field; None on a side where it did not exist."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class EntryView:
    entry: AuditEntry

    @property
    def words(self) -> str:
        return WORDS.get(self.entry.action, self.entry.action)

    @property
    def changes(self) -> list[Change]:
        return list(changes(self.entry.before, self.entry.after))


@dataclass(frozen=True)
class ChainView:
    """What a walk along the chain found, and when it was walked."""

    report: ChainReport
    at: datetime


def entries(text: str, action: str, actor: str, source: str) -> QuerySet[AuditEntry]:
    """Newest first; each given filter narrows. `action` names an action or its group (`key.`)."""
    rows = AuditEntry.objects.order_by("-id")
    if text:
        rows = rows.filter(
            Q(object_name__icontains=text) | Q(action__icontains=text) | Q(object_id=text)
        )
    if action:
        rows = rows.filter(action__startswith=action)
    if actor:
        rows = rows.filter(actor_name=actor)
    if source:
        rows = rows.filter(source=source)
    return rows


def actors() -> list[str]:
    """Everybody who stands in the log, by name."""
    names = AuditEntry.objects.order_by("actor_name").values_list("actor_name", flat=True)
    return list(names.distinct())


def changes(before: Any, after: Any) -> Iterator[Change]:
    """The fields that differ between two states; a state that is no mapping counts as one field."""
    old, new = _fields(before), _fields(after)
    for field in dict.fromkeys([*old, *new]):
        if old.get(field) != new.get(field) or field not in old or field not in new:
            yield Change(field, _shown(old, field), _shown(new, field))


def _fields(state: Any) -> dict[str, Any]:
    if state is None:
        return {}
    return state if isinstance(state, dict) else {"value": state}


def _shown(state: dict[str, Any], field: str) -> str | None:
    if field not in state:
        return None
    value = state[field]
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    moment = _moment(value)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else str(value)


def _moment(value: Any) -> datetime | None:
    """ISO text that the log made of a datetime."""
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return parse_datetime(value)
    except ValueError:
        return None


def chain(afresh: bool = False) -> ChainView:
    """Whether the log is as it was written; walked at most once a minute unless asked `afresh`."""
    seen: ChainView | None = None if afresh else cache.get("audit.chain")
    if seen is None:
        seen = ChainView(verify_chain(), timezone.now())
        cache.set("audit.chain", seen, _SEEN_FOR_S)
    return seen
