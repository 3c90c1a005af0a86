"""The Pine scripts: parsed, executed over real bars, and every alert posted to the real webhook."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, SHARED_DATA, LiveBridge
from tests.terminals import stored
from tests.terminals.tradingview import (
    PINE,
    Candle,
    Chart,
    Fill,
    Said,
    Step,
    btcbusd,
    closings,
    dialog_message,
    filled,
    growing,
    minute,
    needs_a_runtime,
    objects,
)

INDICATORS = ["fks_bridge.pine", "fks_bridge_v5.pine"]
STRATEGY = "fks_bridge_strategy.pine"
START_MS = 1_700_000_040_000

needs_bars = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is absent")
pytestmark = pytest.mark.requires("node")


def plain_bars(count: int, length_ms: int = 60_000, price: float = 1.25) -> list[Candle]:
    values = (price, price * 1.002, price * 0.998, price * 1.001, 7.0)
    return [minute(START_MS + n * length_ms, values, length_ms) for n in range(count)]


def one_alert(chart: Chart, values: Sequence[float], script: str = INDICATORS[0]) -> dict[str, Any]:
    """What is said about one bar, after a history of two."""
    *history, _ = plain_bars(3)
    said = chart.run(script, history, closings([minute(START_MS + 120_000, values)]))
    [(_, text)] = said.alerts
    [content] = objects(text)
    return content


def shared_lines(script: Path) -> str:
    text = script.read_text("utf-8")
    return text[text.index("// >>>") : text.index("// <<<")]


# As text.


def test_what_the_scripts_share_is_the_same_in_each() -> None:
    assert len({shared_lines(script) for script in PINE.glob("*.pine")}) == 1


def test_the_script_for_v5_is_the_one_for_v6() -> None:
    newer, older = ((PINE / name).read_text("utf-8").splitlines() for name in INDICATORS)
    differing = [n for n, pair in enumerate(zip(newer, older, strict=True), 1) if len({*pair}) > 1]
    assert differing == [1, 3]
    assert (newer[0], older[0]) == ("//@version=6", "//@version=5")


def test_every_error_that_a_script_can_raise_is_explained() -> None:
    page = (PROJECT / "docs" / "terminals" / "tradingview.md").read_text("utf-8")
    scripts = "".join(script.read_text("utf-8") for script in PINE.glob("*.pine"))
    raised = re.findall(r'runtime\.error\("([^":]+)', scripts)
    assert len(raised) == scripts.count("runtime.error(") > 0
    assert [text for text in raised if text not in page] == []


# Executed.


@needs_a_runtime
@needs_bars
@pytest.mark.parametrize("script", INDICATORS)
def test_every_closed_bar_of_real_minutes_is_stored_once_and_exactly(
    bridge: LiveBridge, script: str
) -> None:
    candles = btcbusd(120)
    said = Chart().run(script, candles[:30], growing(candles[30:]))
    assert len(said.alerts) == 90
    client = script.partition(".")[0].upper()
    key = bridge.issue_key(client, platform="tradingview", scopes="webhook")
    for _, text in said.alerts:
        for _ in range(2):  # TradingView sends again what it heard no answer to
            assert post(bridge, key, text) == {"status": "success"}
    bridge.wait_for_stats(client, produced=90, stored=90, duplicates=90, refused=0)
    found = stored.bars(bridge, client)
    assert [(bar.start, bar.prices, bar.volume) for bar in found] == [
        (moment(each), (each.open, each.high, each.low, each.close), each.volume)
        for each in candles[30:]
    ]
    assert {(bar.symbol, bar.period_s, bar.closed) for bar in found} == {("BTCBUSD", 60, True)}
    expected = [value for at in range(30, 120) for value in indicators_at(candles, at)]
    values = stored.indicators(bridge, client)
    assert [(name, when) for name, when, _ in values] == [(n, w) for n, w, _ in expected]
    assert [v for *_, v in values] == pytest.approx([v for *_, v in expected], abs=1e-9)


def post(bridge: LiveBridge, key: str, text: str) -> Any:
    status, answer = bridge.post(f"/api/bridge/{key}", text.encode(), content_type="text/plain")
    assert status == 200, answer
    return answer


def moment(candle: Candle) -> datetime:
    return datetime.fromtimestamp(candle.open_ms / 1000, UTC)


def indicators_at(candles: Sequence[Candle], at: int) -> list[tuple[str, datetime, float]]:
    """SMA and Wilder's RSI of 14 closes, computed apart from any Pine."""
    closes = [candle.close or 0.0 for candle in candles[: at + 1]]
    changes = [b - a for a, b in itertools.pairwise(closes)]
    gain = sum(max(c, 0) for c in changes[:14]) / 14
    loss = sum(max(-c, 0) for c in changes[:14]) / 14
    for change in changes[14:]:
        gain, loss = (gain * 13 + max(change, 0)) / 14, (loss * 13 + max(-change, 0)) / 14
    when = moment(candles[at])
    return [
        ("sma_14", when, math.fsum(closes[-14:]) / 14),
        ("rsi_14", when, 100 - 100 / (1 + gain / loss)),
    ]


@needs_a_runtime
@needs_bars
@pytest.mark.parametrize("script", INDICATORS)
def test_an_indicator_that_warms_up_is_null_and_never_nan(script: str) -> None:
    candles = btcbusd(20)
    said = Chart().run(script, candles[:1], closings(candles[1:]))
    told = [content for _, text in said.alerts for content in objects(text)]
    assert [content["sma_14"] is None for content in told] == [True] * 12 + [False] * 7
    assert [content["rsi_14"] is None for content in told] == [True] * 13 + [False] * 6
    assert not any("NaN" in text for _, text in said.alerts)


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
@pytest.mark.parametrize(
    "price", [1.0812345678, 104_123.45, 0.00001234567891, 0.0000012345678901, 4.5e-9, 987_654_321.5]
)
def test_a_price_keeps_its_digits(script: str, price: float) -> None:
    content = one_alert(Chart(), (price, price * 2, price / 2, price, 3.0), script)
    told = [content[name] for name in ("open", "high", "low", "close", "volume")]
    assert told == pytest.approx([price, price * 2, price / 2, price, 3.0], rel=2e-10)
    assert content["open"] == float(repr(price))


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_text_of_the_user_is_escaped(script: str) -> None:
    inputs = {"Note": 'say "hi" \\o/ ä€', "Field 1: name": 'my "best"', "Name": 'a"b'}
    content = one_alert(Chart(inputs=inputs), (1.0, 1.0, 1.0, 1.0, 1.0), script)
    assert content["note"] == 'say "hi" \\o/ ä€'
    assert content['my "best"'] == 1.0
    assert content["id"] == f'a"b/BINANCE:BTCBUSD/1/{START_MS + 120_000}'


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_a_users_field_takes_the_place_of_none_of_ours(script: str) -> None:
    inputs = {"Field 1: name": "close", "Field 2: name": "mine", "Field 3: name": ""}
    content = one_alert(Chart(inputs=inputs), (1.0, 2.0, 0.5, 1.5, 1.0), script)
    assert (content["close"], content["user_close"], content["mine"]) == (1.5, 1.5, 1.5)
    assert list(content) == [
        *("schema", "id", "symbol", "exchange", "interval", "time"),
        *("open", "high", "low", "close", "volume", "closed"),
        *("sma_14", "rsi_14", "user_close", "mine"),
    ]


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_a_long_note_is_cut_so_that_a_message_stays_short(script: str) -> None:
    inputs = {"Note": "\\" * 1000, "Field 1: name": "n" * 1000}
    content = one_alert(Chart(inputs=inputs), (1.0, 1.0, 1.0, 1.0, 1.0), script)
    assert content["note"] == "\\" * 200
    assert content["n" * 40] == 1.0


@needs_a_runtime
@pytest.mark.parametrize("missing", [None, 1e301])
def test_a_market_without_volume_sends_none(missing: float | None) -> None:
    candle = Candle(START_MS + 120_000, START_MS + 180_000, 1.0, 1.0, 1.0, 1.0, missing)
    [(_, text)] = Chart().run(INDICATORS[0], plain_bars(2), closings([candle])).alerts
    assert "volume" not in objects(text)[0]


@needs_a_runtime
def test_a_bar_without_a_price_is_not_sent() -> None:
    candle = Candle(START_MS + 120_000, START_MS + 180_000, None, None, None, None, 1.0)
    assert Chart().run(INDICATORS[0], plain_bars(2), closings([candle])).alerts == []


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
@pytest.mark.parametrize(
    ("timeframe", "told"),
    [
        ("5S", "5S"),
        ("1", "1"),
        ("240", "240"),
        ("D", "1D"),
        ("W", "1W"),
        ("M", "1M"),
        ("10T", "10T"),
    ],
)
def test_the_timeframe_is_named_alike_in_each_version(
    script: str, timeframe: str, told: str
) -> None:
    content = one_alert(Chart(timeframe=timeframe), (1.0, 1.0, 1.0, 1.0, 1.0), script)
    assert content["interval"] == told
    assert content["time"] == START_MS + 120_000


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_by_default_a_growing_bar_is_sent_once_when_it_has_closed(script: str) -> None:
    bars = plain_bars(5)
    said = Chart().run(script, bars[:2], growing(bars[2:]))
    assert [step for step, _ in said.alerts] == [2, 5, 8]
    told = [[content["closed"] for content in objects(text)] for _, text in said.alerts]
    assert told == [[True]] * 3


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_at_every_update_each_message_says_whether_the_bar_has_closed(script: str) -> None:
    bars = plain_bars(4)
    chart = Chart(inputs={"Send": "At every update of the bar"})
    said = chart.run(script, bars[:2], growing(bars[2:]))
    told = [objects(text) for _, text in said.alerts]
    # In the pause after an alert a bar closes and the next one opens: both go with the next alert.
    closed = [[content["closed"] for content in contents] for contents in told]
    assert closed == [[False], [False], [True, False]]
    assert len({content["id"] for contents in told for content in contents}) == 4


# The guard: more than 15 alerts within 3 minutes make TradingView stop an alert.


def most_within_three_minutes(said: Said, steps: Sequence[Step]) -> int:
    sent = [steps[step].now_ms for step, _ in said.alerts]
    return max(sum(0 <= later - first <= 180_000 for later in sent) for first in sent)


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_bars_of_five_seconds_all_arrive_in_few_alerts(script: str) -> None:
    bars = plain_bars(140, length_ms=5000)
    steps = closings(bars[2:])
    said = Chart(timeframe="5S").run(script, bars[:2], steps)
    assert most_within_three_minutes(said, steps) == 13
    assert [len(objects(text)) for _, text in said.alerts] == [1] + [3] * 45
    times = [content["time"] for _, text in said.alerts for content in objects(text)]
    # The last two wait when the story ends.
    assert times == [bar.open_ms for bar in bars[2:-2]]
    assert not any("skipped" in text for _, text in said.alerts)


@needs_a_runtime
@pytest.mark.parametrize("script", INDICATORS)
def test_what_does_not_fit_an_alert_is_counted(script: str) -> None:
    bars = plain_bars(420, length_ms=1000)
    steps = closings(bars[2:])
    said = Chart(timeframe="1S").run(script, bars[:2], steps)
    assert most_within_three_minutes(said, steps) == 13
    assert 3000 < max(len(text) for _, text in said.alerts) <= 3502
    told = [objects(text) for _, text in said.alerts]
    skipped = sum(contents[-1].get("skipped", 0) for contents in told)
    assert skipped > 50
    last_step, _ = said.alerts[-1]
    assert sum(map(len, told)) + skipped == last_step + 1
    ids = [content["id"] for contents in told for content in contents]
    assert len(set(ids)) == len(ids)


@needs_a_runtime
def test_of_a_bar_that_waits_only_the_newest_update_is_sent() -> None:
    first, second, bar = plain_bars(3)
    seconds = [Step(bar.open_ms + 1000 * n, bar) for n in range(60)]
    chart = Chart(inputs={"Send": "At every update of the bar"})
    said = chart.run(INDICATORS[0], [first, second], [*seconds, Step(bar.close_ms, bar)])
    assert [step for step, _ in said.alerts] == [0, 14, 28, 42, 56]
    assert all(len(objects(text)) == 1 for _, text in said.alerts)


# The strategy.


@needs_a_runtime
@needs_bars
def test_each_filled_order_is_told_with_its_bar_and_stored(bridge: LiveBridge) -> None:
    candles = btcbusd(400)
    inputs = {"Stop loss, %": 0.1, "Take profit, %": 0.15}
    said = Chart(inputs=inputs).run(STRATEGY, candles[:60], closings(candles[60:]))
    assert said.alerts == []
    dialog = dialog_message(STRATEGY)
    told = [objects(filled(dialog, fill))[0] for fill in said.fills]
    assert {fill.id for fill in said.fills} == {"Long", "Long out", "Short", "Short out"}
    entry = 0.0
    for content, fill in zip(told, said.fills, strict=True):
        if content["market_position"] != "flat":
            entry = content["order_price"]
        assert_an_order_is_told(content, fill, candles[60 + fill.step - 1], entry)
    assert len({content["id"] for content in told}) == len(told) > 10
    key = bridge.issue_key("STRATEGY", platform="tradingview", scopes="webhook")
    for fill in said.fills:
        assert post(bridge, key, filled(dialog, fill)) == {"status": "success"}
    # A fill on the same bar as another replaces the same bar.
    bridge.wait_for_stats("STRATEGY", stored=len(told), refused=0)
    assert [(bar.start, bar.prices) for bar in stored.bars(bridge, "STRATEGY")] == [
        (datetime.fromtimestamp(time / 1000, UTC), prices) for time, prices in sorted(bars_of(told))
    ]
    assert stored.alert_prices(bridge, "STRATEGY") == [each["order_price"] for each in told]


def bars_of(told: list[dict[str, Any]]) -> set[tuple[int, tuple[float, ...]]]:
    names = ("open", "high", "low", "close")
    return {(content["time"], tuple(content[name] for name in names)) for content in told}


def assert_an_order_is_told(
    content: dict[str, Any], fill: Fill, decided: Candle, entry: float
) -> None:
    """The bar is the one decided on, stop and target lie on their sides of its price."""
    assert (content["time"], content["close"]) == (decided.open_ms, decided.close)
    assert content["id"] == f"fks/BINANCE:BTCBUSD/1/{decided.open_ms}/{fill.id}"
    opens = content["market_position"] != "flat"
    is_long = (content["order_action"] == "buy") == opens
    below, above = content["stop_loss"], content["take_profit"]
    if not is_long:
        below, above = above, below
    # When an order is placed its price is not known yet: it is reckoned from the bar's close.
    assert below < (content["close"] if opens else entry) < above
    assert content["order_contracts"] in (1, 2)
    assert content["market_position_size"] in (0, 1)
    assert content["order_price"] > 0


@needs_a_runtime
def test_a_strategy_refuses_a_chart_on_which_tradingview_would_stop_its_alert() -> None:
    bars = plain_bars(3, length_ms=5000)
    with pytest.raises(RuntimeError, match="needs a chart of one minute or more"):
        Chart(timeframe="5S").run(STRATEGY, bars[:2], closings(bars[2:]))


def test_the_dialogs_message_is_refused_when_nothing_was_put_in(bridge: LiveBridge) -> None:
    key = bridge.issue_key("DIALOG", platform="tradingview", scopes="webhook")
    assert post(bridge, key, dialog_message(STRATEGY)) == {"status": "success"}
    bridge.wait_for_stats("DIALOG", stored=0, refused=1)
