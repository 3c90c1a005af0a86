"""How far a terminal's clock stands from UTC, measured on its fresh ticks against ours. Pure.

The *lead* of a tick is its time as stated (raw) less the moment of receipt: what the terminal's
clock is ahead of UTC, less what the tick took to arrive. Clocks of brokers stand whole quarters of
an hour from UTC (mql5.com, articles/9929: server time has no API, it must be inferred from quotes),
so the lead tells the offset as long as ticks are fresh.

Fresh is a tick of a symbol whose stated time is another than the one before: a terminal that sends
its last quote again and again over a weekend says nothing. One tick a second is looked at, so that
a buffer sent in a burst after an outage weighs as little as the second in which it came. What was
measured holds until something else has been: silence changes nothing.
"""

from __future__ import annotations

from collections import deque

STEP_S = 15 * 60
MAX_OFFSET_S = 14 * 3600
SAMPLES = 20
MIN_SAMPLES = 10
"""Seconds with a fresh tick before anything is said, and the most that are weighed."""
WITHIN_S = 600
"""Older leads say nothing about a clock of now."""
SPAN_S = 9
"""The leads must come from so long a time: a clock goes on, a burst does not."""
STEADY_S = 5.0
"""The middle half of the leads lies within this: a buffer that is being emptied drifts."""
TOLERANCE_S = 60.0
"""How near a quarter of an hour: anything else is latency, or a clock that is simply wrong."""

_SECOND_US = 1_000_000
_ABSURD_US = (MAX_OFFSET_S + 3600) * _SECOND_US
_SYMBOLS = 5000


class OffsetMeter:
    """One client's clock. `offset_s` is what was measured last, None before."""

    __slots__ = ("_last_raw_us", "_samples", "_told_s", "_told_us", "measured_us", "offset_s")

    def __init__(self, offset_s: int | None = None) -> None:
        self.offset_s = offset_s
        self.measured_us = 0
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._last_raw_us: dict[int, int] = {}
        self._told_s: int | None = None
        self._told_us = 0

    def note(self, source: int, raw_us: int, received_us: int) -> bool:
        """Look at a live tick: its source, its time as stated, its receipt by our clock.

        True when it was weighed; others of the same second will not be.
        """
        lead_us = raw_us - received_us
        if abs(lead_us) > _ABSURD_US or self._is_too_soon(received_us):
            return False
        before_us = self._last_raw_us.get(source)
        if before_us is None and len(self._last_raw_us) >= _SYMBOLS:
            return False
        self._last_raw_us[source] = raw_us
        if before_us is None or before_us == raw_us:
            return False
        self._samples.append((received_us, lead_us))
        measured_s = self._read(received_us)
        if measured_s is not None:
            self.offset_s, self.measured_us = measured_s, received_us
        return True

    def news(self, every_s: float) -> tuple[int, int] | None:
        """(offset, measured_us) when it is another than was told last, or was measured again
        `every_s` after it; telling it makes it old."""
        if self.offset_s is None or not self.measured_us:
            return None
        due_us = self._told_us + every_s * _SECOND_US
        if self.offset_s == self._told_s and self.measured_us < due_us:
            return None
        self._told_s, self._told_us = self.offset_s, self.measured_us
        return self.offset_s, self.measured_us

    def _is_too_soon(self, received_us: int) -> bool:
        """Within the second of the last sample. Our own clock set back begins everything anew."""
        if not self._samples:
            return False
        since_us = received_us - self._samples[-1][0]
        if since_us < -_SECOND_US:
            self._samples.clear()
            return False
        return since_us < _SECOND_US

    def _read(self, now_us: int) -> int | None:
        """Seconds from UTC, or None while the leads are few, unsteady or near no quarter."""
        recent = [(at, lead) for at, lead in self._samples if at > now_us - WITHIN_S * _SECOND_US]
        count = len(recent)
        if count < MIN_SAMPLES or now_us - recent[0][0] < SPAN_S * _SECOND_US:
            return None
        leads_s = sorted(lead / _SECOND_US for _, lead in recent)
        low_s, high_s = leads_s[count // 4], leads_s[(3 * count) // 4]
        offset_s = nearest_quarter(high_s)
        steady = high_s - low_s <= STEADY_S
        # The fresher side: latency only ever makes a lead smaller.
        near = abs(high_s - offset_s) <= TOLERANCE_S and abs(offset_s) <= MAX_OFFSET_S
        return offset_s if steady and near else None


def nearest_quarter(seconds: float) -> int:
    return round(seconds / STEP_S) * STEP_S
