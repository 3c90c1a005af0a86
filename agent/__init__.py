"""A Python client of Bridge Protocol 1: library, replay of recorded ticks, simulator, load.

It needs nothing but the standard library and shares no code with the bridge: it is the other side
of the contract.
"""

from __future__ import annotations

from agent.client import Client
from agent.errors import (
    BridgeError,
    InputError,
    LinkError,
    ProtocolError,
    RefusedError,
    SessionError,
    StalledError,
)
from agent.protocol import Identity, Signal
from agent.state import StateFile
from agent.terminal import Counts, Handlers, Health, Options
from agent.transport import Endpoint, TcpEndpoint, Transport

__all__ = [
    "BridgeError",
    "Client",
    "Counts",
    "Endpoint",
    "Handlers",
    "Health",
    "Identity",
    "InputError",
    "LinkError",
    "Options",
    "ProtocolError",
    "RefusedError",
    "SessionError",
    "Signal",
    "StalledError",
    "StateFile",
    "TcpEndpoint",
    "Transport",
]
