"""A worker's part of `fksbridge.pipeline`, with a clock of the test's."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from bridge_ingest.journal.layout import Records
from market import adopt, store
from verification import recorder
from verification.engine import Verifier

SECOND_US = 1_000_000


class Worker:
    """Stores and verifies batches, each in one transaction. `now_us` is the wall."""

    def __init__(self, now_us: int, shard: int = 0) -> None:
        self.shard = shard
        self.now_us = now_us
        self.events: list[dict[str, Any]] = []
        self.verifier = Verifier(shard)
        self.verifier.load()

    def take(self, batch: Records, passed_us: int = 10_000) -> None:
        """A batch came, `passed_us` after the one before."""
        self.now_us += passed_us
        with transaction.atomic():
            feeds = adopt.feeds_for(batch)
            store.write_ticks(batch, feeds, str(self.shard))
            findings = self.verifier.observe(batch, feeds, self.now_us)
            self.events += recorder.apply(findings)

    def wait(self, passed_us: int = 4 * SECOND_US, step_us: int = SECOND_US) -> None:
        """Nothing came for so long."""
        until_us = self.now_us + passed_us
        while self.now_us < until_us:
            self.now_us += step_us
            with transaction.atomic():
                self.events += recorder.apply(self.verifier.clock(self.now_us))

    def crash(self) -> None:
        """Killed between two transactions, and started again."""
        self.verifier = Verifier(self.shard)
        self.verifier.load()
