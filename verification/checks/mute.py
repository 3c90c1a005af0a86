"""Connected but silent: told apart from a closed market, a quiet one, and a lost connection.

A feed is mute when everything that should make it speak is there: its market is open, its terminal
has an open session that is heard, the instrument's other feeds tick, and yet nothing came for long.
"""

from __future__ import annotations

from dataclasses import dataclass

from verification.checks.episode import Level
from verification.parameters import SECOND_US, MuteParameters

FORGOTTEN_US = 86_400 * SECOND_US
"""A feed that has not ticked for a day is none of the others that this one is measured by."""


@dataclass(frozen=True)
class Connection:
    """A client's open live session, and when it was last heard; moments in microseconds."""

    opened_us: int
    heard_us: int
    market_open: bool | None = None
    broker_connected: bool | None = None


@dataclass(frozen=True)
class Silence:
    """What is known of one feed at one moment. `open_since_us` None: its market is closed."""

    now_us: int
    last_tick_us: int
    others_us: tuple[int, ...]  # last ticks of the instrument's other feeds
    open_since_us: int | None
    connection: Connection | None

    @property
    def since_us(self) -> int:
        """Since the last tick, but not since before the market opened or the terminal connected."""
        opened_us = self.connection.opened_us if self.connection else 0
        return max(self.last_tick_us, opened_us, self.open_since_us or 0)

    @property
    def alone(self) -> bool:
        return all(self.now_us - tick_us > FORGOTTEN_US for tick_us in self.others_us)


def limit_s(silence: Silence, parameters: MuteParameters) -> float:
    """An instrument's only feed may just be quiet, so it gets more time."""
    return parameters.alone_silence_s if silence.alone else parameters.silence_s


def judge(silence: Silence, parameters: MuteParameters) -> Level:
    """UNKNOWN when silence is no fault: not connected, market closed, the others quiet as well."""
    connection = silence.connection
    if connection is None or silence.open_since_us is None or connection.market_open is False:
        return Level.UNKNOWN
    if silence.now_us - connection.heard_us > parameters.heartbeat_s * SECOND_US:
        return Level.UNKNOWN
    if silence.now_us - silence.since_us <= limit_s(silence, parameters) * SECOND_US:
        return Level.CLEAN
    if silence.alone or others_tick(silence, parameters):
        return Level.OVER
    return Level.UNKNOWN


def others_tick(silence: Silence, parameters: MuteParameters) -> bool:
    within_us = parameters.others_within_s * SECOND_US
    return any(silence.now_us - tick_us <= within_us for tick_us in silence.others_us)
