"""Whose address a webhook was posted to, without asking PostgreSQL for each post.

TradingView posts at the close of a bar, all alerts at once. An answer is remembered for less than
the second within which a revoked key must open nothing any more; equal questions that are under way
are asked once.
"""

from __future__ import annotations

import asyncio
import time

from bridge_ingest.gateway.directory import Directory, Identity
from bridge_ingest.models import Scope

REMEMBERED_S = 0.8
_MOST = 4096

_Question = tuple[str, str]
"""Token and the sender's address: a key may be bound to addresses."""


class Tokens:
    """Lives on one event loop."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[_Question, tuple[float, Identity]] = {}
        self._asked: dict[_Question, asyncio.Task[Identity]] = {}

    async def identify(self, token: str, address: str) -> Identity:
        """Raises keys.KeyRefused, or django.db.Error when the database is away."""
        question = token, address
        known = self._known.get(question)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asked = self._asked.get(question) or self._ask(question)
        return await asyncio.shield(asked)

    def _ask(self, question: _Question) -> asyncio.Task[Identity]:
        token, address = question
        task = asyncio.create_task(self._directory.identify(token, Scope.WEBHOOK, address))
        self._asked[question] = task
        asked_at = time.monotonic()
        task.add_done_callback(lambda done: self._learn(question, done, asked_at))
        return task

    def _learn(self, question: _Question, done: asyncio.Task[Identity], asked_at: float) -> None:
        """The second runs from the question: the answer may have been on its way for a while."""
        del self._asked[question]
        if done.cancelled() or done.exception() is not None:
            self._known.pop(question, None)
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[question] = asked_at + REMEMBERED_S, done.result()
