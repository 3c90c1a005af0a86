"""What leaves over one connection: sealed, compressed or binary, as hello has agreed."""

from __future__ import annotations

from agent import binary
from agent.ring import Item
from agent.signing import Seal
from agent.transport import Transport


class Outgoing:
    """`features` are what the bridge's welcome agreed to; until then messages go as they are."""

    def __init__(self, transport: Transport, seal: Seal) -> None:
        self.features: frozenset[str] = frozenset()
        self._transport = transport
        self._seal = seal
        self._numbers: dict[str, int] = {}
        self._unnamed: dict[int, str] = {}

    def pack(self, seq: int, items: list[Item]) -> bytes | None:
        """Ticks of one symbol as a binary batch, where that is agreed and they fit one."""
        symbol = items[0].symbol
        if "binary" not in self.features or not symbol:
            return None
        rows = [row for row in (binary.row(item.text) for item in items) if row is not None]
        if len(rows) < len(items) or len(self._numbers) > 0xFFFF:
            return None
        return binary.batch(seq, self._number(symbol), rows)

    async def send(self, message: bytes) -> None:
        """Raises LinkError."""
        if message[0] == binary.BATCH_MAGIC:
            await self._name()
            await self._transport.send_block(message)
            return
        sealed = self._seal(message)
        compressed = binary.deflated(sealed) if "deflate" in self.features else None
        if compressed is None:
            await self._transport.send(sealed)
        else:
            await self._transport.send_block(compressed)

    def _number(self, symbol: str) -> int:
        if symbol not in self._numbers:
            self._numbers[symbol] = len(self._numbers)
            self._unnamed[self._numbers[symbol]] = symbol
        return self._numbers[symbol]

    async def _name(self) -> None:
        """Numbers are named before the first batch that uses them."""
        if self._unnamed:
            named, self._unnamed = self._unnamed, {}
            await self._transport.send(self._seal(binary.symbols(named)))
