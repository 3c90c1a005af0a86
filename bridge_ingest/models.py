"""Who speaks to the bridge, with which key, over which session, and what of theirs was refused."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

import bridge_ingest.webhooks.models  # noqa: F401 - Django looks for models here


class Platform(models.TextChoices):
    MT4 = "mt4", "MetaTrader 4"
    MT5 = "mt5", "MetaTrader 5"
    NINJATRADER = "ninjatrader", "NinjaTrader"
    TRADINGVIEW = "tradingview", "TradingView"
    AGENT = "agent", "Agent"


class Scope(models.TextChoices):
    INGEST = "ingest", "Send data"
    SIGNALS = "signals", "Receive signals"
    HISTORY = "history", "Send history"
    REPLAY = "replay", "Send recorded data"
    READ = "read", "Read quotes and bars"
    WEBHOOK = "webhook", "Post webhooks (the key stands in the address)"


class Client(models.Model):
    """One terminal, agent or alert source, under the name an operator gave it."""

    name = models.CharField(max_length=64, unique=True)
    platform = models.CharField(max_length=16, choices=Platform.choices)
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    disabled_at = models.DateTimeField(null=True, blank=True)
    plain_address = models.CharField(
        max_length=64,
        blank=True,
        help_text="CIDR from which this client may speak the plain dialect without a key.",
    )
    needs_certificate = models.BooleanField(
        default=False, help_text="Its sessions need TLS with a client certificate of its name."
    )
    must_sign = models.BooleanField(
        default=False, help_text="Each message needs an hmac or ed25519 digest."
    )
    signing_secret = models.CharField(
        max_length=300,
        blank=True,
        editable=False,
        help_text="Encrypted, see bridge_ingest.sealing.",
    )
    public_key = models.CharField(
        max_length=64, blank=True, help_text="Ed25519 public key, 64 hex digits."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ClockMode(models.TextChoices):
    STATED = "stated", "As the terminal states it"
    FIXED = "fixed", "Set by an operator"
    AUTO = "auto", "Set by an operator, following daylight saving"


class ClientClock(models.Model):
    """Where a client's clock stands from UTC: as stated, as measured, and as set by an operator."""

    client = models.OneToOneField(
        Client, primary_key=True, on_delete=models.CASCADE, related_name="clock"
    )
    mode = models.CharField(max_length=8, choices=ClockMode.choices, default=ClockMode.STATED)
    set_s = models.IntegerField(null=True, help_text="In force unless the mode is `stated`.")
    stated_s = models.IntegerField(null=True, help_text="By the last live hello.")
    measured_s = models.IntegerField(null=True, help_text="Whole quarters of an hour.")
    measured_at = models.DateTimeField(null=True, help_text="When last; the figure holds since.")
    refused_s = models.IntegerField(null=True, help_text="A measurement that is a fault, not used.")

    def __str__(self) -> str:
        return f"{self.client_id} {self.in_force_s} s"

    @property
    def in_force_s(self) -> int:
        """What is taken off its times, in seconds."""
        return (self.stated_s or 0) if self.set_s is None else self.set_s

    @property
    def is_off(self) -> bool:
        """Measured, and not what is in force: a wrong clock, or a wrong offset."""
        return self.measured_s is not None and self.measured_s != self.in_force_s


class ClockChange(models.Model):
    """What changed about a client's clock, and when by ours: kept for the client's page."""

    class Kind(models.TextChoices):
        STATED = "stated", "stated"
        MEASURED = "measured", "measured"
        IN_FORCE = "in_force", "in force"

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="clock_changes")
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    before_s = models.IntegerField(null=True)
    after_s = models.IntegerField()
    by = models.CharField(max_length=150, blank=True, help_text="Who set it; empty: the bridge.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.client_id} {self.kind} {self.after_s}"


class ApiKey(models.Model):
    """`fks_<public id>_<secret>`: only an HMAC of it with a numbered pepper is stored."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="keys")
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    pepper = models.PositiveSmallIntegerField()
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices))
    allowed_addresses = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    rotated_to = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="rotated_from"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.prefix

    @property
    def prefix(self) -> str:
        """The part of the key that may be shown."""
        return f"fks_{self.public_id}"

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )


class Stream(models.Model):
    """One numbering of a client: `seq` runs from 1 within it. Plain streams are numbered by us."""

    id = models.AutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="streams")
    name = models.CharField(max_length=64)
    plain = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    produced = models.BigIntegerField(default=0, help_text="Highest count the terminal has stated.")
    reported_dropped = models.BigIntegerField(default=0)
    received = models.BigIntegerField(default=0, help_text="Highest number journalled.")
    refused = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    lost = models.BigIntegerField(default=0, help_text="Sum of the recorded gaps.")
    other_items = models.BigIntegerField(default=0, help_text="Stored items that are not ticks.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "name"], name="stream_name")]

    def __str__(self) -> str:
        return f"{self.client_id}/{self.name}"


class Source(models.Model):
    """One symbol as one client's terminal names it (case-sensitive). Its id travels in records."""

    id = models.AutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="sources")
    symbol = models.CharField(max_length=64)
    shard = models.PositiveSmallIntegerField(help_text="All feeds of an instrument share one.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "symbol"], name="source_symbol")]

    def __str__(self) -> str:
        return self.symbol


class Session(models.Model):
    """One connection of a client, from hello (or first plain message) to its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    client = models.ForeignKey(
        Client, on_delete=models.CASCADE, related_name="sessions", db_index=False
    )
    stream = models.ForeignKey(
        Stream, null=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="sessions")
    transport = models.CharField(max_length=16)
    peer = models.CharField(max_length=64)
    gateway = models.CharField(max_length=64)
    platform = models.CharField(max_length=16, blank=True)
    version = models.CharField(max_length=64, blank=True)
    account = models.CharField(max_length=64, blank=True)
    mode = models.CharField(max_length=8, default="live", help_text="live or replay")
    utc_offset_s = models.IntegerField(default=0)
    opened_at = models.DateTimeField(db_index=True)
    last_seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True, db_index=True)
    close_code = models.CharField(max_length=32, blank=True)
    close_reason = models.CharField(max_length=200, blank=True)
    items = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    ack_p50_ms = models.FloatField(null=True)
    ack_p99_ms = models.FloatField(null=True)
    status = models.JSONField(default=dict, help_text="The terminal's last status message.")

    class Meta:
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["client", "-opened_at"], name="newest_of_client")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.transport} {self.peer}"


class Refusal(models.Model):
    """A message that was not accepted, with the reason and what was sent (first 4 KiB).

    Of a flood one row a second stands for `count` of them.
    """

    client = models.ForeignKey(Client, null=True, on_delete=models.CASCADE, related_name="refusals")
    stream = models.ForeignKey(Stream, null=True, on_delete=models.SET_NULL, related_name="+")
    session_id = models.UUIDField(null=True)
    seq = models.BigIntegerField(null=True)
    at = models.DateTimeField(db_index=True)
    transport = models.CharField(max_length=16)
    peer = models.CharField(max_length=64)
    code = models.CharField(max_length=32)
    field = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    count = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["client", "-id"])]

    def __str__(self) -> str:
        return f"{self.code} {self.field}"


class Gap(models.Model):
    """Numbers that will never come: the terminal said so, or they were skipped."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="gaps")
    from_seq = models.BigIntegerField()
    to_seq = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)
    reason = models.CharField(max_length=100)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.from_seq}-{self.to_seq}"

    @property
    def count(self) -> int:
        return self.to_seq - self.from_seq + 1


class JournalCursor(models.Model):
    """How far a shard's journal is stored. Locked by the transaction that moves it."""

    shard = models.CharField(max_length=16, primary_key=True)
    entry_id = models.CharField(max_length=40, default="0-0")
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.shard} {self.entry_id}"


class StreamCursor(models.Model):
    """Highest stored number and count of stored ticks of a stream in a shard."""

    shard = models.CharField(max_length=16)
    stream_id = models.IntegerField()
    seq = models.BigIntegerField()
    stored = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "stream_id"], name="stream_shard")]

    def __str__(self) -> str:
        return f"{self.shard}/{self.stream_id} {self.seq}"
