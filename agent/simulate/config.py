"""The file that `simulate --demo` reads.

    {"host": "127.0.0.1", "tcp_port": 8888, "http_port": 8001, "seed": 7, "state_dir": "...",
     "terminals": [
       {"client": "ICM-LIVE", "kind": "mt5", "key": "..."},
       {"client": "CQG", "kind": "ninjatrader", "key": "..."},
       {"client": "TV-ALERTS", "kind": "tradingview", "token": "..."}]}

`seed` and `state_dir` are optional; without a state folder every start begins new streams.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import InputError

KINDS = ("mt5", "mt4", "ninjatrader", "tradingview")


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """One terminal; `secret` is its key, or for TradingView the token in the address."""

    client: str
    kind: str
    secret: str


@dataclass(frozen=True, slots=True)
class DemoConfig:
    """Where the bridge listens and who speaks to it."""

    host: str
    tcp_port: int
    http_port: int
    seed: int
    state_dir: Path | None
    terminals: tuple[TerminalConfig, ...]


def load(path: Path) -> DemoConfig:
    """Read the file. Raises InputError naming what is wrong in it."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return _demo(fields)
    except OSError as fault:
        raise InputError(f"{path} cannot be opened: {fault.strerror}") from fault
    except KeyError as fault:
        raise InputError(f"{path} lacks {fault}") from fault
    except (ValueError, TypeError, AttributeError) as fault:
        raise InputError(f"{path} is not a demo configuration: {fault}") from fault


def _demo(fields: dict[str, Any]) -> DemoConfig:
    folder = fields.get("state_dir")
    return DemoConfig(
        host=str(fields.get("host", "127.0.0.1")),
        tcp_port=int(fields["tcp_port"]),
        http_port=int(fields["http_port"]),
        seed=int(fields.get("seed", 7)),
        state_dir=Path(folder) if folder else None,
        terminals=tuple(_terminal(entry) for entry in fields["terminals"]),
    )


def _terminal(entry: dict[str, Any]) -> TerminalConfig:
    kind = str(entry["kind"])
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    secret = entry["token" if kind == "tradingview" else "key"]
    return TerminalConfig(str(entry["client"]), kind, str(secret))
