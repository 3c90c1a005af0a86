"""Signals as a terminal keeps them: each id is shown once and executed once, whatever is repeated.

The bridge sends a signal again after a reconnect until it hears an acknowledgement, so the same
id can arrive several times. The book answers a repeat with what has become of it and never hands
it to the chart a second time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.protocol import SIGNAL_STATES, Signal

REMEMBERED = 1000
# A signal's life only goes forwards; what is final stays.
_ORDER = {"received": 0, "shown": 1, "executed": 2, "rejected": 2, "expired": 2}


@dataclass(slots=True)
class Life:
    """What has become of one signal. `confirmed` once the bridge must have heard of it."""

    state: str
    details: Mapping[str, str | float] = field(default_factory=dict)
    confirmed: bool = False


class SignalBook:
    """The last `REMEMBERED` signals by id."""

    def __init__(self, lives: Mapping[str, Life] | None = None) -> None:
        self._lives: OrderedDict[str, Life] = OrderedDict(lives or {})
        self.repeated = 0

    def arrive(self, signal: Signal, now_ms: int) -> bool:
        """Note an arrival; True when the chart should see it, False for a repeat or a late one."""
        if signal.id in self._lives:
            self.repeated += 1
            self._lives[signal.id].confirmed = False
            return False
        late = signal.expired(now_ms)
        self._lives[signal.id] = Life("expired" if late else "received")
        while len(self._lives) > REMEMBERED:
            self._lives.popitem(last=False)
        return not late

    def move(self, signal_id: str, state: str, details: Mapping[str, str | float]) -> bool:
        """Take a signal to `state`; False when it is there already or past it.

        Raises ValueError for a state outside the protocol and KeyError for an unknown id.
        """
        if state not in SIGNAL_STATES:
            raise ValueError(f"{state!r} is not a state of a signal ({', '.join(SIGNAL_STATES)})")
        life = self._lives[signal_id]
        if _ORDER[state] <= _ORDER[life.state]:
            return False
        self._lives[signal_id] = Life(state, dict(details))
        return True

    def state(self, signal_id: str) -> str | None:
        life = self._lives.get(signal_id)
        return None if life is None else life.state

    def lives(self) -> dict[str, Life]:
        """Every remembered signal by id, oldest first."""
        return dict(self._lives)

    def life(self, signal_id: str) -> Life:
        """What has become of a signal. Raises KeyError for an unknown id."""
        return self._lives[signal_id]

    def unconfirmed(self) -> list[str]:
        """Ids of the signals whose latest state the bridge may not have heard."""
        return [signal_id for signal_id, life in self._lives.items() if not life.confirmed]

    def confirm(self, told: Mapping[str, str]) -> None:
        """The bridge has heard these states, since it answered something said after them."""
        for signal_id, state in told.items():
            life = self._lives.get(signal_id)
            if life is not None and life.state == state:
                life.confirmed = True
