"""The Channels consumer of scope type `tcp`.

It overrides `__call__` with a receive loop of its own: a stock consumer hops to a thread for each
event (65 microseconds); this one costs 2. Nothing here touches the ORM directly, so no connection
has to be closed between events (the directory's threads see to theirs).
"""

from __future__ import annotations

from typing import Any

from channels.consumer import AsyncConsumer
from django.conf import settings

from bridge_ingest.gateway.bridge import current
from bridge_ingest.gateway.conversation import Conversation, Receive
from bridge_ingest.gateway.peers import peer_of


class BridgeConsumer(AsyncConsumer):
    """Bridge Protocol 1, and the plain dialect, over a byte stream.

    The server gives whole chunks (`tcp.receive` with everything that has arrived) and, in
    `scope["extensions"]["tcp.write"]`, a function that queues bytes without waiting: acks leave
    from the committer, which must not be held up by one slow terminal; and in
    `tcp.hang_up` one that ends the waiting for more.
    """

    async def __call__(  # type: ignore[override]  # the stubs know no scope type `tcp`
        self, scope: dict[str, Any], receive: Receive, send: Any
    ) -> None:
        extensions = scope["extensions"]
        peer = peer_of(
            scope["transport"],
            scope["client"][0],
            secure=scope["secure"],
            certificate=scope["certificate"],
        )
        write, hang_up = extensions["tcp.write"], extensions["tcp.hang_up"]
        conversation = Conversation(
            current(settings.FKS.gateway_name), peer, receive, write, hang_up
        )
        await conversation.run()
        await send({"type": "tcp.close"})
