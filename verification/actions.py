"""Everything a person may do about an alert or a rule: one transaction, one audit entry each.

Acknowledging, silencing and resolving are three things. Acknowledged: somebody has taken it, and it
stays open. Silenced: it is recorded and calls nobody until a given time, whatever comes of it.
Resolved: it is over, which nobody can decide while its condition holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest.live import publish_event
from bridge_ingest.models import Session
from market.models import Instrument
from verification.models import Alert, AlertEvent, RuleSetting, Silence
from verification.parameters import RULES, ParameterError, RuleBook, Setting

LONGEST_TEXT = 1000


class Refused(Exception):
    """What was asked for can't be done now; the text says why, for whoever asked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert in a bulk action. `reason` is empty when it was done."""

    alert_id: int
    done: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _By:
    """Who acts, and through which door."""

    actor: User | None
    source: str


@transaction.atomic
def acknowledge(alert: Alert, *, actor: User | None, source: str, note: str = "") -> Alert:
    """Somebody has taken it. Raises Refused when somebody has already, or it is over."""
    row = _locked_open(alert)
    if row.acknowledged_at is not None:
        by = _name(row.acknowledged_by, "somebody at the command line")
        raise Refused(f"It was acknowledged by {by} already.")
    row.acknowledged_at, row.acknowledged_by = timezone.now(), actor
    row.save(update_fields=["acknowledged_at", "acknowledged_by"])
    _done(row, "acknowledged", _checked(note), _By(actor, source), after={"note": note})
    return row


@transaction.atomic
def unacknowledge(alert: Alert, *, actor: User | None, source: str, note: str = "") -> Alert:
    """It waits for somebody again. Raises Refused when nobody had taken it, or it is over."""
    row = _locked_open(alert)
    if row.acknowledged_at is None:
        raise Refused("Nobody has acknowledged this alert.")
    before = {"by": _name(row.acknowledged_by, "command line"), "at": row.acknowledged_at}
    row.acknowledged_at = row.acknowledged_by = None
    row.save(update_fields=["acknowledged_at", "acknowledged_by"])
    by = _By(actor, source)
    _done(row, "unacknowledged", _checked(note), by, before=before, after={"note": note})
    return row


@transaction.atomic
def add_note(alert: Alert, text: str, *, actor: User | None, source: str) -> AlertEvent:
    """A line in the timeline, also after the alert is over. Raises Refused when it says nothing."""
    row = _locked(alert)
    if not text.strip():
        raise Refused("A note needs some words.")
    return _done(row, "note", _checked(text), _By(actor, source), after={"note": text.strip()})


@transaction.atomic
def silence(
    alert: Alert, *, until: datetime, reason: str, actor: User | None, source: str
) -> Silence:
    """Alerts of this rule on this feed call nobody until then; they are recorded all the same.

    It outlives the episode. Raises Refused without a reason, or for a time that has passed.
    """
    row = _locked(alert)
    now = timezone.now()
    if until <= now:
        raise Refused("A silence must end in the future.")
    if not reason.strip():
        raise Refused("Say why: whoever comes next must know.")
    made = Silence.objects.create(
        fingerprint=row.fingerprint,
        until=until,
        reason=_checked(reason, 500),
        created_at=now,
        created_by=actor,
    )
    text = f"Until {until:%Y-%m-%d %H:%M} UTC: {made.reason}"
    after = {"fingerprint": row.fingerprint, "until": until, "reason": made.reason}
    _done(row, "silenced", text, _By(actor, source), after=after)
    return made


@transaction.atomic
def lift_silence(silence: Silence, *, actor: User | None, source: str) -> Silence:
    """It calls again at once. Raises Refused when the silence is over."""
    row = Silence.objects.select_for_update().get(pk=silence.pk)
    now = timezone.now()
    if row.ended_at is not None or row.until <= now:
        raise Refused("This silence is over already.")
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    concerned = Alert.objects.filter(fingerprint=row.fingerprint, resolved_at=None).first()
    if concerned is not None:
        _tell(concerned, "silence_lifted", row.reason, _By(actor, source))
    audit.record(
        actor=actor,
        action="silence.lift",
        object=row,
        before={"until": row.until, "reason": row.reason},
        source=source,
        object_name=row.fingerprint,
    )
    return row


@transaction.atomic
def assign(alert: Alert, assignee: User | None, *, actor: User | None, source: str) -> Alert:
    """Give it to somebody, or to nobody. Raises Refused when it is over."""
    row = _locked_open(alert)
    before = {"assignee": _name(row.assignee)}
    row.assignee = assignee
    row.save(update_fields=["assignee"])
    name = _name(assignee)
    _done(
        row, "assigned", f"To {name}.", _By(actor, source), before=before, after={"assignee": name}
    )
    return row


@transaction.atomic
def resolve(alert: Alert, *, actor: User | None, source: str, note: str = "") -> Alert:
    """End it by hand. Raises Refused while its condition holds: acknowledge or silence it instead.

    A recorded condition holds as long as its replay runs; afterwards nothing can clear it but this.
    """
    row = _locked_open(alert)
    if row.condition_ended_at is None and not _replay_is_over(row):
        raise Refused(
            "The condition still holds, so this alert can't be resolved by hand. "
            "Acknowledge it, or silence it with a reason."
        )
    row.resolved_at, row.resolved_by = timezone.now(), actor
    row.save(update_fields=["resolved_at", "resolved_by"])
    _done(row, "resolved", _checked(note), _By(actor, source), after={"note": note})
    return row


def bulk(act: Callable[[Alert], object], alert_ids: Iterable[int]) -> list[Outcome]:
    """One act on many alerts: an outcome for each, in the order asked for.

    `act` is one of the actions above with everything but the alert given. What is refused for one
    alert leaves the others done; any other error undoes them all.
    """
    wanted = list(dict.fromkeys(alert_ids))
    with transaction.atomic():
        # The order in which every writer of alerts locks them.
        rows = Alert.objects.filter(pk__in=wanted).select_for_update().order_by("fingerprint", "pk")
        outcomes = {row.pk: _try(act, row) for row in rows}
    missing = "There is no such alert."
    return [outcomes.get(number, Outcome(number, False, missing)) for number in wanted]


def _try(act: Callable[[Alert], object], alert: Alert) -> Outcome:
    try:
        act(alert)
    except Refused as refused:
        return Outcome(alert.pk, False, str(refused))
    return Outcome(alert.pk, True)


@transaction.atomic
def set_rule(
    rule: str,
    instrument: Instrument | None,
    parameters: Mapping[str, Any],
    *,
    actor: User | None,
    source: str,
    enabled: bool | None = None,
) -> RuleSetting:
    """Set parameters of a rule for all instruments, or for one; None takes one back to its default.

    Parameters that are not named stay as they are. Workers apply it within seconds.
    Raises ParameterError naming whatever can't be used.
    """
    if rule not in RULES:
        raise ParameterError(f"There is no rule {rule!r}; rules are {', '.join(RULES)}.")
    if instrument is not None and not RULES[rule].per_instrument:
        raise ParameterError(f"{rule} is judged by client, so it has no parameters by instrument.")
    rows = RuleSetting.objects.select_for_update()
    row = rows.filter(rule=rule, instrument=instrument).first()
    row = row or RuleSetting(rule=rule, instrument=instrument)
    before = {"enabled": row.enabled, "parameters": dict(row.parameters)}
    merged = {**row.parameters, **parameters}
    row.parameters = {name: value for name, value in merged.items() if value is not None}
    row.enabled = row.enabled if enabled is None else enabled
    row.updated_at = timezone.now()
    _check_rule(row)
    row.save()
    after = {"enabled": row.enabled, "parameters": row.parameters}
    audit.record(
        actor=actor, action="rule.set", object=row, before=before, after=after, source=source
    )
    publish_event({"kind": "rule", "id": row.pk, "rule": rule, "change": "changed"})
    return row


def _check_rule(row: RuleSetting) -> None:
    """On its own and on top of what holds for all instruments."""
    others = RuleSetting.objects.filter(rule=row.rule).exclude(pk=row.pk)
    RuleBook(
        Setting(each.rule, each.instrument_id, each.enabled, each.parameters)
        for each in (*others, row)
    )


def _locked(alert: Alert) -> Alert:
    return Alert.objects.select_for_update().get(pk=alert.pk)


def _locked_open(alert: Alert) -> Alert:
    row = _locked(alert)
    if row.resolved_at is not None:
        raise Refused("This alert is resolved already.")
    return row


def _replay_is_over(alert: Alert) -> bool:
    if not alert.replayed:
        return False
    running = Session.objects.filter(client=alert.client_id, mode="replay", closed_at=None)
    return not running.exists()


def _name(user: User | None, otherwise: str = "nobody") -> str:
    return otherwise if user is None else user.get_username()


def _checked(text: str, longest: int = LONGEST_TEXT) -> str:
    text = text.strip()
    if len(text) > longest:
        raise Refused(f"That is {len(text)} characters; {longest} are kept.")
    return text


def _done(
    alert: Alert,
    kind: str,
    text: str,
    by: _By,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AlertEvent:
    """A line in the timeline, an entry in the log, and word to the browsers on commit."""
    event = _tell(alert, kind, text, by)
    audit.record(
        actor=by.actor,
        action=f"alert.{kind}",
        object=alert,
        before=before,
        after=after,
        source=by.source,
    )
    return event


def _tell(alert: Alert, kind: str, text: str, by: _By) -> AlertEvent:
    publish_event({"kind": "alert", "id": alert.pk, "change": kind, "severity": alert.severity})
    return AlertEvent.objects.create(
        alert=alert, at=timezone.now(), kind=kind, text=text, actor=by.actor, source=by.source
    )
