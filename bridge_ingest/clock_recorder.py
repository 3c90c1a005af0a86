"""What terminals state and gateways measure of clocks becomes rows, and news for the page."""

from __future__ import annotations

from bridge_ingest.clock import from_us
from bridge_ingest.clocks import HOUR_S, locked, put_in_force, tell_pages
from bridge_ingest.events import Event, handler
from bridge_ingest.models import Client, ClientClock, ClockChange, ClockMode


@handler("session_opened")
def record_stated(events: list[Event]) -> None:
    """What each client's last live hello said. A plain session has none."""
    stated = {
        event["client"]: event
        for event in events
        if event["mode"] == "live" and event.get("stated_offset_s") is not None
    }
    known = dict(ClientClock.objects.filter(pk__in=stated).values_list("pk", "stated_s"))
    news = {pk: each for pk, each in stated.items() if known.get(pk) != each["stated_offset_s"]}
    for client in _clients(news):
        _stated(client, news[client.pk]["stated_offset_s"], news[client.pk]["received_us"])


def _stated(client: Client, offset_s: int, received_us: int) -> None:
    clock = locked(client)
    before_s, clock.stated_s = clock.stated_s, offset_s
    clock.save(update_fields=["stated_s"])
    if before_s is not None:  # the first hello of all is no change
        _note(client, ClockChange.Kind.STATED, before_s, offset_s, received_us)


@handler("clock_measured")
def record_measured(events: list[Event]) -> None:
    measured = {event["client"]: event for event in events}
    for client in _clients(measured):
        _measured(client, measured[client.pk]["offset_s"], measured[client.pk]["received_us"])


def _measured(client: Client, offset_s: int, received_us: int) -> None:
    clock = locked(client)
    before_s = clock.measured_s
    clock.measured_s, clock.measured_at = offset_s, from_us(received_us)
    if clock.refused_s != offset_s:
        clock.refused_s = None  # what was refused is over; should it come again, it is asked again
    clock.save(update_fields=["measured_s", "measured_at", "refused_s"])
    if offset_s == before_s:
        return
    _note(client, ClockChange.Kind.MEASURED, before_s, offset_s, received_us)
    # One hour is what daylight saving moves a clock by. Anything else is for a person to judge.
    if clock.mode == ClockMode.AUTO and abs(offset_s - clock.in_force_s) == HOUR_S:
        put_in_force(clock, ClockMode.AUTO, offset_s, actor=None, source="automatic")


def _clients(of: dict[int, Event]) -> list[Client]:
    """Ascending, so that two transactions never wait for each other; deleted ones are left out."""
    return list(Client.objects.filter(pk__in=of).order_by("pk"))


def _note(
    client: Client, kind: ClockChange.Kind, before_s: int | None, after_s: int, at_us: int
) -> None:
    at = from_us(at_us)
    ClockChange.objects.create(client=client, at=at, kind=kind, before_s=before_s, after_s=after_s)
    tell_pages(client)
