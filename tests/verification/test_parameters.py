"""Parameters of rules: defaults, overrides, and titles in a trader's words."""

from __future__ import annotations

import dataclasses

import pytest

from verification import titles
from verification.parameters import (
    RULES,
    CrossedParameters,
    DeviationParameters,
    Limits,
    RuleBook,
    Setting,
)

SECOND_US = 1_000_000


def test_every_parameter_has_a_default_within_its_limits_and_a_meaning() -> None:
    for kind in RULES.values():
        for field in dataclasses.fields(kind):
            limits = field.metadata["limits"]
            assert isinstance(limits, Limits)
            assert limits.low <= getattr(kind(), field.name) <= limits.high
            assert limits.meaning
        assert kind.read(kind().as_dict()) == kind()


def test_an_instruments_row_overrides_the_one_for_all_by_name() -> None:
    book = RuleBook(
        [
            Setting("deviation", None, True, {"threshold_pips": 2, "min_ticks": 5}),
            Setting("deviation", 7, True, {"threshold_pips": 3}),
        ]
    )
    assert book.get(DeviationParameters).threshold_pips == 2
    special = book.get(DeviationParameters, 7)
    assert (special.threshold_pips, special.min_ticks) == (3, 5)
    assert book.get(DeviationParameters, 8).threshold_pips == 2
    assert book.get(CrossedParameters, 7) == CrossedParameters()


def test_a_rule_that_is_off_for_all_is_off_for_each() -> None:
    book = RuleBook([Setting("mute", None, False, {}), Setting("mute", 7, True, {})])
    assert not book.enabled("mute", 7)
    assert book.enabled("crossed", 7)


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0.42, "0.4 s"),
        (42, "42 s"),
        (107.4, "107 s"),
        (320, "5 min 20 s"),
        (600, "10 min"),
        (5 * 3600, "5 h"),
        (5.5 * 3600, "5 h 30 min"),
        (27 * 3600, "1 d 3 h"),
    ],
)
def test_durations_read_as_people_say_them(duration_s: float, text: str) -> None:
    assert titles.span(round(duration_s * SECOND_US)) == text


def test_titles_are_sentences() -> None:
    name = "FXCM EURUSD"
    assert titles.deviation(name, 3.14, "pips", "the others", 42 * SECOND_US) == (
        "FXCM EURUSD is 3.1 pips above the others for 42 s"
    )
    assert titles.deviation_over(name, -12.04, "bps", "OANDA", 42 * SECOND_US) == (
        "FXCM EURUSD was up to 12.0 bps below OANDA for 42 s"
    )
    assert titles.gap("FXCM", 1, 1) == "FXCM lost 1 message for good"
    assert titles.mute(name, 1_700_000_000 * SECOND_US, 312 * SECOND_US) == (
        "FXCM EURUSD is connected but silent for 5 min 12 s, since 22:13:20 UTC"
    )
    assert titles.latency_over("FXCM", 8.04) == "Ticks of FXCM arrived up to 8.0 s late"
    assert titles.crossed_over(name, 0.8) == (
        "Up to 80% of the quotes of FXCM EURUSD had the bid above the ask"
    )
