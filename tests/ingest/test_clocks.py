"""Terminals' clocks from the door to the row: stated, measured, proposed, set, followed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from audit.models import AuditEntry
from bridge_ingest import clocks
from bridge_ingest.actions import ActionRefused
from bridge_ingest.clock import now_us
from bridge_ingest.events import dispatch
from bridge_ingest.models import Client, ClientClock, ClockChange, Session
from market import adopt
from tests.ingest.door import Door, Terminal, client_with_key, door, drain_all, tick

pytestmark = pytest.mark.django_db(transaction=True)
HOUR_S = 3600


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


def measured(client: Client, offset_s: int) -> None:
    event = {"kind": "clock_measured", "client": client.pk, "offset_s": offset_s}
    with transaction.atomic():
        dispatch([{**event, "received_us": now_us()}])


def opened(client: Client, stated_s: int, mode: str = "live") -> None:
    event = {
        "kind": "session_opened", "client": client.pk, "stream": None, "session": str(uuid4()),
        "received_us": now_us(), "key": None, "gateway": "g", "transport": "tcp", "peer": "p",
        "platform": "mt5", "version": "", "account": "", "mode": mode,
        "utc_offset_s": stated_s, "stated_offset_s": stated_s,
    }  # fmt: skip
    with transaction.atomic():
        dispatch([event])


def changes(client: Client) -> list[tuple[str, int | None, int]]:
    rows = client.clock_changes.order_by("pk")
    return [(row.kind, row.before_s, row.after_s) for row in rows]


@pytest.fixture
def icm() -> Client:
    return Client.objects.create(name="ICM", platform="mt5")


# From the door to the row, in real time.


class Speaker:
    """A terminal at the door whose clock stands `offset_s` from UTC."""

    def __init__(self, terminal: Terminal, offset_s: int) -> None:
        self.terminal, self.offset_s, self.seq = terminal, offset_s, 0

    def speak(self, **more: Any) -> None:
        self.seq += 1
        now_ms = round(time.time() * 1000)
        times = {"time_ms": now_ms + self.offset_s * 1000, **more}
        self.terminal.send(tick(self.seq, bid=1.1 + self.seq / 1e5, **times))


async def in_database(gate: Door, function: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(gate.bridge.directory._pool, function)


def stored_offsets(client: Client) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT offset_min FROM market_tick t JOIN bridge_ingest_source s ON s.id = t.feed_id"
            " WHERE s.client_id = %s ORDER BY seq",
            [client.pk],
        )
        return [offset for (offset,) in cursor.fetchall()]


def test_a_clock_is_measured_at_the_door_and_followed_by_the_sessions_that_are_open() -> None:
    """Three terminals for eleven seconds: one says UTC and runs at +3, one follows daylight saving,
    one sends a recording."""
    names = ("WRONG", "SUMMER", "TAPE")
    scopes = {"TAPE": ("ingest", "replay")}
    made = {name: client_with_key(name, *scopes.get(name, ())) for name in names}
    wrong, summer, tape = (made[name][0] for name in names)
    clocks.use_offset(summer, 2 * HOUR_S, follow=True, actor=None, source="command")

    async def talk() -> None:
        async with (
            door() as gate,
            gate.terminal() as one,
            gate.terminal() as two,
            gate.terminal() as three,
        ):
            await one.hello("WRONG", made["WRONG"][1])
            await two.hello("SUMMER", made["SUMMER"][1])
            await three.hello("TAPE", made["TAPE"][1], mode="replay")
            speakers = [Speaker(each, 3 * HOUR_S) for each in (one, two, three)]
            for _ in range(11):
                for speaker in speakers:
                    speaker.speak()
                await asyncio.sleep(1.03)
            await gate.bridge.journal.settled()
            await in_database(gate, drain_all)
            await asyncio.sleep(0.5)  # the order reaches the gateway that gave the measurement
            for speaker in speakers[:2]:
                speaker.speak()
                await speaker.terminal.until("ack", seq=12)

    asyncio.run(talk())
    drain_all()
    assert changes(wrong) == [("measured", None, 3 * HOUR_S)]
    assert clocks.standing(wrong).proposed_s == 3 * HOUR_S
    assert stored_offsets(wrong) == [0] * 12
    assert changes(summer) == [
        ("in_force", 0, 2 * HOUR_S),
        ("measured", None, 3 * HOUR_S),
        ("in_force", 2 * HOUR_S, 3 * HOUR_S),
    ]
    assert stored_offsets(summer) == [120] * 11 + [180]
    assert changes(tape) == []
    assert set(stored_offsets(tape)) == {0}


def test_a_set_offset_is_used_from_the_next_hello_on_and_the_raw_time_stays_known(
    icm: Client,
) -> None:
    _, key = client_with_key("ICM")
    clocks.use_offset(icm, 3 * HOUR_S, follow=False, actor=None, source="command")
    raw_ms = round(time.time() * 1000) + 3 * HOUR_S * 1000

    async def talk() -> None:
        async with door() as gate, gate.terminal() as terminal:
            await terminal.hello("ICM", key, utc_offset_s=7200)
            terminal.send(tick(1, time_ms=raw_ms))
            await terminal.until("ack", seq=1)

    asyncio.run(talk())
    drain_all()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM event_time) * 1000 + offset_min * 60000 FROM market_tick"
        )
        assert cursor.fetchone() == (raw_ms,)
    assert Session.objects.get().utc_offset_s == 3 * HOUR_S
    assert ClientClock.objects.get().stated_s == 7200


def test_a_plain_terminal_goes_by_the_offset_that_was_set_for_it() -> None:
    client = Client.objects.create(name="local-mt5", platform="mt5")
    now_s = int(time.time())

    async def talk() -> None:
        async with door() as gate:
            body = {"symbol": "EURUSD", "bid": 1.1, "ask": 1.2, "time": now_s + 2 * HOUR_S}
            await gate.post("/api/data", json.dumps(body).encode())
            await in_database(
                gate,
                lambda: clocks.use_offset(
                    client, 2 * HOUR_S, follow=False, actor=None, source="command"
                ),
            )
            await asyncio.sleep(0.5)
            await gate.post("/api/data", json.dumps(body).encode())

    asyncio.run(talk())
    drain_all()
    assert stored_offsets(client) == [0, 120]


# What is made of a measurement.


def test_a_measurement_is_proposed_and_never_used_unasked(icm: Client) -> None:
    opened(icm, 0)
    measured(icm, 3 * HOUR_S)
    found = clocks.standing(icm)
    assert (found.clock.in_force_s, found.proposed_s) == (0, 3 * HOUR_S)
    assert not AuditEntry.objects.exists()


def test_a_terminal_that_states_its_offset_rightly_is_left_alone(icm: Client) -> None:
    opened(icm, 3 * HOUR_S)
    measured(icm, 3 * HOUR_S)
    found = clocks.standing(icm)
    assert (found.clock.in_force_s, found.proposed_s) == (3 * HOUR_S, None)


@pytest.mark.parametrize("offset_s", [-900, 2700, -13 * HOUR_S, HOUR_S + 900])
def test_what_is_no_zone_of_the_world_is_not_proposed(icm: Client, offset_s: int) -> None:
    """Quotes that are sold fifteen minutes late look like a clock fifteen minutes behind."""
    measured(icm, offset_s)
    found = clocks.standing(icm)
    assert (found.proposed_s, found.is_of_no_zone) == (None, True)


def test_a_refused_proposal_stays_away_until_the_clock_stands_elsewhere(icm: Client) -> None:
    measured(icm, HOUR_S)
    clocks.refuse_measured(icm, actor=None, source="command")
    measured(icm, HOUR_S)
    assert (clocks.standing(icm).proposed_s, clocks.standing(icm).is_refused) == (None, True)
    measured(icm, 0)
    measured(icm, HOUR_S)
    assert clocks.standing(icm).proposed_s == HOUR_S
    assert AuditEntry.objects.get().action == "client.clock_refuse"


def test_nothing_can_be_refused_where_nothing_is_proposed(icm: Client) -> None:
    with pytest.raises(ActionRefused, match="Nothing is proposed"):
        clocks.refuse_measured(icm, actor=None, source="command")


def test_a_fixed_offset_does_not_follow_daylight_saving_but_says_so(icm: Client) -> None:
    clocks.use_offset(icm, 2 * HOUR_S, follow=False, actor=None, source="command")
    measured(icm, 3 * HOUR_S)
    found = clocks.standing(icm)
    assert (found.clock.in_force_s, found.proposed_s) == (2 * HOUR_S, 3 * HOUR_S)


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_automatic_follows_one_hour_with_an_entry_in_the_log(icm: Client, step_s: int) -> None:
    clocks.use_offset(icm, 2 * HOUR_S, follow=True, actor=None, source="command")
    measured(icm, 2 * HOUR_S + step_s)
    row = ClientClock.objects.get()
    assert (row.mode, row.set_s) == ("auto", 2 * HOUR_S + step_s)
    assert clocks.standing(icm).proposed_s is None
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.source, entry.actor_name) == (
        "client.clock", "automatic", "the bridge",
    )  # fmt: skip
    assert entry.before == {"mode": "auto", "in_force_s": 2 * HOUR_S}


@pytest.mark.parametrize("step_s", [2 * HOUR_S, -7 * HOUR_S, 1800])
def test_automatic_asks_about_everything_that_is_not_one_hour(icm: Client, step_s: int) -> None:
    clocks.use_offset(icm, 3 * HOUR_S, follow=True, actor=None, source="command")
    measured(icm, 3 * HOUR_S + step_s)
    found = clocks.standing(icm)
    assert (found.clock.in_force_s, found.proposed_s) == (3 * HOUR_S, 3 * HOUR_S + step_s)


def test_each_change_is_kept_once_however_often_it_is_measured(icm: Client) -> None:
    for offset_s in (7200, 7200, 10_800, 10_800, 7200):
        measured(icm, offset_s)
    assert changes(icm) == [
        ("measured", None, 7200), ("measured", 7200, 10_800), ("measured", 10_800, 7200),
    ]  # fmt: skip


def test_a_hello_that_states_another_offset_is_a_change_and_a_recording_is_not(
    icm: Client,
) -> None:
    opened(icm, 7200)
    opened(icm, -18_000, mode="replay")
    opened(icm, 7200)
    opened(icm, 10_800)
    assert changes(icm) == [("stated", 7200, 10_800)]


def test_what_the_terminal_states_can_be_used_again(icm: Client) -> None:
    opened(icm, 7200)
    clocks.use_offset(icm, 0, follow=False, actor=None, source="command")
    clocks.use_stated(icm, actor=None, source="command")
    assert ClientClock.objects.get().in_force_s == 7200
    assert changes(icm) == [("in_force", 7200, 0), ("in_force", 0, 7200)]


@pytest.mark.parametrize("offset_s", [100, 15 * HOUR_S, -14 * HOUR_S - 900])
def test_an_offset_that_no_clock_has_is_refused(icm: Client, offset_s: int) -> None:
    with pytest.raises(ActionRefused, match="quarter of an hour"):
        clocks.use_offset(icm, offset_s, follow=False, actor=None, source="command")
    assert not ClockChange.objects.exists()


def test_a_measurement_of_a_client_that_is_gone_is_dropped() -> None:
    gone = Client.objects.create(name="gone", platform="mt5")
    gone_pk = gone.pk
    gone.delete()
    gone.pk = gone_pk
    measured(gone, HOUR_S)
    assert not ClientClock.objects.exists()


# The command.


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("client_clock", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_shows_and_decides(icm: Client) -> None:
    opened(icm, 0)
    measured(icm, 3 * HOUR_S)
    shown = json.loads(run("ICM", "--json"))
    assert shown.pop("measured_at").endswith("+00:00")
    assert shown == {
        "client": "ICM", "mode": "stated", "in_force_s": 0, "stated_s": 0,
        "measured_s": 10_800, "proposed_s": 10_800, "refused": False,
    }  # fmt: skip
    assert "proposed  UTC+3" in run("ICM")
    used = json.loads(run("ICM", "--use", "UTC+3", "--auto", "--json"))
    assert (used["mode"], used["in_force_s"], used["proposed_s"]) == ("auto", 10_800, None)
    assert json.loads(run("ICM", "--stated", "--json"))["mode"] == "stated"
    assert json.loads(run("ICM", "--refuse", "--json"))["refused"] is True


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("NOBODY",), "no client NOBODY"),
        (("ICM", "--use", "noon"), "write it as UTC"),
        (("ICM", "--use", "+3:10"), "quarter of an hour"),
        (("ICM", "--auto"), "goes with --use"),
        (("ICM", "--refuse"), "Nothing is proposed"),
    ],
)
def test_the_command_says_what_it_can_not_do(
    icm: Client, arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        run(*arguments)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("UTC+3", 10_800), ("+5:30", 19_800), ("-0500", -18_000), ("UTC", 0), ("utc-9:30", -34_200),
     ("\u22125", -18_000)],
)  # fmt: skip
def test_an_offset_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert clocks.read_offset(text) == seconds
    assert clocks.read_offset(clocks.written(seconds)) == seconds
