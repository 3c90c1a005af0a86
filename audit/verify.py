"""Walking the chain: has any entry been changed, removed or slipped in since it was written?"""

from __future__ import annotations

from dataclasses import dataclass

from audit.chain import GENESIS, Content, digest
from audit.models import AuditEntry

_FIELDS = ("id", "previous_digest", "digest", *Content._fields)
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Break:
    """The first entry that does not fit, and how."""

    entry_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`entries` were walked up to the break (or all). `head` is the last digest that held."""

    entries: int
    head: str
    broken: Break | None = None

    @property
    def intact(self) -> bool:
        return self.broken is None


def verify_chain(noted_head: str | None = None) -> ChainReport:
    """Recompute every digest, oldest first.

    A chain can't show that its newest entries were cut off. Who noted a head somewhere else gives
    it as `noted_head`: it must still be found.
    """
    previous, count, seen = GENESIS, 0, noted_head in (None, GENESIS)
    rows = AuditEntry.objects.order_by("id").values_list(*_FIELDS)
    for entry_id, stated_previous, stated, *content in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        reason = _misfit(previous, stated_previous, stated, Content(*content))
        if reason:
            return ChainReport(count, previous, Break(entry_id, reason))
        previous, count, seen = stated, count + 1, seen or stated == noted_head
    if not seen:
        last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
        return ChainReport(count, previous, Break(last, "entries after this one were removed"))
    return ChainReport(count, previous)


def _misfit(previous: str, stated_previous: str, stated: str, content: Content) -> str:
    if stated_previous != previous:
        return "does not follow the entry before it: one was removed, added or moved"
    if digest(previous, content) != stated:
        return "was changed after it was written"
    return ""
