"""The product's icons: 16 px grid, one stroke, drawn here; no icon font and no request."""

from __future__ import annotations

ICONS: dict[str, str] = {
    "overview": "M2.5 2.5H7V7H2.5zM9 2.5h4.5V7H9zM2.5 9H7v4.5H2.5zM9 9h4.5v4.5H9z",
    "instruments": "M5 1.8V4M5 10v2.7M3.3 4h3.4v6H3.3zM11 3.3V6M11 11v3.2M9.3 6h3.4v5H9.3z",
    "alerts": "M8 1.8a4 4 0 0 0-4 4c0 3.3-1.3 4.3-1.3 5.4h10.6c0-1.1-1.3-2.1-1.3-5.4a4 4 0 0 0-4-4z"
    "M6.4 13.4a1.7 1.7 0 0 0 3.2 0",
    "signals": "M14 2 7.3 8.7M14 2l-4.2 12-2.5-5.3L2 6.2z",
    "clients": "M1.8 2.8h12.4v8.4H1.8zM5.5 13.8h5M8 11.2v2.6M4.5 8.2l2-2-2-1.2",
    "health": "M1.3 8.6h3L6.4 3.2l3.1 9.6 2-4.2h3.2",
    "history": "M8 2a6 6 0 1 1-5.2 3M2.2 2.2V5h2.9M8 4.8V8l2.3 1.6",
    "audit": "M3.8 1.8h8.4v12.4H3.8zM6.3 5.2h3.4M6.3 8h3.4M6.3 10.8h2",
    "settings": "M1.8 4.8h5.4M11 4.8h3.2M1.8 11.2H5M8.8 11.2h5.4"
    "M9.1 2.9a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8z"
    "M6.9 9.3a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8z",
    "about": "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 7.3v3.6M8 4.9v.3",
    "search": "M7 2.3a4.7 4.7 0 1 0 0 9.4 4.7 4.7 0 0 0 0-9.4zM10.5 10.5l3.6 3.6",
    "sound": "M2 6v4h2.4L8 13V3L4.4 6zM10.4 5.8a3.2 3.2 0 0 1 0 4.4M12.4 3.8a6 6 0 0 1 0 8.4",
    "mute": "M2 6v4h2.4L8 13V3L4.4 6zM10.6 6.2l3.6 3.6M14.2 6.2l-3.6 3.6",
    "contrast": "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 2v12M8 4.8h3.9M8 8h5.6M8 11.2h3.9",
    "pause": "M5.2 3.2v9.6M10.8 3.2v9.6",
    "play": "M4.5 2.8v10.4L13 8z",
    "close": "M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4",
    "check": "M2.8 8.6l3.4 3.4 7-7.6",
    "plus": "M8 3v10M3 8h10",
    "down": "M4 6.2l4 4 4-4",
    "right": "M6.2 4l4 4-4 4",
    "left": "M9.8 4l-4 4 4 4",
    "more": "M3.2 8h.1M8 8h.1M12.8 8h.1",
    "copy": "M5.8 5.8h7.4v7.4H5.8zM10.2 5.8V2.8H2.8v7.4h3",
    "user": "M8 2.2a2.9 2.9 0 1 0 0 5.8 2.9 2.9 0 0 0 0-5.8z"
    "M2.6 13.8c.5-2.6 2.6-4 5.4-4s4.9 1.4 5.4 4",
    "sign-out": "M9.6 5V2.4H2.6v11.2h7V11M6.4 8h7.4M11.4 5.6 13.8 8l-2.4 2.4",
    "keyboard": "M1.4 4h13.2v8.4H1.4zM4 6.6h.1M6.6 6.6h.1M9.2 6.6h.1M11.8 6.6h.1M4.6 9.8h6.8",
    "key": "M5.2 7.4a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4zM7.5 8.4l6-6M11 4.8l2 2",
    "silence": "M11.8 5A4 4 0 0 0 4 5.8c0 3.3-1.3 4.3-1.3 5.4h7.5"
    "M12.2 8.2c.3 1.6 1.1 2.2 1.1 3h-1.4"
    "M6.4 13.4a1.7 1.7 0 0 0 3.2 0M2 2l12 12",
    "note": "M2.6 2.6h10.8v7.8H8.2l-3 2.8v-2.8H2.6z",
    "up-arrow": "M8 13V3M4 7l4-4 4 4",
    "down-arrow": "M8 3v10M4 9l4 4 4-4",
    "external": "M6.4 3H3v10h10V9.6M9 2.6h4.4V7M13.2 2.8 7.6 8.4",
    "rail": "M1.8 2.8h12.4v10.4H1.8zM6 2.8v10.4",
    "filter": "M2 3.4h12M4.4 8h7.2M6.6 12.6h2.8",
    "undo": "M5.4 3 2.4 6l3 3M2.4 6h6.8a4 4 0 0 1 0 8H6.6",
    "book": "M8 4.2C6.4 3 4.4 2.6 2 2.8v9.6c2.4-.2 4.4.2 6 1.4"
    " 1.6-1.2 3.6-1.6 6-1.4V2.8c-2.4-.2-4.4.2-6 1.4z"
    "M8 4.2v9.6",
    "bolt": "M9 1.6 3.4 9h4L7 14.4 12.6 7h-4z",
}

# Two offset tick lines joined by a bridge's arc: two feeds, one truth.
MARK = (
    '<svg viewBox="0 0 24 24" width="22" height="22" fill="none" stroke="currentColor" '
    'stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
    '<path d="M5 20v-8.5C5 7.4 8.1 4.5 12 4.5s7 2.9 7 7V17"/>'
    '<path d="M1.8 20h6.4M15.8 17h6.4M12 4.5v5"/></svg>'
)


def icon_svg(name: str, size: int = 16) -> str:
    """Raises KeyError for a name that is not drawn: a typing error fails its page's test."""
    width = "2.2" if name == "more" else "1.4"
    return (
        f'<svg class="icon" viewBox="0 0 16 16" width="{size}" height="{size}" fill="none" '
        f'stroke="currentColor" stroke-width="{width}" stroke-linecap="round" '
        f'stroke-linejoin="round" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'
    )
