"""The ASGI application behind every door: people's pages and live socket, machines' messages."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fksbridge.settings")
# Django must have loaded its apps before the rooms' modules are imported.
django_application = get_asgi_application()

from bridge_ingest.consumers import BridgeConsumer  # noqa: E402
from bridge_ingest.gateway.http import MachineDoor  # noqa: E402
from bridge_ingest.gateway.websocket import MachineSockets  # noqa: E402
from dashboard.live.keeper import with_board  # noqa: E402
from dashboard.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": MachineDoor(with_board(django_application)),
        "websocket": MachineSockets(
            AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns))  # type: ignore[arg-type]
            )
        ),
        "tcp": BridgeConsumer.as_asgi(),
    }
)
