"""A client's clock as its page shows it: three words on one clock, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge_ingest.clocks import Standing, standing
from bridge_ingest.models import Client, ClockChange
from dashboard.states import LOOK, VERIFIED

CHANGES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ClockView:
    standing: Standing
    changes: list[ClockChange]

    @property
    def state(self) -> str:
        if self.standing.clock.measured_s is None:
            return "off"
        return LOOK if self.standing.clock.is_off else VERIFIED

    @property
    def state_word(self) -> str:
        if self.standing.clock.measured_s is None:
            return "not measured yet"
        return "not as in force" if self.standing.clock.is_off else "as in force"


def clock_of(client: Client) -> ClockView:
    return ClockView(standing(client), list(client.clock_changes.all()[:CHANGES_SHOWN]))
