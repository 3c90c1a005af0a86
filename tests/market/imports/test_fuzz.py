"""Each parser under mutated files for MINUTES: `make fuzz MINUTES=10`.

Nothing may be raised, every line must be accounted for, and what is accepted must be possible.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from market.imports import clocks, formats, reading
from market.imports.formats import FORMATS
from market.imports.reading import Terms
from market.imports.shape import Block, Format, Kind, Layout, Parsed
from tests.market.imports.samples import NOW_US, SAMPLES, layout_of
from tests.mutation import fuzz, mutated

pytestmark = pytest.mark.fuzz

ZONES = [clocks.zone_of(name) for name in ("UTC", "NY+7", "Europe/Athens", "-03:30")]


def check(form: Format, layout: Layout, data: bytes, chance: random.Random) -> None:
    period_s = 0 if form.kind is Kind.TICKS else 60
    stamp = form.stamp and chance.choice(["open", "close"])
    terms = Terms(form, layout, chance.choice(ZONES), stamp, period_s)
    found = reading.read(Block(data, 5), terms, {}, NOW_US)
    assert_accounted(found, layout, data)
    rows = found.rows
    assert np.all((rows["time_us"] > 0) & (rows["time_us"] < NOW_US + 86_400_000_000))
    for name in (rows.dtype.names or ())[2:]:
        assert np.all(np.isfinite(rows[name]) & (rows[name] >= 0)), name


def assert_accounted(found: Parsed, layout: Layout, data: bytes) -> None:
    lines = [*found.rows["line"].tolist(), *(refusal.line for refusal in found.refusals)]
    if layout.record_bytes:
        expected = [*range(5, 5 + -(-len(data) // layout.record_bytes))]
    else:
        expected = [n for n, line in enumerate(data.split(b"\n"), 5) if line.strip()]
    assert sorted(lines) == expected


@pytest.mark.parametrize("code", FORMATS)
def test_no_mutated_file_breaks_a_parser(code: str) -> None:
    form, sample = FORMATS[code], SAMPLES[code]
    layout = layout_of(form, sample)
    head, body = sample[: layout.header_bytes], sample[layout.header_bytes :]

    def read(data: bytes, chance: random.Random) -> None:
        check(form, layout, data, chance)
        formats.recognise(mutated(head + body, chance))

    fuzz(code, [body], read)
