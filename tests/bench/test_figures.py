"""What rounds come to, and how a figure is written."""

from __future__ import annotations

import pytest

from bench.figures import Quantity, Section, Summary, number, ratio, summaries, summary


def test_rounds_come_to_their_median_with_the_lowest_and_the_highest() -> None:
    assert summary([3.0, 1.0, 2.0]) == Summary(median=2.0, low=1.0, high=3.0)


def test_a_round_that_lacks_a_quantity_does_not_count_for_it() -> None:
    section = Section("s", "S", (Quantity("a", "a"), Quantity("b", "b"), Quantity("c", "c")))
    found = summaries(section, [{"a": 1.0, "b": 5.0}, {"a": 3.0}])
    assert [(quantity.key, got.median) for quantity, got in found] == [("a", 2.0), ("b", 5.0)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (251_349.0, "251,300"),
        (1_234_567.0, "1,235,000"),
        (1004.0, "1,004"),
        (100.0, "100"),
        (0.0, "0"),
        (17.44, "17.4"),
        (4.567, "4.57"),
        (0.2141, "0.214"),
    ],
)
def test_a_figure_shows_the_digits_that_say_something(value: float, written: str) -> None:
    assert number(value) == written


def test_a_promise_is_a_bound_on_one_side() -> None:
    at_least = Quantity("a", "a", at_least=250_000)
    at_most = Quantity("b", "b", at_most=5)
    assert (at_least.goal, at_most.goal, Quantity("c", "c").goal) == (">= 250,000", "<= 5", "")
    assert at_least.met(250_000)
    assert not at_least.met(249_999)
    assert at_most.met(5)
    assert not at_most.met(5.1)
    assert Quantity("c", "c").met(0)


def test_a_baseline_that_did_nothing_gives_no_ratio() -> None:
    assert ratio(30, 2) == 15
    with pytest.raises(ZeroDivisionError):
        ratio(30, 0)
