"""From a posted body to the alert's text: encoding, form fields, and placeholders left unfilled."""

from __future__ import annotations

import difflib
import re
from urllib.parse import parse_qsl

from bridge_ingest.protocol.errors import Refused

MAX_BODY_BYTES = 64 * 1024
"""TradingView states no limit; nothing that it is known to send comes near this."""

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]{0,80}?)\s*\}\}")
_FORM = re.compile(r"[A-Za-z_][\w.-]{0,40}=(%7B|%5B|\{|\[)", re.IGNORECASE)
_KNOWN = (
    "ticker", "exchange", "interval", "open", "high", "low", "close", "volume", "time", "timenow",
    "syminfo.currency", "syminfo.basecurrency",
    *(f"strategy.order.{each}" for each in (
        "action", "id", "price", "contracts", "comment", "alert_message")),
    *(f"strategy.{each}" for each in (
        "position_size", "market_position", "market_position_size", "prev_market_position",
        "prev_market_position_size")),
)  # fmt: skip
"""What TradingView fills in, by its help page on alert placeholders."""


def text_of(body: bytes, content_type: str = "") -> str:
    """The alert itself. Raises Refused for what is no text, is empty, or is too long."""
    if len(body) > MAX_BODY_BYTES:
        raise Refused("too_long", "", f"The alert is over {MAX_BODY_BYTES // 1024} KiB.")
    try:
        text = body.decode("utf-8-sig").strip(" \0\t\r\n")
    except UnicodeDecodeError as error:
        raise Refused("encoding", "", f"The alert is not UTF-8 text: {error.reason}.") from None
    if _is_form(text, content_type):
        text = _field_of(text)
    if "\0" in text:
        raise Refused("encoding", "", "The alert is not UTF-8 text: there is a zero byte in it.")
    if not text:
        raise Refused("empty", "", "The alert has no text: write one into its message field.")
    _refuse_unfilled(text)
    return text


def _is_form(text: str, content_type: str) -> bool:
    """Told by its looks: content types are set by whoever relays, and are often wrong."""
    if "\n" in text:
        return False
    named = text.startswith("message=") and "urlencoded" in content_type.lower()
    return named or bool(_FORM.match(text))


def _field_of(text: str) -> str:
    """The alert in a form's only field, as relays between TradingView and here send it."""
    try:
        values = [value for _, value in parse_qsl(text, max_num_fields=20) if value]
    except ValueError:
        return text
    return values[0].removesuffix("=").strip() if len(values) == 1 else text


def _refuse_unfilled(text: str) -> None:
    names = list(dict.fromkeys(_PLACEHOLDER.findall(text)))
    if not names:
        return
    listed = ", ".join(f"{{{{{name}}}}}" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    reason = f"{listed}{more} arrived unfilled. {_advice(names[0])}"
    raise Refused("placeholder", names[0][:64], reason)


def _advice(name: str) -> str:
    if name.startswith("strategy."):
        return "TradingView fills it in only for alerts of a strategy's orders."
    if name.startswith("plot"):
        return "The script has no plot of that number or name."
    if name in _KNOWN:
        return "TradingView did not make this alert, or its text was changed on the way."
    close = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=0.7)
    meant = f" Did you mean {{{{{close[0]}}}}}?" if close else ""
    return f"TradingView knows no such placeholder.{meant}"
