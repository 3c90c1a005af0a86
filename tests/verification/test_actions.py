"""What people do about alerts and rules, and what they are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import AuditEntry
from bridge_ingest import names
from bridge_ingest.models import Session
from market.models import Feed, Instrument
from tests.verification.feeds import make_source
from verification import actions
from verification.models import Alert, AlertEvent, RuleSetting
from verification.parameters import ParameterError

pytestmark = pytest.mark.django_db
OPENED = datetime(2026, 1, 7, 12, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def make_alert() -> Callable[..., Alert]:
    instrument = Instrument.objects.create(
        symbol="EURUSD", kind="fx", pip_size=0.0001, digits=5, session="24x5", created_at=OPENED
    )

    def make(name: str = "FXCM", **changed: Any) -> Alert:
        source, _ = make_source(name, "EURUSD")
        feed = Feed.objects.create(source=source, instrument=instrument, created_at=OPENED)
        values = {
            "fingerprint": f"deviation:{source.client_id}:{feed.pk}",
            "rule": "deviation",
            "severity": "look",
            "client": source.client,
            "feed": feed,
            "instrument": instrument,
            "title": f"{name} EURUSD is 2.0 pips above the others for 3.0 s",
            "value": 2.0,
            "worst": 2.0,
            "unit": "pips",
            "started_at": OPENED,
            "opened_at": OPENED + timedelta(seconds=3),
            "holders": ["0"],
        }
        return Alert.objects.create(**(values | changed))

    return make


@pytest.fixture
def alert(make_alert: Callable[..., Alert]) -> Alert:
    return make_alert()


def last_entry() -> Any:
    return AuditEntry.objects.latest("id")


def test_acknowledging_says_who_and_leaves_it_open(alert: Alert, alice: User) -> None:
    row = actions.acknowledge(alert, actor=alice, source="page", note="Asking the broker")
    assert row.is_open
    assert row.acknowledged_by == alice
    assert row.acknowledged_at is not None
    event = row.events.get()
    assert (event.kind, event.text, event.actor, event.source) == (
        "acknowledged", "Asking the broker", alice, "page",
    )  # fmt: skip
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.object_id) == (
        "alert.acknowledged", alice, str(alert.pk),
    )  # fmt: skip


def test_nobody_acknowledges_twice(alert: Alert, alice: User, bob: User) -> None:
    actions.acknowledge(alert, actor=alice, source="page")
    with pytest.raises(actions.Refused, match="acknowledged by alice already"):
        actions.acknowledge(alert, actor=bob, source="page")
    assert AuditEntry.objects.count() == 1


def test_an_acknowledgement_can_be_taken_back(alert: Alert, alice: User) -> None:
    actions.acknowledge(alert, actor=alice, source="page")
    row = actions.unacknowledge(alert, actor=alice, source="page")
    assert row.acknowledged_at is None
    with pytest.raises(actions.Refused, match="Nobody has acknowledged"):
        actions.unacknowledge(alert, actor=alice, source="page")
    assert last_entry().before["by"] == "alice"


def test_a_note_stays_in_the_timeline_also_after_the_end(alert: Alert, alice: User) -> None:
    Alert.objects.update(resolved_at=OPENED, condition_ended_at=OPENED)
    event = actions.add_note(alert, "  Broker confirmed a bad price.  ", actor=alice, source="page")
    assert event.text == "Broker confirmed a bad price."


@pytest.mark.parametrize(("text", "reason"), [(" ", "needs some words"), ("x" * 1001, "1001")])
def test_a_note_must_say_something_and_not_too_much(
    alert: Alert, alice: User, text: str, reason: str
) -> None:
    with pytest.raises(actions.Refused, match=reason):
        actions.add_note(alert, text, actor=alice, source="page")
    assert not AlertEvent.objects.exists()


def test_what_still_holds_cannot_be_resolved_by_hand(alert: Alert, alice: User) -> None:
    with pytest.raises(actions.Refused, match="condition still holds"):
        actions.resolve(alert, actor=alice, source="page")
    alert.refresh_from_db()
    assert alert.is_open


def test_what_is_over_can_be_resolved_by_hand(alert: Alert, alice: User) -> None:
    Alert.objects.update(condition_ended_at=timezone.now())
    row = actions.resolve(alert, actor=alice, source="page", note="Bad tick")
    assert row.resolved_by == alice
    with pytest.raises(actions.Refused, match="resolved already"):
        actions.acknowledge(alert, actor=alice, source="page")


def test_a_recorded_condition_can_be_resolved_once_its_replay_is_over(
    make_alert: Callable[..., Alert], alice: User
) -> None:
    alert = make_alert(replayed=True)
    session = Session.objects.create(
        client=alert.client, mode="replay", transport="tcp", peer="127.0.0.1", gateway="g",
        opened_at=OPENED, last_seen_at=OPENED,
    )  # fmt: skip
    with pytest.raises(actions.Refused):
        actions.resolve(alert, actor=alice, source="page")
    Session.objects.filter(pk=session.pk).update(closed_at=OPENED)
    assert actions.resolve(alert, actor=alice, source="page").resolved_at is not None


def test_a_silence_needs_a_reason_and_an_end_to_come(alert: Alert, alice: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"until": OPENED, "reason": "x"}, "in the future"),
        ({"until": tomorrow, "reason": "  "}, "Say why"),
        ({"until": tomorrow, "reason": "x" * 501}, "500 are kept"),
    ]
    for given, reason in refused:
        with pytest.raises(actions.Refused, match=reason):
            actions.silence(alert, **given, actor=alice, source="page")


def test_a_silence_outlives_the_episode_until_it_is_lifted(alert: Alert, alice: User) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    made = actions.silence(alert, until=tomorrow, reason="Weekend", actor=alice, source="page")
    assert made.fingerprint == alert.fingerprint
    lifted = actions.lift_silence(made, actor=alice, source="page")
    assert lifted.ended_at is not None
    kinds = list(alert.events.values_list("kind", flat=True))
    assert kinds == ["silenced", "silence_lifted"]
    with pytest.raises(actions.Refused, match="over already"):
        actions.lift_silence(made, actor=alice, source="page")
    logged = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert logged == ["alert.silenced", "silence.lift"]


def test_an_alert_can_be_given_to_somebody_and_taken_back(
    alert: Alert, alice: User, bob: User
) -> None:
    assert actions.assign(alert, bob, actor=alice, source="page").assignee == bob
    assert actions.assign(alert, None, actor=alice, source="page").assignee is None
    texts = list(alert.events.values_list("text", flat=True))
    assert texts == ["To bob.", "To nobody."]


def test_a_bulk_action_has_an_outcome_for_each(
    make_alert: Callable[..., Alert], alice: User
) -> None:
    first, second, third = (make_alert(name) for name in ("A", "B", "C"))
    actions.acknowledge(second, actor=alice, source="page")
    act = partial(actions.acknowledge, actor=alice, source="page")
    outcomes = actions.bulk(act, [third.pk, second.pk, 999_999, first.pk, third.pk])
    assert [(each.alert_id, each.done) for each in outcomes] == [
        (third.pk, True), (second.pk, False), (999_999, False), (first.pk, True),
    ]  # fmt: skip
    assert "alice already" in outcomes[1].reason
    assert outcomes[2].reason == "There is no such alert."
    assert Alert.objects.exclude(acknowledged_at=None).count() == 3


def test_an_error_that_is_no_refusal_undoes_the_whole_bulk(
    make_alert: Callable[..., Alert], alice: User
) -> None:
    alerts = [make_alert(name) for name in ("A", "B")]
    done: list[int] = []

    def act(row: Alert) -> None:
        if done:
            raise RuntimeError("out of memory")
        actions.acknowledge(row, actor=alice, source="page")
        done.append(row.pk)

    with pytest.raises(RuntimeError):
        actions.bulk(act, [row.pk for row in alerts])
    assert not Alert.objects.exclude(acknowledged_at=None).exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_browsers_hear_of_it_after_the_commit(
    make_alert: Callable[..., Alert], redis_client: redis.Redis
) -> None:
    alert = make_alert()
    heard = redis_client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    heard.subscribe(names.LIVE_EVENT)
    heard.get_message(timeout=1)
    actions.acknowledge(alert, actor=None, source="command")
    message = heard.get_message(timeout=5)
    heard.close()
    assert message is not None
    assert b'"change":"acknowledged"' in message["data"]


# Rules.


def test_setting_a_rule_keeps_what_is_not_named(alice: User) -> None:
    set_rule = partial(actions.set_rule, "deviation", None, actor=alice, source="page")
    set_rule({"threshold_pips": 2, "persistence_s": 5})
    row = set_rule({"threshold_pips": 1.5})
    assert row.parameters == {"threshold_pips": 1.5, "persistence_s": 5}
    assert set_rule({"persistence_s": None}).parameters == {"threshold_pips": 1.5}
    assert RuleSetting.objects.count() == 1
    assert last_entry().before["parameters"] == {"threshold_pips": 1.5, "persistence_s": 5}


def test_a_rule_can_be_switched_off_and_on(alice: User) -> None:
    assert not actions.set_rule("mute", None, {}, enabled=False, actor=alice, source="page").enabled
    row = actions.set_rule("mute", None, {"silence_s": 60}, actor=alice, source="page")
    assert not row.enabled


@pytest.mark.parametrize(
    ("rule", "parameters", "reason"),
    [
        ("nonsense", {}, "There is no rule 'nonsense'"),
        ("deviation", {"threshold_pip": 1}, "did you mean threshold_pips"),
        ("deviation", {"threshold_pips": -1}, "must lie between 0.01 and"),
        ("deviation", {"threshold_pips": "1"}, "must be a number, not '1'"),
        ("deviation", {"min_ticks": 2.5}, "must be a whole number"),
        ("deviation", {"max_age_s": float("nan")}, "must lie between"),
        ("deviation", {"close_after_s": 1}, "close_after_s must not be below clear_after_s"),
    ],
)
def test_what_a_rule_cannot_use_is_refused_by_name(
    rule: str, parameters: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ParameterError, match=reason):
        actions.set_rule(rule, None, parameters, actor=None, source="command")
    assert not RuleSetting.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_rule_of_clients_has_nothing_to_say_by_instrument(alert: Alert) -> None:
    with pytest.raises(ParameterError, match="judged by client"):
        actions.set_rule("clock", alert.instrument, {"ahead_s": 5}, actor=None, source="command")


def test_what_contradicts_the_row_for_all_instruments_is_refused(alert: Alert) -> None:
    actions.set_rule("deviation", None, {"close_after_s": 5}, actor=None, source="command")
    with pytest.raises(ParameterError, match="close_after_s"):
        actions.set_rule(
            "deviation", alert.instrument, {"clear_after_s": 6}, actor=None, source="command"
        )
