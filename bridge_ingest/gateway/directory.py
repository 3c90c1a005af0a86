"""What the gateway asks PostgreSQL: who a key belongs to, which id a stream or a symbol has.

These questions come at hello and at a symbol's first tick, never per message. They run in a small
thread pool, so that a slow database delays the one who asks and nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Max

from bridge_ingest import keys, symbols
from bridge_ingest.gateway.pace import limits
from bridge_ingest.gateway.proof import Demands, demands_of
from bridge_ingest.models import (
    ApiKey,
    Client,
    ClientClock,
    Scope,
    Source,
    Stream,
    StreamCursor,
)
from bridge_ingest.protocol.intake import ClientState, SourceRef

log = structlog.get_logger(__name__)
Result = TypeVar("Result")

MAX_SYMBOLS = 5000
"""Per client; a broker lists some 2,000. Beyond it new symbols are refused, known ones go on."""
_RETRY_S = 0.5
_PLAIN_NAMES = {"mt5": "local-mt5", "ninjatrader": "local-ninjatrader"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a key has proved a session to be."""

    client: ClientState
    key_id: int
    key_public_id: str
    scopes: frozenset[str]
    demands: Demands


class Directory:
    """Lookups with the client states that sessions of one process share."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="directory")
        self._clients: dict[int, ClientState] = {}

    async def identify(self, key_text: str, scope: Scope | None, peer: str) -> Identity:
        """Raises keys.KeyRefused, or django.db.Error when the database is away."""
        return await self._ask(self._identify, key_text, scope, peer)

    async def plain_client(self, platform: str) -> ClientState:
        """The client that stands for all loopback terminals of a platform without a key."""
        return await self._ask(self._plain_client, platform)

    async def stream(self, client: ClientState, name: str, plain: bool = False) -> tuple[int, int]:
        """A stream's id, and the highest number known to PostgreSQL (0 for a new one)."""
        return await self._ask(self._stream, client.id, name, plain)

    async def learn_symbol(self, client: ClientState, symbol: str) -> None:
        """Make `symbol` known, waiting for PostgreSQL as long as it takes: nothing may be lost.

        A client at its bound of symbols learns nothing; the caller refuses the items.
        """
        while symbol not in client.sources:
            try:
                await self._ask(self._learn_symbol, client, symbol)
                return
            except DatabaseError as error:
                log.warning("symbol_waits_for_database", symbol=symbol, error=str(error))
                await asyncio.sleep(_RETRY_S)

    async def no_longer_active(self, public_ids: set[str]) -> dict[str, str]:
        """Those of the keys that open nothing any more, with the protocol's code for it."""
        return await self._ask(_no_longer_active, public_ids)

    @property
    def clients(self) -> list[ClientState]:
        """All that have spoken since the process began."""
        return list(self._clients.values())

    async def read_clocks(self, clients: set[int]) -> None:
        """Which offset an operator has set for each of them. Raises django.db.Error."""
        known = [state for pk, state in list(self._clients.items()) if pk in clients]
        await self._ask(_read_clocks, known)

    async def read_sources(self, clients: set[int]) -> None:
        """Where their symbols' ticks go, after one was matched. Raises django.db.Error."""
        known = [state for pk, state in list(self._clients.items()) if pk in clients]
        if known:
            await self._ask(_read_sources, known)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, function: Callable[..., Result], *arguments: Any) -> Result:
        def ask() -> Result:
            close_old_connections()
            return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._pool, ask)

    def _identify(self, key_text: str, scope: Scope | None, peer: str) -> Identity:
        key = keys.find(key_text)
        keys.check(key, scope or key.scopes[0], peer)
        keys.touch(key)
        state = self._state(key.client)
        scopes, demands = frozenset(key.scopes), demands_of(key.client)
        return Identity(state, key.pk, key.public_id, scopes, demands)

    def _plain_client(self, platform: str) -> ClientState:
        name = _PLAIN_NAMES.get(platform, f"local-{platform}")
        note = "Plain terminals on this machine, without a key."
        defaults = {"platform": platform, "note": note}
        client, _ = Client.objects.get_or_create(name=name, defaults=defaults)
        return self._state(client)

    def _state(self, client: Client) -> ClientState:
        state = self._clients.get(client.pk)
        if state is None or not state.sources:
            state = self._clients.setdefault(
                client.pk, ClientState(client.pk, client.name, client.platform, limits=limits())
            )
            _read_clocks([state])
            _read_sources([state])
        return state

    def _stream(self, client_id: int, name: str, plain: bool) -> tuple[int, int]:
        stream, created = Stream.objects.get_or_create(
            client_id=client_id, name=name, defaults={"plain": plain}
        )
        if created:
            return stream.pk, 0
        cursors = StreamCursor.objects.filter(stream_id=stream.pk)
        stored = cursors.aggregate(highest=Max("seq"))["highest"] or 0
        return stream.pk, max(stored, stream.received)

    def _learn_symbol(self, client: ClientState, symbol: str) -> None:
        if len(client.sources) >= MAX_SYMBOLS:
            return
        shard = symbols.shard_of(symbol, settings.FKS.shards)
        source, _ = Source.objects.get_or_create(
            client_id=client.id, symbol=symbol, defaults={"shard": shard}
        )
        client.sources[symbol] = _ref(source)


def _ref(source: Source) -> SourceRef:
    return SourceRef(source.pk, source.shard, symbols.allows_nonpositive(source.symbol))


def _read_sources(states: list[ClientState]) -> None:
    by_id = {state.id: state for state in states}
    for source in Source.objects.filter(client__in=by_id):
        by_id[source.client_id].sources[source.symbol] = _ref(source)


def _read_clocks(states: list[ClientState]) -> None:
    rows = ClientClock.objects.in_bulk([state.id for state in states])
    for state in states:
        row = rows.get(state.id)
        state.offset_s = row.set_s if row else None
        if row and state.meter.offset_s is None:
            state.meter.offset_s = row.measured_s  # what was measured before a restart holds


def _no_longer_active(public_ids: set[str]) -> dict[str, str]:
    ended = dict.fromkeys(public_ids, "revoked")  # a row that is gone opens nothing either
    for key in ApiKey.objects.filter(public_id__in=public_ids).select_related("client"):
        if key.is_active and key.client.disabled_at is None:
            del ended[key.public_id]
        elif key.revoked_at is None:
            ended[key.public_id] = "auth" if key.client.disabled_at else "expired"
    return ended
