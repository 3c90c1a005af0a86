"""How long a client's last ticks took, from the terminal's clock to ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from bridge_ingest.clock import to_us
from bridge_ingest.models import Client
from market import queries
from market.models import FeedState

EDGES_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
FEEDS, TICKS_A_FEED = 6, 2000
SPAN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Ticks that took up to `label`; `height` of 100 for the fullest."""

    label: str
    count: int
    height: float
    x: int

    @property
    def y(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Latency:
    ticks: int
    p50_ms: float
    p99_ms: float
    buckets: list[Bucket]

    @property
    def described(self) -> str:
        """The drawing in words, for those who can't see it."""
        return ", ".join(f"{each.label}: {each.count}" for each in self.buckets if each.count)


def latency_of(client: Client) -> Latency | None:
    """Of the last half minute of the feeds that ticked last; None when they have no tick.

    Counted back from each feed's last tick, by the terminal's own clock, so that a clock that is
    hours off still shows its spread.
    """
    states = FeedState.objects.filter(feed__source__client=client).order_by("-received_at")[:FEEDS]
    took = [_took_ms(state) for state in states]
    measured = np.concatenate(took) if took else np.zeros(0)
    return _summed_up(measured) if len(measured) else None


def _took_ms(state: FeedState) -> npt.NDArray[np.float64]:
    last, span = to_us(state.event_time), SPAN // timedelta(microseconds=1)
    # A tick that came before the last one may be younger by the terminal's clock.
    found = queries.ticks(state.feed_id, last - span, last + span, TICKS_A_FEED)
    event, received = np.asarray(found.event_us), np.asarray(found.received_us)
    took: npt.NDArray[np.float64] = (received - event) / 1000.0
    return took


def _summed_up(took_ms: npt.NDArray[np.float64]) -> Latency:
    edges = [-np.inf, 0.0, *EDGES_MS, np.inf]
    counts = np.histogram(took_ms, bins=edges)[0].tolist()
    labels = ["ahead", *(_label(edge) for edge in EDGES_MS), f"> {_label(EDGES_MS[-1])}"]
    fullest = max(counts)
    buckets = [
        # A single tick among thousands must still be seen.
        Bucket(label, count, max(2.0, round(100 * count / fullest, 1)), index)
        for index, (label, count) in enumerate(zip(labels, counts, strict=True))
    ]
    p50, p99 = np.percentile(took_ms, [50, 99]).tolist()
    return Latency(len(took_ms), p50, p99, buckets)


def _label(edge_ms: int) -> str:
    return f"{edge_ms} ms" if edge_ms < 1000 else f"{edge_ms // 1000} s"
