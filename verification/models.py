"""What disagreed, since when, and who has seen it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from bridge_ingest.models import Client
from market.models import Feed, Instrument


class Rule(models.TextChoices):
    DEVIATION = "deviation", "Price off the others"
    CLOCK = "clock", "Clock off"
    MUTE = "mute", "Connected but silent"
    GAP = "gap", "Numbers lost"
    SIGNATURE = "signature", "Digests that do not fit"
    CROSSED = "crossed", "Crossed quotes"
    LATENCY = "latency", "Late"


class Severity(models.TextChoices):
    LOOK = "look", "Look"
    ACT = "act", "Act"


class RuleSetting(models.Model):
    """Parameters of a rule, for all instruments (instrument null) or one of them.

    `parameters` holds what `verification.parameters.<Rule>Parameters` declares, nothing else.
    """

    rule = models.CharField(max_length=16, choices=Rule.choices)
    instrument = models.ForeignKey(Instrument, null=True, blank=True, on_delete=models.CASCADE)
    enabled = models.BooleanField(default=True)
    parameters = models.JSONField(default=dict)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "instrument"], name="rule_setting", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.instrument or 'all'}"


class Alert(models.Model):
    """One episode of one rule on one subject (a feed, or a whole client when feed is null).

    Open while `resolved_at` is null. Acknowledging never closes it, and while its condition holds
    it cannot be resolved by hand. `fingerprint` = rule:client:feed names the subject, so that a
    silence outlives the episode.
    """

    fingerprint = models.CharField(max_length=64, db_index=True)
    rule = models.CharField(max_length=16, choices=Rule.choices)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="alerts")
    feed = models.ForeignKey(Feed, null=True, on_delete=models.CASCADE, related_name="alerts")
    instrument = models.ForeignKey(Instrument, null=True, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    facts = models.JSONField(default=dict, help_text="Threshold, compared feeds, first values.")
    value = models.FloatField(help_text="Latest figure, in the rule's unit.")
    worst = models.FloatField(help_text="Greatest figure of the episode. Both are magnitudes.")
    unit = models.CharField(max_length=16)
    replayed = models.BooleanField(default=False, help_text="Of recorded data, on its own clock.")
    holders = ArrayField(
        models.CharField(max_length=32),
        default=list,
        help_text="Parts of the bridge in which the condition is followed; closed by the last.",
    )
    started_at = models.DateTimeField(help_text="When the condition began (receipt clock).")
    opened_at = models.DateTimeField(db_index=True, help_text="When it had lasted long enough.")
    condition_ended_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the condition no longer holds."
    )
    resolved_at = models.DateTimeField(null=True, blank=True, db_index=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    discrepancies = models.IntegerField(default=1, help_text="Excursions grouped in this episode.")

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_alert_per_fingerprint",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


class AlertEvent(models.Model):
    """One line of an alert's timeline: opened, worsened, acknowledged, note, resolved and so on."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=16)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    source = models.CharField(max_length=16, default="automatic")
    text = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"


class Discrepancy(models.Model):
    """One excursion: from the moment a condition began to hold until it no longer did."""

    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="excursions")
    rule = models.CharField(max_length=16, choices=Rule.choices)
    feed = models.ForeignKey(Feed, null=True, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    worst = models.FloatField()
    unit = models.CharField(max_length=16)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.rule} {self.worst} {self.unit}"


class Silence(models.Model):
    """No alert of this fingerprint calls for attention until `until`; it is still recorded."""

    fingerprint = models.CharField(max_length=64, db_index=True)
    until = models.DateTimeField()
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Lifted early by hand.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.fingerprint} until {self.until:%Y-%m-%d %H:%M}"


class DeviationPoint(models.Model):
    """A feed's deviation from the consensus on the 1 s grid (receipt clock), where comparable."""

    pk = models.CompositePrimaryKey("feed_id", "second")
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False)
    second = models.DateTimeField()
    deviation = models.FloatField(help_text="Feed's mid minus consensus, in price units.")
    consensus = models.FloatField()
    peers = models.PositiveSmallIntegerField(help_text="Other feeds compared with.")

    def __str__(self) -> str:
        return f"{self.feed_id} {self.second} {self.deviation}"


class ReplayFrontier(models.Model):
    """How far (receipt clock) replayed ticks of an instrument have been judged.

    `state` is `verification.replay.Alignment.state` with the quotes as of then: with the stored
    ticks that it names, a worker goes on where another was killed.
    """

    instrument = models.OneToOneField(Instrument, primary_key=True, on_delete=models.CASCADE)
    received_at = models.DateTimeField(null=True, help_text="Null before anything was judged.")
    state = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.received_at}"


class VerifierMemory(models.Model):
    """What a shard's rules remember between ticks: running episodes, clocks known to be off.

    Written with the findings, so that after a crash nothing is found twice and nothing is missed.
    """

    shard = models.PositiveSmallIntegerField(primary_key=True)
    memory = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"shard {self.shard}"
