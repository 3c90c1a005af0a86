"""An alert's title: one sentence as a trader would say it."""

from __future__ import annotations

from datetime import UTC, datetime


def deviation(name: str, figure: float, unit: str, against: str, lasted_us: int) -> str:
    """`figure` is signed; `against` names the other feed, or all others."""
    side = "above" if figure > 0 else "below"
    return f"{name} is {amount(abs(figure), unit)} {side} {against} for {span(lasted_us)}"


def deviation_over(name: str, worst: float, unit: str, against: str, lasted_us: int) -> str:
    side = "above" if worst > 0 else "below"
    return f"{name} was up to {amount(abs(worst), unit)} {side} {against} for {span(lasted_us)}"


def clock(name: str, error_s: float) -> str:
    return f"The clock of {name} is {_off(error_s)}"


def clock_over(name: str, worst_s: float) -> str:
    return f"The clock of {name} was up to {_off(worst_s)}"


def latency(name: str, latency_s: float) -> str:
    return f"Ticks of {name} arrive {latency_s:.1f} s late"


def latency_over(name: str, worst_s: float) -> str:
    return f"Ticks of {name} arrived up to {worst_s:.1f} s late"


def mute(name: str, last_tick_us: int, silent_us: int) -> str:
    since = datetime.fromtimestamp(last_tick_us // 1_000_000, UTC)
    return f"{name} is connected but silent for {span(silent_us)}, since {since:%H:%M:%S} UTC"


def mute_over(name: str, last_tick_us: int, silent_us: int) -> str:
    since = datetime.fromtimestamp(last_tick_us // 1_000_000, UTC)
    return f"{name} was connected but silent for {span(silent_us)}, from {since:%H:%M:%S} UTC"


def gap(name: str, numbers: int, gaps: int) -> str:
    what = "1 message" if numbers == 1 else f"{numbers:,} messages"
    return f"{name} lost {what} for good" + (f", in {gaps} gaps" if gaps > 1 else "")


def signature(name: str, refusals: int) -> str:
    what = "1 digest" if refusals == 1 else f"{refusals:,} digests"
    return f"{what} of {name} did not fit what was sent"


def crossed(name: str, share: float) -> str:
    return f"{share:.0%} of the quotes of {name} have the bid above the ask"


def crossed_over(name: str, worst: float) -> str:
    return f"Up to {worst:.0%} of the quotes of {name} had the bid above the ask"


def amount(figure: float, unit: str) -> str:
    return f"{figure:.1f} {unit}"


def span(duration_us: int) -> str:
    """As people say it: 0.4 s, 42 s, 5 min 20 s, 5 h, 2 d 3 h."""
    seconds = duration_us / 1_000_000
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, small, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if whole >= size:
            return _two(whole // size, unit, whole % size // small, part)
    return _two(whole // 60, "min", whole % 60, "s") if whole >= 120 else f"{whole} s"


def _two(large: int, unit: str, rest: int, part: str) -> str:
    return f"{large} {unit} {rest} {part}" if rest else f"{large} {unit}"


def _off(error_s: float) -> str:
    return f"{span(round(abs(error_s) * 1e6))} {'ahead' if error_s > 0 else 'behind'}"
