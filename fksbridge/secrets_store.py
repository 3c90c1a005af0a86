"""Secrets that the bridge makes for itself, kept in the data folder for its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def _random() -> str:
    return secrets.token_urlsafe(48)


def remembered(data_dir: Path, name: str, make: Callable[[], str] = _random) -> str:
    """The secret called `name`, made on first use.

    Several processes may ask at once: the first one's file wins, since it appears by a link that
    fails when the name is taken.
    """
    path = data_dir / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _offer(path, make())
    return path.read_text("utf-8")


def _offer(path: Path, secret: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secret, "utf-8")
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
