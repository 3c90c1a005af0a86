"""Which tests go to one worker: those of a file, and those of rooms that need a whole bridge.

Each worker starts a bridge for itself, of nine processes, when one of its tests asks for it. With
these rooms kept together only two workers do.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = {"browser": "bridge", "e2e": "bridge", "terminals": "terminals"}


class ByRoom(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file.split("/")[1], file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByRoom | None:
    """For `--dist loadfile`; other ways of handing out are as xdist has them."""
    return ByRoom(config, log) if config.option.dist == "loadfile" else None
