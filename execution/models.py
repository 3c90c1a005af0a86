"""What stands at each client's accounts, as its terminal last stated it, and how that came."""

from __future__ import annotations

from django.db import models

from bridge_ingest.models import Client


class Statement(models.Model):
    """When a row was last stated: `event_time` by the terminal's clock, `received_at` by ours.

    `stream_id` and `seq` name the message, so that one which is read again changes nothing.
    """

    stream_id = models.IntegerField()
    seq = models.BigIntegerField()
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        abstract = True


class Account(models.Model):
    """One account of a client, in the account's own currency. A terminal may hold several.

    Figures are null until they are stated; NinjaTrader states them one at a time.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="accounts")
    name = models.CharField(max_length=64, blank=True, help_text="Empty: the terminal names none.")
    server = models.CharField(max_length=300, blank=True)
    currency = models.CharField(max_length=16, blank=True)
    balance = models.FloatField(null=True)
    equity = models.FloatField(null=True)
    margin = models.FloatField(null=True, help_text="In use.")
    free_margin = models.FloatField(null=True)
    leverage = models.FloatField(null=True)
    # As in `Statement`, but an account is known by its orders before it is stated itself.
    stream_id = models.IntegerField(null=True)
    seq = models.BigIntegerField(null=True)
    event_time = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["client", "name"], name="account_name")]

    def __str__(self) -> str:
        return f"{self.client_id}/{self.name}"


class Order(Statement):
    """The latest state of one order. Prices of 0 were not given."""

    class Status(models.TextChoices):
        WORKING = "working", "working"
        FILLED = "filled", "filled"
        CANCELLED = "cancelled", "cancelled"
        REJECTED = "rejected", "rejected"
        GONE = "gone", "gone"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="orders")
    ticket = models.CharField(max_length=64)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=5)
    order_kind = models.CharField(max_length=16, blank=True)
    volume = models.FloatField()
    volume_left = models.FloatField(null=True)
    price = models.FloatField(default=0)
    limit_price = models.FloatField(default=0)
    stop_price = models.FloatField(default=0)
    stop_loss = models.FloatField(default=0)
    take_profit = models.FloatField(default=0)
    magic = models.BigIntegerField(default=0)
    comment = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices)

    class Meta:
        ordering = ["-event_time", "-pk"]
        constraints = [models.UniqueConstraint(fields=["account", "ticket"], name="order_ticket")]
        indexes = [
            models.Index(
                fields=["account"], name="working_orders", condition=models.Q(status="working")
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.ticket} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.WORKING

    @property
    def left(self) -> float:
        return self.volume if self.volume_left is None else self.volume_left

    @property
    def kind_word(self) -> str:
        return self.order_kind.replace("_", " ")

    @property
    def shown_price(self) -> float | None:
        """Where it waits to be filled; a market order waits nowhere."""
        return self.limit_price or self.stop_price or self.price or None


class Position(Statement):
    """The latest state of one position; without volume it is closed.

    `ticket` is the platform's, or the symbol where a platform has one position for each
    (NinjaTrader).
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="positions")
    ticket = models.CharField(max_length=64)
    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=5)
    volume = models.FloatField()
    price = models.FloatField(default=0)
    stop_loss = models.FloatField(default=0)
    take_profit = models.FloatField(default=0)
    magic = models.BigIntegerField(default=0)
    comment = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["symbol", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["account", "ticket"], name="position_ticket")
        ]
        indexes = [
            models.Index(
                fields=["account"], name="open_positions", condition=models.Q(volume__gt=0)
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.ticket} {self.volume:g}"

    @property
    def is_open(self) -> bool:
        return self.volume > 0


class TradeEvent(Statement):
    """What happened to an order or a position. Rows are only ever added."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="trade_events")
    entity = models.CharField(max_length=8, help_text="order or position")
    ticket = models.CharField(max_length=64)
    event = models.CharField(
        max_length=16,
        help_text="As the terminal says; stated: it stood there when it was first told; closed: no"
        " volume is left; gone: the whole list does not name it.",
    )
    symbol = models.CharField(max_length=64, blank=True)
    side = models.CharField(max_length=5, blank=True)
    volume = models.FloatField(null=True)
    price = models.FloatField(null=True)
    execution_id = models.CharField(max_length=64, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-event_time", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_id", "seq", "entity", "ticket"], name="trade_event_once"
            )
        ]
        indexes = [
            models.Index(fields=["account", "-event_time", "-id"], name="newest_trade_events")
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.ticket} {self.event}"
