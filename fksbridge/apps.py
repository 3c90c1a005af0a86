from __future__ import annotations

from django.apps import AppConfig
from django.core.signals import request_finished


class HouseConfig(AppConfig):
    name = "fksbridge"
    label = "house"

    def ready(self) -> None:
        """Make our Celery application the current one, which `shared_task` publishes through."""
        from fksbridge import celery  # noqa: F401
        from fksbridge.connections import let_go

        request_finished.connect(let_go)
