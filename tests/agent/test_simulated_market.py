"""The simulated truth, what brokers make of it, and the schedule of their faults."""

from __future__ import annotations

import math
from datetime import date
from itertools import islice, pairwise
from statistics import pstdev

import pytest

from agent.errors import InputError
from agent.simulate.bars import BarBuilder, MinuteBar, rsi
from agent.simulate.dice import Dice
from agent.simulate.faults import DURATION_S, Fault, FaultBoard, schedule
from agent.simulate.instruments import FUTURES, FX, OTHERS, Instrument, contract
from agent.simulate.quotes import Broker, Quote
from agent.simulate.tradingview import alert
from agent.simulate.truth import Truth

NOON = 1_795_000_000.0
EURUSD = FX[0]
CLIENTS = ("ICM-LIVE", "FTMO-DEMO", "CQG", "MT4-RETAIL")


def broker(client: str, board: FaultBoard | None = None, of: Instrument = EURUSD) -> Broker:
    return Broker(client, of.name, Truth(7, of), board or FaultBoard(), 7)


def quotes(source: Broker, count: int = 200, every_s: float = 0.2) -> list[Quote]:
    found = [source.quote(NOON + every_s * number) for number in range(count)]
    return [quote for quote in found if quote is not None]


def test_the_truth_is_the_same_in_every_run() -> None:
    assert Truth(7, EURUSD).mid(NOON) == Truth(7, EURUSD).mid(NOON)
    assert Truth(7, EURUSD).mid(NOON) != Truth(8, EURUSD).mid(NOON)


@pytest.mark.parametrize("instrument", [*FX, *OTHERS, *FUTURES], ids=lambda each: each.name)
def test_the_truth_moves_as_much_as_the_instrument_does(instrument: Instrument) -> None:
    truth = Truth(7, instrument)
    for seconds in (60, 3600):
        times = [NOON + 1.7 * seconds * number for number in range(400)]
        moves = [math.log(truth.mid(at + seconds) / truth.mid(at)) for at in times]
        expected = instrument.daily * math.sqrt(seconds / 86_400)
        assert 0.6 < pstdev(moves) / expected < 1.6


def test_the_truth_has_no_jumps() -> None:
    truth = Truth(7, EURUSD)
    prices = [truth.mid(NOON + number / 100) for number in range(10_000)]
    assert max(abs(b - a) for a, b in pairwise(prices)) < 0.1 * EURUSD.pip


def test_healthy_feeds_agree_within_tenths_of_a_pip() -> None:
    feeds = [quotes(broker(client)) for client in CLIENTS]
    for together in zip(*feeds, strict=True):
        mids = [(quote.bid + quote.ask) / 2 for quote in together]
        assert max(mids) - min(mids) < 0.6 * EURUSD.pip


@pytest.mark.parametrize("instrument", [*FX, *OTHERS, *FUTURES], ids=lambda each: each.name)
def test_quotes_stand_on_the_instruments_steps_with_the_ask_above(instrument: Instrument) -> None:
    for quote in quotes(broker("ICM-LIVE", of=instrument)):
        assert quote.bid < quote.ask
        assert quote.bid == round(quote.bid, instrument.digits)
        assert quote.bid / instrument.step == pytest.approx(round(quote.bid / instrument.step))
        assert (quote.last is not None) == instrument.is_future


def test_event_times_never_go_back_and_lie_just_before_receipt() -> None:
    times = [quote.event_s for quote in quotes(broker("ICM-LIVE"), every_s=0.001)]
    assert all(before <= after for before, after in pairwise(times))
    assert all(0 <= NOON + 0.001 * at - time < 0.05 for at, time in enumerate(times))


def test_each_fault_shows_only_on_its_feed() -> None:
    board = FaultBoard()
    struck, other = broker("ICM-LIVE", board), broker("CQG", board)
    honest = [(quote.bid + quote.ask) / 2 for quote in quotes(broker("ICM-LIVE"))]

    price = Fault("price", 0, "ICM-LIVE", "EURUSD")
    board.switch(price, on=True)
    wrong = [(quote.bid + quote.ask) / 2 for quote in quotes(struck)]
    assert all(2.8 < (b - a) / EURUSD.pip < 3.2 for a, b in zip(honest, wrong, strict=True))
    board.switch(price, on=False)

    board.switch(Fault("crossed", 0, "ICM-LIVE", "EURUSD"), on=True)
    assert all(q.bid > q.ask for q in (struck.quote(NOON + 100),) if q)
    assert all(quote.bid < quote.ask for quote in quotes(other))

    board.switch(Fault("mute", 0, "ICM-LIVE", "EURUSD"), on=True)
    assert quotes(struck) == []
    assert len(quotes(other)) == 200


FEEDS = {client: ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD"] for client in CLIENTS}


def test_the_demo_strikes_another_feed_every_minute() -> None:
    faults = list(islice(schedule(["demo"], FEEDS), 40))
    assert [fault.at_s for fault in faults[:3]] == [20, 80, 140]
    assert {fault.kind for fault in faults[:5]} == set(DURATION_S)
    assert all(before.client != after.client for before, after in pairwise(faults))
    assert {fault.client for fault in faults if fault.kind == "price"} == set(CLIENTS)
    assert all(bool(fault.symbol) == (fault.kind not in ("clock", "gap")) for fault in faults)


def test_faults_can_be_asked_for_one_by_one() -> None:
    words = ["gap@30", "price@5.5:CQG:GBPUSD", "mute@7:FTMO-DEMO"]
    assert [(f.kind, f.at_s, f.client) for f in schedule(words, FEEDS)] == [
        ("price", 5.5, "CQG"),
        ("mute", 7.0, "FTMO-DEMO"),
        ("gap", 30.0, "ICM-LIVE"),
    ]
    assert list(schedule(["none"], FEEDS)) == []


@pytest.mark.parametrize(
    "word", ["flood@3", "price", "price@soon", "price@3:NOBODY", "mute@1:A:B:C"]
)
def test_a_fault_that_cannot_be_is_named(word: str) -> None:
    with pytest.raises(InputError, match=word.split("@", maxsplit=1)[0]):
        list(schedule([word], FEEDS))


@pytest.mark.parametrize(
    ("today", "name"),
    [
        (date(2026, 11, 21), "ES 12-26"),
        (date(2026, 12, 14), "ES 12-26"),
        (date(2026, 12, 15), "ES 03-27"),
        (date(2026, 1, 5), "ES 03-26"),
        (date(2026, 3, 20), "ES 06-26"),
    ],
)
def test_a_future_carries_the_month_in_which_it_expires(today: date, name: str) -> None:
    assert contract(FUTURES[0], today) == name


def test_a_minute_bar_closes_with_the_first_tick_of_the_next_minute() -> None:
    builder = BarBuilder([1.0] * 14)
    minute = 28_000_000 * 60
    ticks = [(1.2, 1, 0.0), (1.5, 2, 10.0), (1.1, 3, 59.9)]
    assert [builder.tick(price, volume, minute + at) for price, volume, at in ticks] == [None] * 3
    assert builder.tick(1.3, 1, minute + 60.0) == MinuteBar(minute, 1.2, 1.5, 1.1, 1.1, 6)
    assert builder.average() == pytest.approx((13 * 1.0 + 1.1) / 14)


def test_relative_strength_runs_from_0_to_100() -> None:
    assert rsi([1, 2, 3, 4]) == 100
    assert rsi([4, 3, 2]) == 0
    assert rsi([1, 1, 1]) == 50
    assert rsi([1, 3, 2]) == pytest.approx(200 / 3)


def test_an_alert_describes_the_bar_that_has_closed() -> None:
    close_s = int(NOON) // 60 * 60
    truth = Truth(7, EURUSD)
    body = alert(truth, close_s)
    assert body["time"] == (close_s - 60) * 1000
    assert body["open"] == round(truth.mid(close_s - 60), 5)
    assert body["close"] == round(truth.mid(close_s), 5)
    assert str(body["low"]) <= str(body["open"]) <= str(body["high"])
    assert body == alert(Truth(7, EURUSD), close_s)


def test_chance_is_repeatable_and_fair() -> None:
    dice = Dice("a", 1)
    draws = [dice.uniform() for _ in range(20_000)]
    again = Dice("a", 1)
    assert draws[:10] == [again.uniform() for _ in range(10)]
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.01)
    assert pstdev([dice.normal(2.0) for _ in range(20_000)]) == pytest.approx(2.0, rel=0.03)
    assert sum(dice.wait(4.0) for _ in range(20_000)) / 20_000 == pytest.approx(0.25, rel=0.03)
