"""How much one client may send, and how it is slowed down: it is read no faster.

Nothing is dropped: what is not read waits at the terminal, since TCP pushes back. All sessions of a
client at one gateway share its limits. A rate of 0 is no limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BURST_S = 2.0
"""So much of a second's allowance may come at once: terminals send in bursts."""


@dataclass(slots=True)
class Bucket:
    """Fills by `per_s` up to a burst; what is taken beyond it is a debt that takes time to pay."""

    per_s: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.per_s * BURST_S

    def take(self, amount: float, now: float) -> None:
        """`now`: seconds, of any clock that does not go back."""
        if self.per_s:
            full = self.per_s * BURST_S
            self.level = min(full, self.level + (now - self.at) * self.per_s) - amount
            self.at = now

    def spare(self, amount: float, now: float) -> bool:
        """Take it if it is there; True when it was."""
        if not self.per_s:
            return True
        self.take(0, now)
        if self.level < amount:
            return False
        self.level -= amount
        return True

    def share_used(self, now: float) -> float:
        """How much of the burst is used up: 0 for none, 1 and more for one that must wait."""
        if not self.per_s:
            return 0.0
        full = self.per_s * BURST_S
        level = min(full, self.level + (now - self.at) * self.per_s)
        return (full - level) / full

    def owes_s(self, now: float) -> float:
        """How long until the debt is paid."""
        if not self.per_s or self.level >= 0:
            return 0.0
        return max(0.0, -self.level / self.per_s - (now - self.at))


@dataclass(slots=True)
class Limits:
    """One client's rates at one gateway."""

    ticks: Bucket
    messages: Bucket
    bytes: Bucket
    posts: Bucket

    @classmethod
    def of(
        cls, *, ticks: float = 0, messages: float = 0, data: float = 0, posts: float = 0
    ) -> Limits:
        """Rates a second; `data` in bytes."""
        return cls(Bucket(ticks), Bucket(messages), Bucket(data), Bucket(posts))

    def owes(self, now: float) -> tuple[float, str]:
        """(seconds to wait, sentence about what there is too much of); (0, "") for none."""
        kinds = {"ticks": self.ticks, "messages": self.messages, "bytes": self.bytes}
        wait_s, name = max((bucket.owes_s(now), name) for name, bucket in kinds.items())
        if not wait_s:
            return 0.0, ""
        rate = kinds[name].per_s
        return wait_s, f"This client may send {rate:,.0f} {name} a second; it is read no faster."
