"""The worker's stages, in this process: what one drain does with a batch in its transaction."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from django.core.management import call_command
from django.db import transaction

from agent.load.payload import middle, symbols
from bench.figures import Round
from bench.house import BATCH, LOAD_TERMINALS
from bench.probe import LOAD_SYMBOLS
from bench.stages import SIZES
from bridge_ingest import actions
from bridge_ingest.clock import now_us
from bridge_ingest.journal.layout import RECORD, Records
from bridge_ingest.journal.reader import lock_cursor, move_cursor
from bridge_ingest.models import Source, Stream
from bridge_ingest.symbols import shard_of
from market import adopt, store
from signals.strategies import runner
from verification import recorder
from verification.engine import Verifier

SHARD = 0
RATE = 250_000.0
_PIPS = 0.2
_SPREAD_PIPS = 0.8


class Batches:
    """Batches as shard 0 gets them under the load of `bench.ingest`: 100 ticks of a feed, then the
    next feed's, at 125,000 ticks/s of the shard."""

    def __init__(self) -> None:
        self._feeds = list(_feeds())
        self._sent = dict.fromkeys({stream for _, stream, _, _ in self._feeds}, 0)
        self._turn = 0
        self._dice = np.random.default_rng(20140502)

    def made(self, size: int, first_us: int) -> Records:
        """`size` ticks received from `first_us` on."""
        records = np.zeros(size, RECORD)
        records["received_us"] = first_us + np.arange(size) * (2e6 / RATE)
        records["event_us"] = records["received_us"] - 2_000
        for start in range(0, size, BATCH):
            self._fill(records[start : start + BATCH])
        return records

    def _fill(self, part: Records) -> None:
        source, stream, price, pip = self._feeds[self._turn]
        self._turn = (self._turn + 1) % len(self._feeds)
        first = self._sent[stream] + 1
        self._sent[stream] += len(part)
        part["source"], part["stream"] = source, stream
        part["seq"] = np.arange(first, first + len(part))
        part["bid"] = price + pip * self._dice.uniform(-_PIPS, _PIPS, len(part))
        part["ask"] = part["bid"] + pip * _SPREAD_PIPS
        part["volume"] = 1


def _feeds() -> Iterator[tuple[int, int, float, float]]:
    """Source, stream, price and pip of each of the shard's feeds, made here."""
    for name in LOAD_TERMINALS:
        client = actions.register_client(name=name, platform="agent", actor=None, source="command")
        stream = Stream.objects.create(client=client, name="bench")
        for symbol in symbols(LOAD_SYMBOLS):
            if shard_of(symbol, 2) == SHARD:
                source = Source.objects.create(client=client, symbol=symbol, shard=SHARD)
                yield source.pk, stream.pk, *middle(symbol)


class Stopwatch:
    """Seconds between one mark and the next, by stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._at = time.perf_counter()

    def start(self) -> None:
        self._at = time.perf_counter()

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self.spent[stage] += now - self._at
        self._at = now


def measure(seconds: float) -> Round:
    call_command("migrate", verbosity=0, interactive=False)
    batches, verifier = Batches(), Verifier(SHARD)
    with transaction.atomic():
        verifier.load()
    drain(batches.made(20_000, now_us() - 200_000), verifier, Stopwatch())  # every feed adopted
    found: Round = {}
    for size in SIZES:
        found |= _measure_size(batches, verifier, size, seconds)
    return found


def _measure_size(batches: Batches, verifier: Verifier, size: int, seconds: float) -> Round:
    watch, ticks, count = Stopwatch(), 0, 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        batch = batches.made(size, now_us() - int(size * 2e6 / RATE))
        drain(batch, verifier, watch)
        ticks, count = ticks + size, count + 1
    spent = dict(watch.spent) | {"all": sum(watch.spent.values())}
    return {
        **{f"{stage}.{size}": second / ticks * 1e6 for stage, second in spent.items()},
        f"batch.{size}": spent["all"] / count * 1e3,
    }


def drain(batch: Records, verifier: Verifier, watch: Stopwatch) -> None:
    """As `fksbridge.pipeline.TickPipeline` and `fksbridge.drain.Drain` do, with a look at the clock
    after each stage."""
    watch.start()
    with transaction.atomic():
        cursor = lock_cursor(str(SHARD))
        watch.mark("begin")
        feeds = adopt.feeds_for(batch)
        watch.mark("feeds")
        store.write_ticks(batch, feeds, str(SHARD))
        watch.mark("store")
        findings = verifier.observe(batch, feeds, now_us())
        watch.mark("verify")
        recorder.apply(findings)
        watch.mark("record")
        runner.observe(batch, feeds)
        watch.mark("signals")
        move_cursor(cursor, "0-0")
    watch.mark("commit")
