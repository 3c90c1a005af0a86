"""What an operator changes: how a client's alerts are read, and reading the refused ones again."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from bridge_ingest.actions import ActionRefused
from bridge_ingest.clock import to_us
from bridge_ingest.dialects.mapping import Mapping, problems
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.webhooks import inbox
from bridge_ingest.webhooks.inbox import Post
from bridge_ingest.webhooks.models import WebhookBody, WebhookMapping
from bridge_ingest.webhooks.reading import NO_RULES, Rules, State, Verdict, judge_all, rules_of
from bridge_ingest.webhooks.secret import Secret

_FIELDS = ("dialect", "separator", "paths", "symbol", "period", "repeat_path", "secret_path")
_STORED_BEFORE = Refused("repeat", "", "An alert with the same key was stored before.")


@transaction.atomic
def save_mapping(
    client: Client, mapping: Mapping, *, actor: User | None, source: str, secret: str = ""
) -> WebhookMapping:
    """Read the client's alerts so from now on. Raises ActionRefused for a mapping that is wrong.

    An empty `secret` leaves the password as it is.
    """
    if wrong := problems(mapping):
        raise ActionRefused(" ".join(wrong.values()))
    Client.objects.select_for_update().get(pk=client.pk)
    row = WebhookMapping.objects.filter(client=client).first()
    before = None if row is None else _told(row.as_mapping())
    row = row or WebhookMapping(client=client, version=0)
    for name in _FIELDS:
        setattr(row, name, getattr(mapping, name))
    _set_secret(row, secret)
    row.version += 1
    row.changed_at, row.changed_by = timezone.now(), actor
    row.save()
    audit.record(
        actor=actor,
        action="webhook.map",
        object=client,
        before=before,
        after={**_told(mapping), "password_changed": bool(secret)},
        source=source,
    )
    publish_event({"kind": "client", "id": client.pk, "change": "webhook"})
    return row


def _set_secret(row: WebhookMapping, secret: str) -> None:
    if not row.secret_path:
        row.secret_digest, row.secret_pepper = "", 0
    elif secret:
        made = Secret.of(secret)
        row.secret_digest, row.secret_pepper = made.digest, made.pepper
    elif not row.secret_digest:
        raise ActionRefused(f"Give the password that stands at {row.secret_path}.")


def _told(mapping: Mapping) -> dict[str, Any]:
    return {**asdict(mapping), "paths": dict(mapping.paths)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the refused bodies that were read again."""

    stored: int
    refused: int


@transaction.atomic
def process_again(client: Client, *, actor: User | None, source: str) -> Outcome:
    """Read every kept refused body with the mapping of now, in the order in which they came.

    What is understood is stored under the moment of its receipt, once; the others get their reason
    anew. Raises ActionRefused when there is none.
    """
    box = inbox.locked([client.pk]).get(client.pk)
    bodies = WebhookBody.objects.select_for_update().filter(client=client, state=State.REFUSED)
    rules = rules_of([client.pk]).get(client.pk, NO_RULES)
    rows = list(bodies.order_by("pk"))
    posts = [post for row in rows for post in _judged(row, rules)]
    if not posts or box is None:
        raise ActionRefused("No refused alert of this client is kept.")
    outcome = _store(posts)
    _drop_taken_apart(rows, posts)
    grown, fewer = len(posts) - len(rows), len(rows) - outcome.refused
    box.stored += outcome.stored
    box.refused -= fewer
    box.save(update_fields=["stored", "refused"])
    moved = {"received": grown, "stored": outcome.stored, "refused": -fewer, "twice": 0}
    inbox.move_counts(client.pk, **moved)
    audit.record(
        actor=actor,
        action="webhook.process_again",
        object=client,
        after={**asdict(outcome), "mapping_version": rules.version},
        source=source,
    )
    publish_event({"kind": "client", "id": client.pk, "change": "webhook"})
    return outcome


def _judged(row: WebhookBody, rules: Rules) -> list[Post]:
    """One post, or those of the items of a list that is understood now."""
    judged = judge_all(bytes(row.body), row.content_type, to_us(row.received_at), rules)
    return inbox.posts_of(row, judged, rules.version)


def _store(posts: list[Post]) -> Outcome:
    """Store what is understood and was not stored before."""
    understood = [post for post in posts if post.verdict.alert is not None]
    new = {id(post) for post in inbox.without_repeats(understood, stored_only=True)}
    for post in understood:
        if id(post) not in new:
            post.verdict = _refused(post.verdict)
    inbox.store(posts)
    stored = sum(post.verdict.alert is not None for post in posts)
    return Outcome(stored, len(posts) - stored)


def _drop_taken_apart(rows: list[WebhookBody], posts: list[Post]) -> None:
    """The body of a list whose items are bodies now."""
    kept = {post.row.pk for post in posts}
    WebhookBody.objects.filter(pk__in=[row.pk for row in rows if row.pk not in kept]).delete()


def _refused(verdict: Verdict) -> Verdict:
    return replace(verdict, alert=None, refused=_STORED_BEFORE)
