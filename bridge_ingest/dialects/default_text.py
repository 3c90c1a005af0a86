"""TradingView's own default texts: a price alert's, and a strategy's order.

Source: the alert dialog's defaults, for example `EURUSD Crossing 1.0850` and `{{strategy}}: order
{{strategy.order.action}} @ {{strategy.order.contracts}} filled on {{ticker}}. New strategy position
is {{strategy.position_size}}`. The figure after `@` counts contracts and is no price.
"""

from __future__ import annotations

import re

from bridge_ingest.dialects.fields import Fields, add

_NUMBER = r"[+-]?[0-9](?:[0-9.,]*[0-9])?(?:[eE][+-]?[0-9]+)?"
_PRICE_ALERT = re.compile(
    r"(?P<symbol>[^\s,]{1,64})(?:,\s*(?P<interval>[0-9]*[A-Za-z]?))?\s+"
    r"(?P<condition>Crossing(?: Up| Down)?|Greater Than|Less Than)\s+"
    rf"(?P<price>{_NUMBER})\.?"
)
_ORDER = re.compile(
    r"(?P<strategy>.{0,300}?):?\s*order (?P<action>\w+) @ "
    rf"(?P<contracts>{_NUMBER}) filled on (?P<symbol>\S{{1,64}}?)\."
    rf"(?:\s*New strategy position is (?P<position_size>{_NUMBER})\.?)?",
    re.DOTALL,
)


def recognise(text: str) -> Fields | None:
    match = _PRICE_ALERT.fullmatch(text) or _ORDER.fullmatch(text)
    if match is None:
        return None
    fields: Fields = {}
    for name, value in match.groupdict().items():
        if value is not None:
            add(fields, name, value)
    return fields
