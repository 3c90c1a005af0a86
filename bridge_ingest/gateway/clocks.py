"""Terminals' clocks in a gateway: what was measured is journalled, what was set is followed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge_ingest.protocol.intake import ClientState

if TYPE_CHECKING:
    from bridge_ingest.gateway.bridge import Bridge

REPORT_EVERY_S = 300.0
"""How often a measurement that still holds is journalled again, so that its age can be shown."""


async def report(bridge: Bridge) -> None:
    """Once a second: tell what has been measured of each client's clock, when it is news."""
    while True:
        await asyncio.sleep(1)
        for client in bridge.directory.clients:
            tell(bridge, client)


def tell(bridge: Bridge, client: ClientState) -> None:
    news = client.meter.news(REPORT_EVERY_S)
    if news is not None:
        offset_s, measured_us = news
        measured = {"client": client.id, "offset_s": offset_s, "received_us": measured_us}
        bridge.journal.add_event({"kind": "clock_measured", **measured})


async def read_anew(bridge: Bridge, clients: set[int] | None = None) -> None:
    """An operator has set these clients' offsets (or, None, some may have been missed): go by them.

    Raises django.db.Error.
    """
    asked = [each for each in bridge.directory.clients if clients is None or each.id in clients]
    if asked:
        await bridge.directory.read_clocks({each.id for each in asked})
    for client in asked:
        bridge.follow_clock(client)
