from __future__ import annotations

from django.apps import AppConfig


class VerificationConfig(AppConfig):
    name = "verification"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers this floor's handlers of journalled events."""
        from verification import gaps, signatures  # noqa: F401
