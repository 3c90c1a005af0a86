"""What was received: instruments, the feeds that quote them, their last state and their bars.

Ticks live in the partitioned table `market_tick`, which only `market.store` writes (by COPY) and
only `market.queries` reads; the ORM has no model of it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from bridge_ingest.models import Client, Source


class InstrumentKind(models.TextChoices):
    FX = "fx", "FX"
    METAL = "metal", "Metal"
    CRYPTO = "crypto", "Crypto"
    INDEX = "index", "Index"
    FUTURE = "future", "Future"
    STOCK = "stock", "Stock"
    OTHER = "other", "Other"


class TradingSession(models.TextChoices):
    ALWAYS = "24x7", "Always open"
    FX_WEEK = "24x5", "Sunday 17:00 to Friday 17:00 New York"
    FUTURES = "futures", "Sunday 18:00 to Friday 17:00 New York, daily pause 17:00 to 18:00"
    US_STOCKS = "us-stock", "Monday to Friday 9:30 to 16:00 New York"


class Instrument(models.Model):
    """What is traded, under one canonical name, whatever each terminal calls it."""

    symbol = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=128, blank=True)
    kind = models.CharField(max_length=8, choices=InstrumentKind.choices)
    pip_size = models.FloatField(help_text="Size of one pip (or point) in price units.")
    digits = models.PositiveSmallIntegerField(help_text="Decimals shown.")
    session = models.CharField(max_length=8, choices=TradingSession.choices)
    allows_nonpositive = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "symbol"]

    def __str__(self) -> str:
        return self.symbol


class Feed(models.Model):
    """One source's quotes of one instrument. Shares its id with the source, and with records."""

    source = models.OneToOneField(
        Source, primary_key=True, on_delete=models.CASCADE, related_name="feed"
    )
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="feeds")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.source.client.name} {self.instrument.symbol}"


class SymbolMatch(models.Model):
    """What an operator has decided of one terminal's symbol. Undone, the row is gone.

    `instrument` null: it was kept apart, whatever its name suggests.
    """

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="matches")
    symbol = models.CharField(max_length=64, help_text="As the terminal names it, exactly.")
    instrument = models.ForeignKey(
        Instrument, null=True, on_delete=models.CASCADE, related_name="matches"
    )
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "symbol"], name="symbol_match")]

    def __str__(self) -> str:
        return f"{self.symbol} -> {self.instrument or 'itself'}"


class Layout(models.Model):
    """One row. Its number rises with each feed that is given another instrument.

    Locked by who moves one, and looked at by workers, who lay out everything anew when it rose.
    """

    generation = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.generation)


class FeedState(models.Model):
    """The last quote of a feed and its counts, moved in the transaction that stores the ticks."""

    feed = models.OneToOneField(
        Feed, primary_key=True, on_delete=models.CASCADE, related_name="state"
    )
    bid = models.FloatField()
    ask = models.FloatField()
    last = models.FloatField(default=0, help_text="0 = none")
    volume = models.FloatField(default=0)
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()
    seq = models.BigIntegerField(default=0, help_text="Breaks ties of the receipt time.")
    replayed = models.BooleanField(default=False)
    ticks = models.BigIntegerField(help_text="Stored ticks, ever.")
    crossed = models.BigIntegerField(help_text="Of these with bid above ask.")

    def __str__(self) -> str:
        return f"{self.feed_id} {self.bid}/{self.ask}"


class StrayDay(models.Model):
    """A day whose few ticks lie in the default partition, see `market.partitions`."""

    day = models.DateField(primary_key=True)
    ticks = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.day} {self.ticks}"


class Bar(models.Model):
    """OHLC of one feed over one period, built from its ticks by `market.bars`.

    The place of the opening and of the closing tick in the order (event time, receipt time, number)
    is kept, so that ticks which arrive late, in any batching, give the bar that all of them sorted
    would give.
    """

    pk = models.CompositePrimaryKey("feed_id", "period_s", "start")
    # Written only beside ticks whose feed was adopted in the same transaction; a check per new bar
    # would cost as much as the bar.
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    period_s = models.IntegerField()
    start = models.DateTimeField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    ticks = models.BigIntegerField()
    open_time = models.DateTimeField(help_text="Event time of the tick that opened the bar.")
    open_received_at = models.DateTimeField()
    open_seq = models.BigIntegerField()
    close_time = models.DateTimeField(help_text="Event time of the tick that closed it.")
    close_received_at = models.DateTimeField()
    close_seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.feed_id} {self.period_s} {self.start:%Y-%m-%d %H:%M:%S}"


class TerminalBar(models.Model):
    """A bar as the terminal itself built it; `start` is its opening time whatever its stamp was."""

    pk = models.CompositePrimaryKey("feed_id", "period_s", "start")
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False)
    period_s = models.IntegerField()
    start = models.DateTimeField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    stamp = models.CharField(max_length=5, help_text="open or close, as stated")
    closed = models.BooleanField()
    received_at = models.DateTimeField()
    flags = models.PositiveSmallIntegerField(default=0, help_text="As in the journal: replay etc.")

    def __str__(self) -> str:
        return f"{self.feed_id} {self.period_s} {self.start:%Y-%m-%d %H:%M:%S}"


class IndicatorValue(models.Model):
    """One value of an indicator computed in the terminal."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="indicators")
    name = models.CharField(max_length=64)
    period = models.CharField(max_length=8, blank=True)
    value = models.FloatField()
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()
    flags = models.PositiveSmallIntegerField(default=0, help_text="As in the journal: replay etc.")

    class Meta:
        indexes = [models.Index(fields=["feed", "name", "-event_time"])]

    def __str__(self) -> str:
        return f"{self.name} {self.value}"


class ImportState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Imported"
    CANCELLING = "cancelling", "Cancelling"
    CANCELLED = "cancelled", "Cancelled"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"
    FAILED = "failed", "Failed"


class Import(models.Model):
    """One file of history: whose it is, how it was read, how far, and what became of its rows."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, help_text="Of the content, unpacked.")
    size_bytes = models.BigIntegerField()
    format = models.CharField(max_length=32)
    zone = models.CharField(max_length=64)
    stamp = models.CharField(max_length=5, blank=True, help_text="As in the file; rows are open.")
    period_s = models.IntegerField(default=0, help_text="0 = ticks")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=ImportState.choices, default=ImportState.WAITING
    )
    touched_at = models.DateTimeField(help_text="When work on it last went on.")
    finished_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)
    offset = models.BigIntegerField(help_text="The byte that is read next.")
    line = models.BigIntegerField(help_text="The row that is read next, counted from 1.")
    carry = models.JSONField(default=dict, help_text="What the rows read leave for the next.")
    stored = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0, help_text="Rows that were imported before.")
    reasons = models.JSONField(default=dict, help_text="Refused rows by code.")
    samples = models.JSONField(default=list, help_text="The first refused: line, code, text.")
    first_time = models.DateTimeField(null=True, help_text="Of all rows that could be read.")
    last_time = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "touched_at"])]

    def __str__(self) -> str:
        return f"{self.pk} {self.file_name}"

    @property
    def rows(self) -> int:
        return self.stored + self.refused + self.duplicates


class ImportedTick(models.Model):
    """A tick of a file. Lies apart from what came live, so that neither is taken for the other."""

    pk = models.CompositePrimaryKey("origin_id", "line")
    origin = models.ForeignKey(
        Import, on_delete=models.CASCADE, db_column="import_id", db_index=False, db_constraint=False
    )
    line = models.BigIntegerField()
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    event_time = models.DateTimeField()
    received_at = models.DateTimeField(help_text="When it was imported.")
    bid = models.FloatField()
    ask = models.FloatField()
    last = models.FloatField(help_text="0 = none")
    volume = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["feed", "event_time"], name="market_importedtick_time")]

    def __str__(self) -> str:
        return f"{self.origin_id} {self.line}"


class ImportedBar(models.Model):
    """A bar of a file (`ticks` 0), or built from the ticks of one; see `Bar` for the places."""

    pk = models.CompositePrimaryKey("feed_id", "period_s", "start", "origin_id")
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    period_s = models.IntegerField()
    start = models.DateTimeField()
    origin = models.ForeignKey(
        Import, on_delete=models.CASCADE, db_column="import_id", db_constraint=False
    )
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    ticks = models.BigIntegerField()
    open_time = models.DateTimeField()
    open_received_at = models.DateTimeField()
    open_seq = models.BigIntegerField(help_text="Line in the file.")
    close_time = models.DateTimeField()
    close_received_at = models.DateTimeField()
    close_seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.origin_id} {self.period_s} {self.start:%Y-%m-%d %H:%M:%S}"
