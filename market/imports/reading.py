"""What a file holds, in UTC and stamped at the opening, whatever its platform wrote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge_ingest.protocol.messages import PERIODS_S
from market.imports import checks, clocks, files, formats
from market.imports.clocks import Zone
from market.imports.files import FileRefused
from market.imports.shape import (
    HEAD_BYTES,
    Block,
    Carry,
    Code,
    Format,
    Kind,
    Layout,
    Parsed,
    Refusal,
)

_PERIODS = frozenset(PERIODS_S.values())


@dataclass(frozen=True, slots=True)
class Known:
    """What a file says of itself. None: the owner must say it."""

    format: Format
    layout: Layout
    zone: str | None
    stamp: str
    period_s: int | None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a file is to be read: nothing is open any more. `period_s` is 0 for ticks."""

    format: Format
    layout: Layout
    zone: Zone
    stamp: str
    period_s: int
    allows_nonpositive: bool = False


def know(head: bytes) -> Known:
    """Raises FileRefused (`unknown_format`)."""
    found = formats.recognise(head)
    if found is None:
        labels = ", ".join(known.label for known in formats.FORMATS.values())
        raise FileRefused("unknown_format", f"The file is none of these: {labels}.")
    form, layout = found
    period_s = layout.period_s or _seen_period(form, layout, head)
    return Known(form, layout, form.zone, form.stamp, period_s)


def agree(known: Known, *, zone: str = "", stamp: str = "", period_s: int | None = None) -> Terms:
    """What the file says, filled up and overruled by what its owner says.

    Raises FileRefused (`zone_needed`, `zone_stated`, `bad_zone`, `period_needed`, `bad_stamp`).
    """
    if known.format.kind is Kind.TICKS:
        period_s, stamp = 0, ""
    else:
        period_s = _period(known, period_s)
        stamp = stamp or known.stamp
        if stamp not in ("open", "close"):
            raise FileRefused("bad_stamp", f"Bars are stamped at open or close, not {stamp!r}.")
    return Terms(known.format, known.layout, _zone(known, zone), stamp, period_s)


def _period(known: Known, asked_s: int | None) -> int:
    period_s = asked_s or known.period_s
    if period_s not in _PERIODS:
        names = ", ".join(PERIODS_S)
        raise FileRefused(
            "period_needed", f"The period of its bars can't be told; say which: {names}."
        )
    return period_s


def _zone(known: Known, asked: str) -> Zone:
    if known.format.zone_stated and asked.strip() not in ("", "UTC"):
        raise FileRefused("zone_stated", "The rows of this format state their zone; leave it out.")
    name = asked.strip() or known.zone
    if not name:
        raise FileRefused(
            "zone_needed",
            f"{known.format.label} has times of the server's clock; say its zone, such as NY+7.",
        )
    try:
        return clocks.zone_of(name)
    except clocks.ZoneError as error:
        raise FileRefused("bad_zone", str(error)) from error


def read(block: Block, terms: Terms, carry: Carry, now_us: int) -> Parsed:
    """The rows of a block in UTC and stamped at their opening; refusals in order of lines."""
    shown = files.Lines(block, terms.layout)
    parsed = terms.format.parse(block, terms.layout, carry)
    rows, refusals = parsed.rows, parsed.refusals
    if not terms.format.zone_stated:
        is_bar = terms.period_s > 0
        rows["time_us"], exists = clocks.to_utc(rows["time_us"], terms.zone, carry, distinct=is_bar)
        skipped = rows["line"][~exists].tolist()
        refusals += [Refusal.of(line, Code.SKIPPED_HOUR, shown(line)) for line in skipped]
        rows = rows[exists]
    if terms.stamp == "close":
        rows["time_us"] -= terms.period_s * 1_000_000
    rows, refused = checks.accepted(
        rows, now_us=now_us, allows_nonpositive=terms.allows_nonpositive, shown=shown
    )
    return Parsed(rows, sorted([*refusals, *refused]))


def _seen_period(form: Format, layout: Layout, head: bytes) -> int | None:
    """The distance in time that neighbouring rows have most often, if bars can be that long."""
    if form.kind is Kind.TICKS or layout.record_bytes:
        return None
    body = head[layout.header_bytes : HEAD_BYTES]
    body = body[: body.rfind(b"\n") + 1] or body
    steps = np.diff(form.parse(Block(body, 1), layout, {}).rows["time_us"])
    lengths, counts = np.unique(steps[steps > 0], return_counts=True)
    if not len(lengths):
        return None
    period_s = int(lengths[np.argmax(counts)]) // 1_000_000
    return period_s if period_s in _PERIODS else None
