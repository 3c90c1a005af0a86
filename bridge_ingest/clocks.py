"""Whose word counts on a terminal's clock: what is proposed, and what an operator decides.

The terminal states an offset, the gateway measures one. They are never mixed: what is stated is in
force until an operator says otherwise, and what is measured only ever leads to a proposal. Were it
applied unasked, a clock that has gone wrong would look right, and its alert would never come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest.actions import ActionRefused
from bridge_ingest.control import tell_gateways
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client, ClientClock, ClockChange, ClockMode
from bridge_ingest.protocol.offset_meter import MAX_OFFSET_S, STEP_S

HOUR_S = 3600
_WRITTEN = re.compile(r"(?:UTC)?([+-])(\d{1,2})(?::?([0-5]\d))?")

REAL_OFFSETS_S = frozenset(
    round(hours * HOUR_S)
    for hours in (
        *range(-12, 15),
        *(-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75),
    )
)
"""Where the clocks of the world stand (tz database since 2010, daylight saving among them)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client's clock is about. All in seconds from UTC."""

    clock: ClientClock

    @property
    def proposed_s(self) -> int | None:
        """An offset that an operator may put in force: measured, another, of this world."""
        clock = self.clock
        usable = clock.measured_s in REAL_OFFSETS_S and clock.measured_s != clock.refused_s
        return clock.measured_s if clock.is_off and usable else None

    @property
    def is_refused(self) -> bool:
        return self.clock.is_off and self.clock.measured_s == self.clock.refused_s

    @property
    def is_of_no_zone(self) -> bool:
        """A quarter of an hour behind is no zone: data that is sold delayed, or a wrong clock."""
        return self.clock.is_off and self.clock.measured_s not in REAL_OFFSETS_S


def standing(client: Client) -> Standing:
    """As it is; a client of whose clock nothing is known has an empty one."""
    found = ClientClock.objects.filter(pk=client.pk).first()
    return Standing(found or ClientClock(client=client))


@transaction.atomic
def use_offset(
    client: Client, offset_s: int, *, follow: bool, actor: User | None, source: str
) -> ClientClock:
    """Take `offset_s` off this client's times from now on, whatever it states.

    `follow`: steps of one hour that are measured later are put in force without asking. What is
    stored already stays as it is; each tick keeps the offset that it was read with. Raises
    ActionRefused for an offset that no clock has.
    """
    if offset_s % STEP_S or abs(offset_s) > MAX_OFFSET_S:
        raise ActionRefused("An offset is a whole quarter of an hour, within 14 hours of UTC.")
    mode = ClockMode.AUTO if follow else ClockMode.FIXED
    return put_in_force(locked(client), mode, offset_s, actor=actor, source=source)


@transaction.atomic
def use_stated(client: Client, *, actor: User | None, source: str) -> ClientClock:
    """Go by what the terminal's hello states again."""
    return put_in_force(locked(client), ClockMode.STATED, None, actor=actor, source=source)


@transaction.atomic
def refuse_measured(client: Client, *, actor: User | None, source: str) -> ClientClock:
    """The clock is wrong: don't propose this again while it stands so. Its alert goes on.

    Raises ActionRefused when nothing is proposed.
    """
    clock = locked(client)
    proposed_s = Standing(clock).proposed_s
    if proposed_s is None:
        raise ActionRefused(f"Nothing is proposed for the clock of {client.name}.")
    clock.refused_s = proposed_s
    clock.save(update_fields=["refused_s"])
    tell_pages(client)
    told = {"measured_s": proposed_s, "in_force_s": clock.in_force_s}
    audit.record(
        actor=actor, action="client.clock_refuse", object=client, after=told, source=source
    )
    return clock


def locked(client: Client) -> ClientClock:
    """The client's row, held until the caller's transaction ends."""
    ClientClock.objects.bulk_create([ClientClock(client=client)], ignore_conflicts=True)
    return ClientClock.objects.select_for_update().get(pk=client.pk)


def put_in_force(
    clock: ClientClock, mode: ClockMode, set_s: int | None, *, actor: User | None, source: str
) -> ClientClock:
    """Within the caller's transaction, on a locked row: gateways follow with its commit."""
    client = clock.client
    before_s = clock.in_force_s
    before = {"mode": clock.mode, "in_force_s": before_s}
    clock.mode, clock.set_s = mode, set_s
    clock.save(update_fields=["mode", "set_s"])
    if clock.in_force_s != before_s:
        ClockChange.objects.create(
            client=client,
            at=timezone.now(),
            kind=ClockChange.Kind.IN_FORCE,
            before_s=before_s,
            after_s=clock.in_force_s,
            by=actor.get_username() if actor else "",
        )
    tell_gateways({"op": "clock", "client": client.pk})
    tell_pages(client)
    after = {"mode": clock.mode, "in_force_s": clock.in_force_s}
    audit.record(
        actor=actor, action="client.clock", object=client, before=before, after=after,
        source=source,
    )  # fmt: skip
    return clock


def tell_pages(client: Client) -> None:
    publish_event({"kind": "client", "id": client.pk, "change": "clock"})


def written(offset_s: int) -> str:
    """`UTC+3`, `UTC-5:30`; plain `UTC` for none."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    if not offset_s:
        return "UTC"
    return f"UTC{'-' if offset_s < 0 else '+'}{hours}" + (f":{minutes:02d}" if minutes else "")


def read_offset(text: str) -> int:
    """Seconds, of `UTC+3`, `+5:30`, `-0500` or `UTC`. Raises ActionRefused for anything else."""
    plain = text.strip().upper().replace("\u2212", "-")
    if plain in ("UTC", "0", "+0", "-0"):
        return 0
    match = _WRITTEN.fullmatch(plain)
    if match is None:
        raise ActionRefused(f"{text} is no offset from UTC; write it as UTC+3 or -5:30.")
    seconds = int(match[2]) * HOUR_S + int(match[3] or 0) * 60
    return -seconds if match[1] == "-" else seconds
