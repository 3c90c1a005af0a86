"""Sparklines and bullets draw what they are given, and no more."""

from __future__ import annotations

import re

from dashboard.drawing import bullet, bullet_width, spark_segments, sparkline


def test_a_hole_in_the_values_is_a_hole_in_the_line() -> None:
    assert [len(run) for run in spark_segments([1, 2, None, 3, 4, 5], None)] == [2, 3]


def test_the_line_spans_the_whole_width_from_lowest_to_highest() -> None:
    assert spark_segments([1.0, 2.0], None) == [["0.0,18.0", "100.0,2.0"]]


def test_equal_values_lie_at_the_bottom() -> None:
    assert spark_segments([7.0, 7.0], None) == [["0.0,18.0", "100.0,18.0"]]


def test_with_a_limit_the_scale_starts_at_zero_and_holds_the_limit() -> None:
    assert spark_segments([0.0, 1.0], 2.0) == [["0.0,18.0", "100.0,10.0"]]
    assert 'y1="2.0"' in sparkline([0.0, 1.0], limit=2.0)


def test_without_values_the_box_stays_and_the_line_is_missing() -> None:
    drawn = sparkline([None, None], limit=1.0)
    assert 'viewBox="0 0 100 20"' in drawn
    assert "polyline" not in drawn
    assert "<line" not in drawn


def test_the_threshold_stands_at_a_third_of_the_bullet() -> None:
    assert round(bullet_width(1.0, 1.0), 1) == 33.3
    assert bullet_width(-3.0, 1.0) == 100.0
    assert bullet_width(50.0, 1.0) == 100.0
    assert bullet_width(None, 1.0) == 0.0
    assert bullet_width(1.0, None) == 0.0


def test_drawings_carry_no_style_that_the_policy_would_block() -> None:
    for drawn in (sparkline([1, 2], "act", 1), bullet(1, 2, "look")):
        assert not re.search(r"\sstyle=", drawn)
