"""Who changed what, and when: an append-only log, each entry chained to the one before by its hash.

PostgreSQL refuses to change or remove a row (a trigger, see migration 0002). Someone with the
database's own rights can still drop the trigger; the chain then shows where the log was touched.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One change. `digest` is SHA-256 over the previous entry's digest and this entry's content."""

    at = models.DateTimeField(db_index=True)
    # No constraint: deleting a user must leave the entry as it was written, its number included.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    actor_name = models.CharField(max_length=150, help_text="Kept when the user is deleted.")
    source = models.CharField(max_length=16, help_text="page, command, api or automatic")
    action = models.CharField(max_length=64, help_text="For example client.register, key.revoke.")
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["object_type", "object_id"])]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name} {self.action} {self.object_name}"
