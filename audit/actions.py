"""Writing to the log: the only way in. Every action of every room ends with `record`."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.utils import timezone

from audit.chain import GENESIS, Content, digest
from audit.models import AuditEntry

SOURCES = ("page", "command", "api", "automatic")
NAMELESS = {"command": "command line", "api": "machine", "automatic": "the bridge"}
"""Who is named when no user stands behind a change, by source."""
# Any number that no other advisory lock of the bridge uses; writers of the log queue on it.
_WRITERS_LOCK = 0x464B53_41554454
_LOCK_AND_HEAD = """
SELECT pg_advisory_xact_lock(%s);
SELECT digest FROM audit_auditentry ORDER BY id DESC LIMIT 1
"""


def record(
    *,
    actor: User | None,
    action: str,
    object: models.Model,  # noqa: A002 - the word of the field: actor, action, object
    before: Any = None,
    after: Any = None,
    source: str,
    object_name: str | None = None,
) -> AuditEntry:
    """Append one entry in the caller's transaction: it stands or falls with the change itself.

    `before` and `after` hold what changed, as JSON (datetimes, UUIDs and enums are turned to text).
    They must never hold a secret. Writers queue on one lock until their transaction ends, so call
    this last. Raises TransactionManagementError outside a transaction, ValueError for a source
    that is none of SOURCES or for a number that JSON can't hold.
    """
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, not {source!r}")
    content = Content(
        at=timezone.now(),
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else NAMELESS.get(source, "unknown"),
        source=source,
        action=action,
        object_type=object._meta.label_lower,
        object_id=str(object.pk),
        object_name=(str(object) if object_name is None else object_name)[:200],
        before=_plain(before),
        after=_plain(after),
    )
    previous = _lock_and_read_head()
    return AuditEntry.objects.create(
        **content._asdict(), previous_digest=previous, digest=digest(previous, content)
    )


def _plain(value: Any) -> Any:
    """The value as JSON will give it back."""
    if value is None:
        return None
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False))


def _lock_and_read_head() -> str:
    """The last digest. Two statements: who waited for the lock must see what it waited for. Sent
    together, since a strategy's signal waits for the answer."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "An audit entry needs the change's transaction."
        )
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_AND_HEAD, [_WRITERS_LOCK])
        cursor.nextset()
        head = cursor.fetchone()
    return head[0] if head else GENESIS
