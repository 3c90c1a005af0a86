"""Small drawings as SVG: sparklines and bullet bars. Attributes only: styles are forbidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SPARK_WIDTH, SPARK_HEIGHT = 100.0, 20.0
SPARK_MARGIN = 2.0
BULLET_WIDTH = 100.0
THRESHOLD_AT = 1 / 3  # of the bullet's width


def spark_segments(values: Sequence[float | None], limit: float | None) -> list[list[str]]:
    """Runs of `x,y` points; a hole in the values ends a run."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    low, high = _bounds(known, limit)
    step = SPARK_WIDTH / max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    for position, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{position * step:.1f},{_height(value, low, high):.1f}")
    return [run for run in runs if run]


def _bounds(known: Sequence[float], limit: float | None) -> tuple[float, float]:
    """With a limit the scale starts at zero and the limit is always in sight."""
    if limit is not None:
        return 0.0, max(*known, limit)
    return min(known), max(known)


def _height(value: float, low: float, high: float) -> float:
    if high == low:
        return SPARK_HEIGHT - SPARK_MARGIN  # a flat line lies at the bottom
    share = (value - low) / (high - low)
    return SPARK_HEIGHT - SPARK_MARGIN - share * (SPARK_HEIGHT - 2 * SPARK_MARGIN)


def sparkline(
    values: Sequence[float | None], state: str = "", limit: float | None = None
) -> SafeString:
    """Empty values draw an empty box of the same size, so that nothing moves when they come."""
    return format_html(
        '<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" data-state="{}" '
        'aria-hidden="true">{}{}</svg>',
        state,
        _limit_line(values, limit),
        format_html_join("", '<polyline points="{}"/>', _polylines(values, limit)),
    )


def _polylines(values: Sequence[float | None], limit: float | None) -> Iterator[tuple[str]]:
    for run in spark_segments(values, limit):
        yield (" ".join(run),)


def _limit_line(values: Sequence[float | None], limit: float | None) -> SafeString:
    known = [value for value in values if value is not None]
    if limit is None or not known:
        return SafeString("")
    height = f"{_height(limit, *_bounds(known, limit)):.1f}"
    return format_html('<line class="limit" x1="0" x2="100" y1="{0}" y2="{0}"/>', height)


def bullet_width(value: float | None, threshold: float | None) -> float:
    """Width of the bar of 100: the threshold stands at a third, three times it fills the bar."""
    if value is None or not threshold:
        return 0.0
    return min(1.0, abs(value) / threshold * THRESHOLD_AT) * BULLET_WIDTH


def bullet(value: float | None, threshold: float | None, state: str = "") -> SafeString:
    return format_html(
        '<svg class="bullet" viewBox="0 0 100 12" preserveAspectRatio="none" data-state="{0}" '
        'aria-hidden="true"><rect class="track" x="0" y="3.5" width="100" height="5" rx="1"/>'
        '<rect class="value" x="0" y="3.5" width="{1}" height="5" rx="1"/>'
        '<line class="mark" x1="{2}" x2="{2}" y1="0" y2="12"/></svg>',
        state,
        f"{bullet_width(value, threshold):.1f}",
        f"{BULLET_WIDTH * THRESHOLD_AT:.1f}",
    )
