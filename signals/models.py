"""What should be done, who was told, and what came of it at each terminal."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from bridge_ingest.models import Client


class Action(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"
    CLOSE = "CLOSE", "Close"
    NONE = "NONE", "None"


class DeliveryState(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    RECEIVED = "received", "Received"
    SHOWN = "shown", "Shown"
    EXECUTED = "executed", "Executed"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"

    @property
    def rank(self) -> int:
        """How far along: a delivery only ever moves to a higher rank.

        Execution outranks expiry: our clock says that a signal has expired, the terminal says that
        money moved, and a late word about money must never be dropped.
        """
        return _RANKS[self.value]


_RANKS = {
    "queued": 0,
    "sent": 1,
    "received": 2,
    "shown": 3,
    "expired": 4,
    "rejected": 5,
    "executed": 5,
}
UNDER_WAY = models.Q(state__in=["queued", "sent", "received"]) | models.Q(
    state="shown", execute=True
)
"""Deliveries that may still move on their own. A drawing has reached its end when it is shown."""


class Signal(models.Model):
    """One instruction for charts. `symbol` is canonical; a delivery carries the terminal's own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    symbol = models.CharField(max_length=64)
    action = models.CharField(max_length=8, choices=Action.choices)
    entry = models.FloatField(null=True, blank=True)
    stop_loss = models.FloatField(null=True, blank=True)
    take_profit = models.FloatField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True, help_text="0 to 1")
    note = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=64, help_text="manual, or the strategy's name")
    execute = models.BooleanField(default=False, help_text="False means draw only.")
    created_at = models.DateTimeField(db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.action} {self.symbol}"


class Delivery(models.Model):
    """One signal on its way to one client."""

    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="deliveries")
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="deliveries")
    symbol = models.CharField(max_length=64, help_text="As this client's terminal names it.")
    state = models.CharField(
        max_length=8, choices=DeliveryState.choices, default=DeliveryState.QUEUED
    )
    changed_at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True)
    ticket = models.CharField(max_length=64, blank=True)
    price = models.FloatField(null=True, blank=True)
    execute = models.BooleanField(default=False, help_text="The signal's, for the index below.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "client"], name="one_delivery")]
        indexes = [
            # Looked through every second for what has expired; holds only what is under way.
            models.Index(fields=["signal"], name="under_way", condition=UNDER_WAY)
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} to {self.client_id}: {self.state}"


class DeliveryStep(models.Model):
    """One step of a delivery's life, in order."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="steps")
    state = models.CharField(max_length=8, choices=DeliveryState.choices)
    at = models.DateTimeField()
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.state


class StrategySetting(models.Model):
    """Whether a built-in strategy runs, and with which parameters."""

    name = models.CharField(max_length=64, unique=True)
    enabled = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
