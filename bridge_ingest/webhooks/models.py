"""Posted bodies, the alerts that they were understood as, and how each client's are read."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from bridge_ingest.dialects.mapping import Mapping
from bridge_ingest.webhooks.secret import Secret


class WebhookMapping(models.Model):
    """What an operator has said about the form of one client's alerts (`dialects.mapping`)."""

    client = models.OneToOneField(
        "bridge_ingest.Client", on_delete=models.CASCADE, related_name="webhook_mapping"
    )
    dialect = models.CharField(max_length=16, blank=True)
    separator = models.CharField(max_length=16, default="comma")
    paths = models.JSONField(default=dict, help_text="Target to path; - means that there is none.")
    symbol = models.CharField(max_length=64, blank=True)
    period = models.CharField(max_length=8, default="M1")
    repeat_path = models.CharField(max_length=64, blank=True)
    secret_path = models.CharField(max_length=64, blank=True)
    secret_digest = models.CharField(max_length=64, blank=True)
    secret_pepper = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"mapping {self.version} of {self.client_id}"

    def as_mapping(self) -> Mapping:
        return Mapping(
            dialect=self.dialect,
            separator=self.separator,
            paths=self.paths,
            symbol=self.symbol,
            period=self.period,
            repeat_path=self.repeat_path,
            secret_path=self.secret_path,
        )

    @property
    def secret(self) -> Secret | None:
        """The password that the client's alerts must carry; None when they need none."""
        return Secret(self.secret_digest, self.secret_pepper) if self.secret_path else None


class WebhookInbox(models.Model):
    """Counts of one client's posts, of all time: bodies themselves are kept only for a while."""

    client = models.OneToOneField(
        "bridge_ingest.Client", on_delete=models.CASCADE, related_name="webhook_inbox"
    )
    last_at = models.DateTimeField()
    stored = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0, help_text="Refused and not stored since.")
    repeats = models.BigIntegerField(default=0)
    let_go = models.BigIntegerField(default=0, help_text="Refused bodies that were kept no longer.")

    def __str__(self) -> str:
        return f"inbox of {self.client_id}"


class WebhookBody(models.Model):
    """One body as it was posted. Equal bodies within the window are one row."""

    class State(models.TextChoices):
        STORED = "stored", "Stored"
        REFUSED = "refused", "Refused"

    client = models.ForeignKey(
        "bridge_ingest.Client", on_delete=models.CASCADE, related_name="webhook_bodies"
    )
    received_at = models.DateTimeField()
    peer = models.CharField(max_length=64)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField()
    repeat_key = models.CharField(max_length=48)
    state = models.CharField(max_length=8, choices=State.choices)
    dialect = models.CharField(max_length=16, blank=True)
    code = models.CharField(max_length=32, blank=True)
    field = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    mapping_version = models.PositiveIntegerField(default=0, help_text="0: without a mapping.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["client", "state", "-id"], name="webhook_body_of_client"),
            models.Index(fields=["client", "repeat_key"], name="webhook_body_repeat"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.state} {self.received_at:%Y-%m-%d %H:%M:%S}"

    @property
    def text(self) -> str:
        return bytes(self.body).decode("utf-8", "replace").replace("\0", "\ufffd")


class WebhookAlert(models.Model):
    """An alert understood. Its bar and indicator values are stored as feeds' data besides."""

    client = models.ForeignKey(
        "bridge_ingest.Client", on_delete=models.CASCADE, related_name="webhook_alerts"
    )
    body = models.OneToOneField(
        WebhookBody, null=True, on_delete=models.SET_NULL, related_name="alert"
    )
    repeat_key = models.CharField(max_length=48)
    symbol = models.CharField(max_length=64)
    exchange = models.CharField(max_length=64, blank=True)
    period = models.CharField(max_length=16, blank=True)
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()
    states_time = models.BooleanField(help_text="False: event_time is the moment of receipt.")
    action = models.CharField(max_length=8, blank=True)
    price = models.FloatField()
    stop_loss = models.FloatField(null=True)
    take_profit = models.FloatField(null=True)
    quantity = models.FloatField(null=True)
    position = models.CharField(max_length=128, blank=True)
    confidence = models.FloatField(null=True)
    volume = models.FloatField(null=True)
    bar = models.JSONField(null=True, help_text="open, high, low, close, and stamped_us.")
    indicators = models.JSONField(default=dict)
    unread = models.JSONField(default=list, help_text="Paths of values that meant nothing here.")
    note = models.CharField(max_length=300, blank=True)
    alert_id = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["client", "repeat_key"], name="webhook_alert_repeat")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.action} {self.price:g}"
