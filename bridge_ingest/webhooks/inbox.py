"""Journalled posts become rows: understood or refused with a reason, each alert once.

Runs inside the drain's transaction. The inbox's row is locked first, also by `actions`, so that a
body is never judged in two places at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from bridge_ingest.clock import to_us
from bridge_ingest.events import Event, handler
from bridge_ingest.live import publish_event
from bridge_ingest.models import Client, Stream
from bridge_ingest.protocol.errors import Refused
from bridge_ingest.rows import change
from bridge_ingest.webhooks import feeds
from bridge_ingest.webhooks.models import WebhookAlert, WebhookBody, WebhookInbox
from bridge_ingest.webhooks.reading import (
    NO_RULES,
    Rules,
    State,
    Verdict,
    alert_row,
    body_row,
    judge_all,
    mark,
    rules_of,
)

STREAM = "webhooks"
"""The client's stream on which bodies are counted; they come without numbers."""
KEPT_STORED = 200
"""Stored bodies kept for a client, for the preview; their alerts stay."""
_TOO_MANY = Refused("symbol", "symbol", "This client has too many symbols.")


@dataclass(slots=True)
class Post:
    """A body on its way to being stored."""

    row: WebhookBody
    verdict: Verdict
    version: int
    received_us: int
    is_kept: bool = True

    @property
    def key(self) -> tuple[int, str]:
        return self.row.client_id, self.verdict.repeat_key


@handler("webhook")
def record_posts(events: list[Event]) -> None:
    clients = sorted({event["client"] for event in events})
    inboxes = locked(clients)
    rules = rules_of(clients)
    heard = (event for event in events if event["client"] in inboxes)
    posts = [post for event in heard for post in _posts(event, rules)]
    fresh = without_repeats(posts)
    _keep_the_newest(fresh)
    store(fresh)
    for client, inbox in inboxes.items():
        of = [post for post in posts if post.row.client_id == client]
        kept = [post for post in fresh if post.row.client_id == client]
        _count(inbox, of, kept)
        _prune(inbox)
        publish_event({"kind": "client", "id": client, "change": "webhook"})
    change(inboxes.values(), _COUNTED)


def _keep_the_newest(posts: Sequence[Post]) -> None:
    """Of a burst, bodies that would be let go at once are not written; their alerts are."""
    kept: Counter[int] = Counter()
    for post in reversed(posts):
        if post.verdict.alert is not None:
            kept[post.row.client_id] += 1
            post.is_kept = kept[post.row.client_id] <= KEPT_STORED


_COUNTED = ["last_at", "stored", "refused", "repeats", "let_go"]


def locked(clients: Sequence[int]) -> dict[int, WebhookInbox]:
    """Inboxes of clients, locked, by client; a client that is gone has none."""
    present = Client.objects.filter(pk__in=clients).values_list("pk", flat=True)
    made = [WebhookInbox(client_id=pk, last_at=timezone.now()) for pk in present]
    WebhookInbox.objects.bulk_create(made, ignore_conflicts=True)
    rows = WebhookInbox.objects.select_for_update().filter(client__in=clients).order_by("pk")
    return {row.client_id: row for row in rows}


def _posts(event: Event, rules: dict[int, Rules]) -> list[Post]:
    of = rules.get(event["client"], NO_RULES)
    row = body_row(
        event["client"], event["body"], event["content_type"], event["peer"], event["received_us"]
    )
    judged = judge_all(event["body"], event["content_type"], event["received_us"], of)
    return posts_of(row, judged, of.version)


def posts_of(row: WebhookBody, judged: list[tuple[bytes, Verdict]], version: int) -> list[Post]:
    """A body's post; of a list one for each item, which becomes a body of its own."""
    received_us = to_us(row.received_at)
    if len(judged) == 1:
        return [Post(row, judged[0][1], version, received_us)]
    return [
        Post(
            body_row(row.client_id, item, "", row.peer, received_us), verdict, version, received_us
        )
        for item, verdict in judged
    ]


# Repeats.


def without_repeats(posts: Sequence[Post], *, stored_only: bool = False) -> list[Post]:
    """Those that were not sent before: by the client's key ever, else by digest in the window.

    `stored_only` compares with stored alerts and not with refused bodies, of which these are some.
    """
    seen = _seen(posts, (WebhookAlert,) if stored_only else (WebhookAlert, WebhookBody))
    fresh = []
    for post in posts:
        last_us = seen.get(post.key)
        if last_us is not None and _is_repeat(post, last_us):
            continue
        seen[post.key] = post.received_us
        fresh.append(post)
    return fresh


def _is_repeat(post: Post, last_us: int) -> bool:
    window_us = settings.FKS.webhook_window_s * 1_000_000
    return post.verdict.is_chosen_key or abs(post.received_us - last_us) <= window_us


def _seen(
    posts: Iterable[Post], models: Iterable[type[WebhookAlert | WebhookBody]]
) -> dict[tuple[int, str], int]:
    """When each key was last taken, by client and key."""
    keys: defaultdict[int, set[str]] = defaultdict(set)
    for client, key in (post.key for post in posts):
        keys[client].add(key)
    found: dict[tuple[int, str], int] = {}
    for client, of in keys.items():
        for model in models:
            rows = model._default_manager.filter(client=client, repeat_key__in=of).order_by()
            for key, last_at in rows.values_list("repeat_key").annotate(last=Max("received_at")):
                found[client, key] = max(found.get((client, key), 0), to_us(last_at))
    return found


# Storing.


def store(posts: Sequence[Post]) -> None:
    """Bodies with their verdicts; of those understood the alert, its bar and its indicators."""
    placed = _placed(posts)
    for post in posts:
        mark(post.row, post.verdict, post.version)
    change([post.row for post in posts if post.row.pk], _JUDGED)
    new = [post for post in posts if not post.row.pk]
    WebhookBody.objects.bulk_create(
        [post.row for post in new if post.is_kept or post.verdict.refused is not None]
    )
    WebhookAlert.objects.bulk_create(
        alert_row(post.row, post.verdict, post.verdict.alert, is_kept=post.is_kept)
        for post in posts
        if post.verdict.alert is not None
    )
    feeds.store(
        (source, post.verdict.alert, post.received_us)
        for post, source in placed
        if post.verdict.alert is not None
    )


_JUDGED = ["state", "dialect", "code", "field", "reason", "repeat_key", "mapping_version"]


def _placed(posts: Iterable[Post]) -> list[tuple[Post, int]]:
    """Posts with data for a feed, and the feed's source. One symbol too many refuses its post."""
    wanted = [
        (post, post.verdict.alert.symbol)
        for post in posts
        if post.verdict.alert is not None and feeds.holds_data(post.verdict.alert)
    ]
    sources = feeds.Sources((post.row.client_id, symbol) for post, symbol in wanted)
    placed = []
    for post, symbol in wanted:
        source = sources.of(post.row.client_id, symbol)
        if source is None:
            post.verdict = replace(post.verdict, alert=None, refused=_TOO_MANY)
        else:
            placed.append((post, source))
    return placed


def _count(inbox: WebhookInbox, posts: Sequence[Post], kept: Sequence[Post]) -> None:
    refused = sum(post.verdict.refused is not None for post in kept)
    repeats, stored = len(posts) - len(kept), len(kept) - refused
    inbox.last_at = max(post.row.received_at for post in posts)
    inbox.stored += stored
    inbox.refused += refused
    inbox.repeats += repeats
    move_counts(inbox.client_id, received=len(kept), stored=stored, refused=refused, twice=repeats)


def move_counts(client: int, *, received: int, stored: int, refused: int, twice: int) -> None:
    """Add to the client's counts of delivery."""
    made, _ = Stream.objects.get_or_create(client_id=client, name=STREAM, defaults={"plain": True})
    stream = Stream.objects.select_for_update().get(pk=made.pk)
    stream.received += received
    stream.other_items += stored
    stream.refused += refused
    stream.duplicates += twice
    stream.save(update_fields=["received", "other_items", "refused", "duplicates"])


def _prune(inbox: WebhookInbox) -> None:
    """Let the oldest bodies go; how many refused ones went is counted and shown."""
    rows = WebhookBody.objects.filter(client=inbox.client_id).order_by("-pk")
    inbox.let_go += _let_go(rows.filter(state=State.REFUSED), settings.FKS.webhook_kept)
    _let_go(rows.filter(state=State.STORED), KEPT_STORED)


def _let_go(rows: QuerySet[WebhookBody], kept: int) -> int:
    """Two statements, however many go: Django's own delete would fetch every row first."""
    gone = list(rows.values_list("pk", flat=True)[kept:])
    if gone:
        WebhookAlert.objects.filter(body__in=gone).update(body=None)
        WebhookBody.objects.filter(pk__in=gone)._raw_delete("default")
    return len(gone)
