"""The words of our templates: icons, states, prices, ages, sparklines, bullets, fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard import drawing, formatting
from dashboard.navigation import Frame, frame_of
from dashboard.states import STATE_WORDS
from dashboard.templatetags.icons import MARK, icon_svg

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    return mark_safe(icon_svg(name, size))  # noqa: S308 - drawn by us, nothing from outside


@register.simple_tag
def mark() -> SafeString:
    return mark_safe(MARK)  # noqa: S308 - drawn by us, nothing from outside


@register.simple_tag(takes_context=True)
def frame(context: template.Context) -> Frame:
    """What the rail, the top line and the bottom bar show for this request."""
    return frame_of(context["request"])


@register.simple_tag
def shape(state: str) -> SafeString:
    """The state's shape alone, for places where the word stands beside it anyway."""
    return format_html('<i class="shape" data-state="{}" aria-hidden="true"></i>', state)


@register.simple_tag
def state(name: str, word: str = "") -> SafeString:
    """Shape and word: colour is never the only sign."""
    return format_html(
        '<span class="state" data-state="{}">{}<span class="word">{}</span></span>',
        name,
        shape(name),
        word or STATE_WORDS.get(name, name),
    )


@register.simple_tag
def price(value: float | None, digits: int, pip_size: float) -> SafeString:
    if value is None:
        return format_html('<span class="price"><span>{}</span></span>', formatting.NOTHING)
    return format_html(
        '<span class="price"><span>{}</span><b>{}</b><sup>{}</sup></span>',
        *formatting.price_parts(value, digits, pip_size),
    )


@register.filter
def state_word(name: str) -> str:
    return STATE_WORDS.get(name, name)


@register.filter
def to_json(value: Any) -> str:
    """For attributes that scripts read; the template escapes it."""
    return msgspec.json.encode(value).decode()


@register.filter
def item(mapping: Mapping[Any, Any], key: Any) -> Any:
    return mapping.get(key)


@register.filter
def percent(share: float) -> str:
    """A share as a percentage that never rounds up to a hundred: 99.9 % is not all."""
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"


@register.filter
def age(at: datetime | None) -> str:
    if at is None:
        return formatting.NOTHING
    return formatting.age_text((timezone.now() - at).total_seconds(), at)


@register.filter
def lasting(seconds: float) -> str:
    return formatting.lasting_text(seconds)


@register.filter
def lasting_since(at: datetime, until: datetime | None = None) -> str:
    return formatting.lasting_text(((until or timezone.now()) - at).total_seconds())


@register.filter
def signed(value: float | None, decimals: int = 1) -> str:
    return formatting.NOTHING if value is None else formatting.signed(value, decimals)


@register.filter
def grouped(value: float | None) -> str:
    return formatting.NOTHING if value is None else formatting.grouped(value)


@register.filter
def compact(value: float | None) -> str:
    return formatting.compact(value)


@register.filter
def epoch_ms(at: datetime | None) -> int | str:
    """Milliseconds since 1970, for attributes that scripts read."""
    return "" if at is None else int(at.timestamp() * 1000)


@register.simple_tag
def sparkline(
    values: Sequence[float | None], state_name: str = "", limit: float | None = None
) -> SafeString:
    """`values` oldest first; None leaves a hole. `limit` draws a dashed line at that height."""
    return drawing.sparkline(values, state_name, limit)


@register.simple_tag
def bullet(value: float | None, threshold: float | None, state_name: str = "") -> SafeString:
    """A value as a bar against its threshold, which stands at a third of the width."""
    return drawing.bullet(value, threshold, state_name)


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, **options: Any) -> dict[str, Any]:
    """A form field with label, help and error, tied together for screen readers.

    `optional=True` says so beside the label; other options become attributes of the widget.
    """
    optional = bool(options.pop("optional", not bound.field.required))
    described = " ".join(
        name
        for name, present in (
            (f"{bound.auto_id}-help", bound.help_text),
            (f"{bound.auto_id}-error", bound.errors),
        )
        if present
    )
    attributes = {name.replace("_", "-"): value for name, value in options.items()}
    if described:
        attributes["aria-describedby"] = described
    return {"bound": bound, "optional": optional, "widget": bound.as_widget(attrs=attributes)}
