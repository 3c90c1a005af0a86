"""Feeds for tests of this room: clients and sources as rows, days of real ticks, synthetic ones."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bridge_ingest.journal.layout import CROSSED, LOCKED, RECORD, REPLAY, Records
from bridge_ingest.models import Client, Source, Stream

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
HOUR_US = 3_600_000_000


def shared(name: str) -> Path:
    """A file of the shared data; skips the test where the folder is not there."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared data ({path}) is not on this machine")
    return path


def moment_us(text: str) -> int:
    """`2014-05-02T12:30:02.5` (UTC) as microseconds."""
    return int(np.datetime64(text, "us").astype(np.int64))


def second_of(text: str) -> int:
    return moment_us(text) // 1_000_000


@cache
def day_of(pair: str, broker: str, day: str) -> Records:
    """One broker's day as records, received when they happened; source and stream 0."""
    with gzip.open(shared(f"fx_ticks/{pair}_{broker}_{day}.csv.gz"), "rt") as file:
        rows = [line.rstrip("\n").split(",") for line in file][1:]
    moments = np.array([row[0].rstrip("Z") for row in rows], dtype="datetime64[us]")
    bid, ask = (np.array([float(row[side]) for row in rows]) for side in (1, 2))
    return records(moments.astype(np.int64), bid, ask)


def records(
    received_us: npt.ArrayLike,
    bid: npt.ArrayLike,
    ask: npt.ArrayLike,
    *,
    delay_us: npt.ArrayLike = 0,
    flags: int = REPLAY,
    source: int = 0,
) -> Records:
    """Ticks of one feed, numbered from 1. `delay_us`: from the event to the receipt of each."""
    moments = np.asarray(received_us, dtype=np.int64)
    made = np.zeros(len(moments), RECORD)
    made["received_us"] = moments
    made["event_us"] = moments - np.asarray(delay_us)
    made["bid"], made["ask"] = bid, ask
    made["seq"] = np.arange(1, len(moments) + 1)
    made["source"] = made["stream"] = source
    crossed = np.where(made["bid"] > made["ask"], CROSSED, 0)
    locked = np.where(made["bid"] == made["ask"], LOCKED, 0)
    made["flags"] = flags | crossed | locked
    return made


def with_source(ticks: Records, source: Source, stream: Stream) -> Records:
    own = ticks.copy()
    own["source"], own["stream"] = source.pk, stream.pk
    return own


def make_source(client: str, symbol: str, shard: int = 0) -> tuple[Source, Stream]:
    owner, _ = Client.objects.get_or_create(name=client, defaults={"platform": "mt5"})
    source = Source.objects.create(client=owner, symbol=symbol, shard=shard)
    stream, _ = Stream.objects.get_or_create(client=owner, name="test")
    return source, stream


def in_pieces(ticks: Records, sizes: Iterable[int]) -> list[Records]:
    """Cut into pieces of these sizes; the last takes what is left."""
    cuts = np.cumsum(list(sizes))
    return [piece for piece in np.split(ticks, cuts[cuts < len(ticks)]) if len(piece)]
