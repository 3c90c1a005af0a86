"""What one broker makes of the true price: its spread, its noise, its delay, and its faults."""

from __future__ import annotations

from dataclasses import dataclass

from agent.simulate.dice import Dice
from agent.simulate.faults import FaultBoard
from agent.simulate.instruments import Instrument
from agent.simulate.truth import Truth

_TIGHT_CHANCE = 0.005
_TIGHT_PIPS = 0.2
_NOISE_PIPS = 0.06
_PRICE_FAULT_PIPS = 3.0
_PRICE_FAULT_SHARE = 0.002  # 20 basis points, where a pip is not the measure
_CROSSED_PIPS = 0.3


@dataclass(frozen=True, slots=True)
class Quote:
    """`event_s` is UTC seconds at the broker; the terminal has it a moment later."""

    bid: float
    ask: float
    last: float | None
    volume: int
    event_s: float


class Broker:
    """One broker's quotes of one instrument, under the name `symbol`."""

    def __init__(
        self, client: str, symbol: str, truth: Truth, board: FaultBoard, seed: int
    ) -> None:
        self.symbol = symbol
        self.truth = truth
        self._client = client
        self._board = board
        self._dice = Dice(seed, client, symbol)
        house = Dice(seed, client)
        self._spread = truth.instrument.spread * house.uniform(0.8, 1.3)
        self._delay_s = house.uniform(0.004, 0.025)
        self._event_s = 0.0

    def wait(self, rate: float) -> float:
        """Seconds until the next tick at an average of `rate` ticks a second."""
        return self._dice.wait(rate * self.truth.instrument.activity)

    def quote(self, now_s: float) -> Quote | None:
        """The quote that reaches the terminal now; None while the feed is mute."""
        if self._board.is_on("mute", self._client, self.symbol):
            return None
        delay = self._delay_s * self._dice.uniform(0.6, 1.6)
        self._event_s = max(self._event_s, now_s - delay)
        mid = self._mid(self._event_s)
        bid, ask = self._sides(mid)
        return Quote(bid, ask, self._last(bid, ask), self._volume(), self._event_s)

    def _mid(self, moment_s: float) -> float:
        instrument = self.truth.instrument
        mid = self.truth.mid(moment_s) + self._dice.normal(_NOISE_PIPS * instrument.pip)
        if self._board.is_on("price", self._client, self.symbol):
            mid += price_fault(instrument)
        return mid

    def _sides(self, mid: float) -> tuple[float, float]:
        instrument = self.truth.instrument
        pips = self._spread * self._dice.uniform(0.85, 1.25)
        if self._dice.uniform() < _TIGHT_CHANCE:
            pips = min(pips, _TIGHT_PIPS)
        if self._board.is_on("crossed", self._client, self.symbol):
            pips = -_CROSSED_PIPS
        half = pips * instrument.pip / 2
        bid, ask = self._round(mid - half), self._round(mid + half)
        if pips > 0 and ask <= bid:
            ask = self._round(bid + instrument.step)
        return bid, ask

    def _round(self, price: float) -> float:
        step = self.truth.instrument.step
        return round(round(price / step) * step, self.truth.instrument.digits)

    def _last(self, bid: float, ask: float) -> float | None:
        if not self.truth.instrument.is_future:
            return None
        return bid if self._dice.uniform() < 0.5 else ask

    def _volume(self) -> int:
        return 1 + int(self._dice.uniform() ** 3 * 20)


def price_fault(instrument: Instrument) -> float:
    """How far a feed with a wrong price is off, in price."""
    if instrument.is_fx:
        return _PRICE_FAULT_PIPS * instrument.pip
    return instrument.price * _PRICE_FAULT_SHARE
