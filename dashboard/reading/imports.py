"""Imports as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from bridge_ingest.protocol.messages import PERIODS_S
from dashboard.states import ACT, CLOSED, LOOK, VERIFIED
from market.imports.actions import UNDER_WAY
from market.imports.formats import FORMATS
from market.imports.shape import REASONS, Code
from market.models import Import, ImportState

OFF = "off"
_STATES = {
    ImportState.DONE: VERIFIED,
    ImportState.FAILED: ACT,
    ImportState.CANCELLED: CLOSED,
    ImportState.UNDONE: CLOSED,
}
_PERIOD_NAMES = {seconds: name for name, seconds in PERIODS_S.items()}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many rows were refused."""

    code: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class ImportView:
    """One line of the list, and an import's page."""

    job: Import

    @property
    def state(self) -> str:
        state = _STATES.get(ImportState(self.job.state), OFF)
        return LOOK if state == VERIFIED and self.job.refused else state

    @property
    def state_word(self) -> str:
        return self.job.get_state_display().lower()

    @property
    def moves(self) -> bool:
        """Whether the page has to look again."""
        return self.can_cancel or self.job.state in (ImportState.CANCELLING, ImportState.UNDOING)

    @property
    def can_cancel(self) -> bool:
        return self.job.state in UNDER_WAY

    @property
    def can_undo(self) -> bool:
        return self.job.state in (ImportState.DONE, ImportState.FAILED)

    @property
    def percent(self) -> int:
        return min(100, self.job.offset * 100 // max(1, self.job.size_bytes))

    @property
    def format(self) -> str:
        return FORMATS[self.job.format].label

    @property
    def what(self) -> str:
        period = self.job.period_s
        return f"{_PERIOD_NAMES.get(period, period)} bars" if period else "ticks"

    @property
    def reasons(self) -> list[Reason]:
        """The most frequent first."""
        found = [
            Reason(code, REASONS[Code(code)], count) for code, count in self.job.reasons.items()
        ]
        return sorted(found, key=lambda reason: (-reason.count, reason.code))


def imports() -> QuerySet[Import]:
    """Newest first, with all that a line shows."""
    return Import.objects.select_related("feed__source__client", "feed__instrument", "created_by")
