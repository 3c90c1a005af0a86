"""The words of the pages on which people act: clocks, latencies, places in a stream."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bridge_ingest.models import Stream
from dashboard.formatting import NOTHING, lasting_text
from dashboard.reading.accounts import word_of
from dashboard.reading.signals import shape_of
from execution.models import TradeEvent
from market.models import FeedState
from signals.models import DeliveryState

register = template.Library()


@register.filter
def utc_offset(seconds: int) -> str:
    """`+2`, `+5:30`, with a true minus below zero: what stands after UTC."""
    sign = "+" if seconds >= 0 else "\u2212"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{sign}{hours}:{minutes:02}" if minutes else f"{sign}{hours}"


@register.filter
def zone(seconds: int | None) -> str:
    """`UTC+2`, plain `UTC`, or a dash for what is not known."""
    if seconds is None:
        return "\u2013"
    return f"UTC{utc_offset(seconds)}" if seconds else "UTC"


@register.filter
def took_ms(state: FeedState) -> float:
    """From the terminal's clock to ours, in ms; negative when its clock is ahead."""
    return (state.received_at - state.event_time).total_seconds() * 1000


@register.filter
def acknowledged_to(stream: Stream) -> int:
    """The highest number known to be durable: journalled events, or ticks in a shard's cursor."""
    return max(stream.received, getattr(stream, "highest", 0) or 0)


@register.filter
def produced_to(stream: Stream) -> int:
    """The highest number that the terminal is known to have given: its last word may be older."""
    return max(stream.produced, acknowledged_to(stream))


@register.filter
def backticks(text: str) -> SafeString:
    """Words between backticks as code; everything is escaped."""
    parts = text.split("`")
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<code>{}</code>", part) if index % 2 else part,)
            for index, part in enumerate(parts)
        ),
    )


@register.filter
def plain_price(value: float) -> str:
    """A price as it was typed, without exponent: 1.0823, 0.00001, 64214.5."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


@register.filter
def level(value: float | None) -> str:
    """A price as it was typed; platforms say 0 for one that is not there."""
    return plain_price(value) if value else NOTHING


@register.filter
def money(value: float | None) -> str:
    """`12 480.50`, with a true minus below zero."""
    if value is None:
        return NOTHING
    return f"{value:,.2f}".replace(",", "\u202f").replace("-", "\u2212")


@register.filter
def happened(event: TradeEvent) -> str:
    return word_of(event)


@register.filter
def short_span(seconds: float) -> str:
    """How long a delivery took: `42 ms`, `1.2 s`, `3 min 20 s`."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else lasting_text(seconds)


@register.filter
def clock_ms(at: datetime) -> str:
    """`09:14:27.042`, UTC."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


@register.filter
def delivery_shape(state: str) -> str:
    """The shape of one step in a delivery's timeline."""
    return shape_of(DeliveryState(state))


@register.filter
def stop_watch(seconds: float) -> str:
    """As a stop watch shows it, for large figures: `0:42`, `6:36`, `2:05:10`; days in words."""
    whole = int(max(0.0, seconds))
    if whole >= 86_400:
        return lasting_text(whole)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
