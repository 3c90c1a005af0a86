"""What each dialect's text is understood as, and what is said of the texts that are not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bridge_ingest.clock import from_us
from bridge_ingest.dialects import csv_row, default_text, json_object, key_value, names, pipes
from bridge_ingest.dialects.alert import Alert
from bridge_ingest.dialects.mapping import PLAIN, Mapping, problems
from bridge_ingest.dialects.understand import understand
from bridge_ingest.protocol.errors import Refused

NOW_US = 1_795_235_490_000_000


def read(text: str, mapping: Mapping = PLAIN, content_type: str = "") -> Alert:
    return understand(text.encode(), mapping, NOW_US, content_type)


def why(text: str, mapping: Mapping = PLAIN) -> Refused:
    with pytest.raises(Refused) as caught:
        read(text, mapping)
    return caught.value


def obj(**changes: Any) -> str:
    return json.dumps({"symbol": "EURUSD", "price": 1.085, **changes})


def test_a_price_alerts_default_text_has_symbol_and_level() -> None:
    for text in ("EURUSD Crossing 1.0850", "EURUSD, 5 Crossing Down 1.0850."):
        alert = read(text)
        assert (alert.symbol, alert.price, alert.action) == ("EURUSD", 1.085, "")
    assert read("EURUSD, 5 Crossing 1.0850").period == "M5"
    assert not read("EURUSD Crossing 1.0850").states_time


def test_the_contracts_of_a_strategys_default_text_are_never_taken_for_a_price() -> None:
    text = "MACD (12, 26): order buy @ 1 filled on EURUSD. New strategy position is 1"
    assert default_text.recognise(text) == {
        "strategy": "MACD (12, 26)",
        "action": "buy",
        "contracts": "1",
        "symbol": "EURUSD",
        "position_size": "1",
    }
    refused = why(text)
    assert (refused.code, refused.field) == ("missing", "price")
    assert "counts contracts" in refused.reason


@pytest.mark.parametrize(
    "text",
    [
        "symbol=EURUSD\nprice=1.085\naction=sell",
        "symbol=EURUSD;price=1.085;action=sell",
        "symbol: EURUSD, price: 1.085, action: sell",
        "symbol=EURUSD|price=1.085|action=sell",
        "symbol=EURUSD price=1.085 action=sell",
        r"symbol=EURUSD\nprice=1.085\naction=sell",
        'SYMBOL = "EURUSD"; PRICE = 1.085; ACTION = Sell',
        "symbol,price,action\nEURUSD,1.085,sell",
        '"symbol"\t"price"\t"action"\nEURUSD\t1.085\tsell',
        '{"order": {"action": "sell", "price": "1.0850"}, "instrument": {"ticker": "EURUSD"}}',
        '{"text": "symbol=EURUSD;price=1.085;action=sell"}',
        "payload=%7B%22ticker%22%3A%22EURUSD%22%2C%22price%22%3A1.085%2C%22side%22%3A%22sell%22%7D=",
        '[{"ticker": "EURUSD", "price": 1.085, "action": "SELL"}]',
        '\ufeff{"ticker": "EURUSD", "price": 1.085, "action": "enter_short"}\r\n\0',
    ],
)
def test_the_same_alert_in_many_forms_says_the_same(text: str) -> None:
    alert = read(text)
    assert (alert.symbol, alert.price, alert.action) == ("EURUSD", 1.085, "SELL")


def test_a_forms_message_field_is_the_alert_when_the_type_says_form() -> None:
    form = "application/x-www-form-urlencoded"
    alert = read("message=EURUSD+Crossing+1.0850", content_type=form)
    assert (alert.symbol, alert.price) == ("EURUSD", 1.085)


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("BUY RELIANCE 2950", Mapping("csv", "space", {
            "action": "1", "symbol": "2", "price": "3"})),
        ("2950|RELIANCE|BUY", Mapping("pipes", "", {"price": "1", "symbol": "2", "action": "3"})),
        ("id7, long, RELIANCE, 2950", Mapping("csv", "comma", {
            "action": "2", "symbol": "3", "price": "4"})),
        ('{"s": {"n": ["x", "RELIANCE"]}, "p": 2950, "d": "long"}', Mapping(
            "json", "", {"symbol": "s.n.1", "price": "p", "action": "d"})),
        ('{"p": 2950, "action": "BUY"}', Mapping(paths={"price": "p"}, symbol="RELIANCE")),
    ],
)  # fmt: skip
def test_a_mapping_says_which_value_is_which(text: str, mapping: Mapping) -> None:
    alert = read(text, mapping)
    assert (alert.symbol, alert.price, alert.action) == ("RELIANCE", 2950.0, "BUY")


def test_columns_without_a_mapping_are_refused_rather_than_guessed() -> None:
    for text in ("ETHUSD|BUY|1850.5", "id7,long,ETHUSD,1850.5"):
        assert "which column is which" in why(text).reason


def test_a_mapped_value_that_is_not_there_refuses_the_alert() -> None:
    refused = why(obj(), Mapping(paths={"action": "order.side"}))
    assert (refused.code, refused.field) == ("missing", "order.side")
    assert read(obj(), Mapping(paths={"stop_loss": "sl"})).stop_loss is None


def test_a_target_mapped_to_nothing_is_not_looked_for() -> None:
    assert read(obj(action="buy"), Mapping(paths={"action": "-"})).action == ""


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"price": None}, "missing", "price"),
        ({"price": "1,085.5"}, "type", "price"),
        ({"price": "1,0850"}, "type", "price"),
        ({"price": "$1.085"}, "type", "price"),
        ({"price": True}, "missing", "price"),
        ({"price": 0}, "price", "price"),
        ({"price": -1}, "price", "price"),
        ({"price": 10**400}, "range", "price"),
        ({"price": "1_085"}, "type", "price"),
        ({"price": "\uff11.085"}, "type", "price"),
        ({"rsi": "NaN"}, "not_finite", "rsi"),
        ({"sl": "5%"}, "type", "sl"),
        ({"sl": "<stop>"}, "placeholder", "sl"),
        ({"tp": -3}, "price", "tp"),
        ({"action": "maybe"}, "action", "action"),
        ({"symbol": "=cmd()"}, "symbol", "symbol"),
        ({"symbol": "EURUSD,GBPUSD"}, "symbol", "symbol"),
        ({"symbol": "\u0000"}, "symbol", "symbol"),
        ({"symbol": "\ud800"}, "symbol", "symbol"),
        ({"symbol": "x" * 65}, "symbol", "symbol"),
        ({"time": "2026-03-24T17:00:00"}, "time", "time"),
        ({"time": "yesterday"}, "time", "time"),
        ({"time": 5}, "time", "time"),
        ({"time": "2099-01-01T00:00:00Z"}, "time", "time"),
        ({"volume": -1}, "range", "volume"),
        ({"alert": {"price": 2}, "other": {"price": 3}, "price": None}, "ambiguous", "alert.price"),
        ({"open": 1, "high": 2, "low": 1, "close": 3, "time": 1_795_235_490}, "ohlc", "close"),
        ({"open": 1, "high": 2, "low": 1, "close": 2}, "missing", "time"),
        ({"open": 1, "high": 2, "low": 1, "close": 2, "time": 1_795_235_490, "interval": "7"},
         "period", "period"),
    ],
)  # fmt: skip
def test_a_value_that_makes_no_sense_refuses_the_alert_by_name(
    changes: dict[str, Any], code: str, field: str
) -> None:
    refused = why(obj(**changes))
    assert (refused.code, refused.field) == (code, field)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"symbol": "EURUSD", "price": NaN}', "price is NaN"),
        ('{"symbol": "EURUSD", "bands": [1, -Infinity]}', "bands.1 is -Infinity"),
        ('{"symbol": "EURUSD", "price": 1e999}', "price is inf"),
        ('{"symbol": EURUSD, "price": 1.085}', "put quotes around EURUSD"),
        ('{"price": 1, // the close\n "symbol": "EURUSD"}', "JSON has no comments"),
        ("{'symbol': 'EURUSD'}", "double quotes"),
        ('{"symbol": "EURUSD"} {"symbol": "GBPUSD"}', "after the object's end"),
        ('{"price": 1, "price": 2}', "twice"),
        ("[" * 60_000, "nests"),
        ('{"a":' * 30 + "1" + "}" * 30, "nests"),
        ("EURUSD broke out at 1.0850", "in no form that is known"),
        ("", "no text"),
        ("x" * 65_537, "over 64 KiB"),
        ("{{ticker}} crossed {{cl0se}}", "{{ticker}}, {{cl0se}} arrived unfilled"),
        ('{"price": "{{cl0se}}"}', "Did you mean {{close}}?"),
        ('{"price": {{plot_9}}}', "no plot of that number"),
        ("symbol,price\nEURUSD", "in no form"),
        ("symbol,price,action\nEURUSD,1", "names 3 columns, the second has 2"),
    ],
)
def test_a_text_that_is_broken_is_refused_with_what_to_do(text: str, words: str) -> None:
    assert words in why(text).reason


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        understand(b"\xff\xfe{", PLAIN, NOW_US)


def test_a_bar_has_the_time_and_the_period_of_its_own_and_the_alert_its_own() -> None:
    bar = {"time": 1_795_235_400, "open": "1", "high": "2", "low": "0.5", "close": 1.5}
    text = obj(bar=bar, time="2026-11-21T07:31:00+01:00", interval="60", rsi="61.5", note="hi")
    alert = read(text)
    assert alert.bar is not None
    assert (alert.bar.stamped_us, alert.bar.period) == (1_795_235_400_000_000, "H1")
    assert from_us(alert.event_us).isoformat() == "2026-11-21T06:31:00+00:00"
    assert (alert.indicators, alert.note, alert.price) == ({"rsi": 61.5}, "hi", 1.085)


@pytest.mark.parametrize(("said", "closed"), [({}, True), ({"confirmed": False}, False),
    ({"isConfirmed": "false"}, False), ({"confirmed": "true"}, True)])  # fmt: skip
def test_a_bar_that_still_grows_says_so(said: dict[str, Any], closed: bool) -> None:
    bar = {"open": 1, "high": 2, "low": 1, "close": 2, "time": 1_795_235_400}
    alert = read(obj(**bar, **said))
    assert alert.bar is not None
    assert alert.bar.closed is closed


def test_a_ticker_may_look_like_a_number_that_is_none() -> None:
    assert read(obj(symbol="NAN")).symbol == "NAN"


def test_an_order_that_leaves_the_market_position_flat_closes() -> None:
    assert read(obj(action="buy", market_position="flat")).action == "CLOSE"
    assert read(obj(action="buy", market_position="long")).action == "BUY"


def test_oil_may_be_quoted_below_zero() -> None:
    assert read(obj(symbol="CL 12-26", price=-37.63)).price == -37.63


def test_numbers_beside_the_point_become_indicators_and_words_are_listed_as_unread() -> None:
    alert = read(obj(rsi=70, bb={"upper": "1.09"}, mood="good", passphrase="hush", pin=1234))
    assert alert.indicators == {"rsi": 70.0, "bb.upper": 1.09}
    assert alert.unread == ["mood"]


def test_a_mapping_that_makes_no_sense_is_told_by_field() -> None:
    assert problems(PLAIN) == {}
    wrong = Mapping("xml", "dots", {"colour": "c"}, period="M7")
    assert set(problems(wrong)) == {"dialect", "separator", "colour", "period"}


def test_each_recogniser_leaves_the_others_texts_alone() -> None:
    texts = {
        json_object.recognise: '{"a": 1}',
        default_text.recognise: "EURUSD Crossing 1.0850",
        key_value.recognise: "a=1;b=2",
        pipes.recognise: "a|b|c",
        csv_row.recognise: "a,b,c",
    }
    for recognise in (json_object.recognise, default_text.recognise, key_value.recognise):
        taken = [text for text in texts.values() if _takes(recognise, text)]
        assert taken == [texts[recognise]]


def _takes(recognise: Any, text: str) -> bool:
    return recognise(text) is not None


@pytest.mark.parametrize(
    "pattern",
    [",", ",(", "a=1,", "a=", "{{", '{"a":' + "a:" * 99, "a" + " " * 999, "order buy @ 1 "],
)
def test_no_text_keeps_the_reader_busy(pattern: str) -> None:
    """A stranger's 64 KiB must not hold up everybody's alerts; careless patterns took 40 s."""
    text = (pattern * 65_536)[:65_536]
    began = time.perf_counter()
    with pytest.raises(Refused):
        read(text)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "text",
    [
        '{"passphrase": "hush", "price": 1}',
        '{"Token" :"hush", "price": {{close}}}',
        "PASSWORD = hush;price=1",
        "api_key:hush,price:1",
        '{"auth": {"phrase": "hush"}, "price": 1}',
    ],
)
def test_passwords_are_covered_also_in_broken_text(text: str) -> None:
    shown = names.masked(text, "auth.phrase")
    assert "hush" not in shown
    assert "price" in shown
