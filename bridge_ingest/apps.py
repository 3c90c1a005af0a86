from __future__ import annotations

from django.apps import AppConfig


class BridgeIngestConfig(AppConfig):
    name = "bridge_ingest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers this floor's handlers of journalled events."""
        from bridge_ingest import clock_recorder, recorder  # noqa: F401
        from bridge_ingest.webhooks import inbox  # noqa: F401
