"""Who handles which kind of journalled event. Higher floors register; this one dispatches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Handler = Callable[[list[Event]], None]

_RANK = {"session_opened": 0, "session_closed": 2}
_handlers: dict[str, list[Handler]] = defaultdict(list)


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register a function for all events of `kind`.

    It is called once a drain, in order of arrival, inside the transaction that moves the cursor:
    what it writes happens exactly once, what it sends must wait for `transaction.on_commit`.
    """

    def register(function: Handler) -> Handler:
        _handlers[kind].append(function)
        return function

    return register


def dispatch(events: list[Event]) -> None:
    """Hand events to their handlers, kind by kind in order of first appearance.

    Sessions open before and close after everything else: one may live and die within a batch.
    Raises LookupError for a kind that nobody handles: it was acknowledged, and would be lost.
    """
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_kind[event["kind"]].append(event)
    if strange := by_kind.keys() - _handlers.keys():
        raise LookupError(f"Nobody handles events of the kind {min(strange)!r}.")
    for kind in sorted(by_kind, key=lambda kind: _RANK.get(kind, 1)):
        for function in _handlers[kind]:
            function(by_kind[kind])
