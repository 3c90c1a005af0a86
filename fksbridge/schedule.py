"""What beat asks for, and how often. Short periods only: beat keeps no memory over a restart."""

from __future__ import annotations

from typing import Any

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "drive every shard": {
        "task": "fksbridge.tasks.drive",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "close lost sessions": {"task": "fksbridge.tasks.close_lost_sessions", "schedule": 5.0},
    "forget what is old": {
        "task": "fksbridge.tasks.forget_old",
        "schedule": 1800.0,
        "options": {"expires": 1800},
    },
    "take up imports whose worker died": {
        "task": "market.tasks.drive_imports",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "tend deliveries of signals": {
        "task": "signals.tasks.tend_deliveries",
        "schedule": 1.0,
        # A run that waited longer than its period is of no use: the next one does its work.
        "options": {"expires": 5},
    },
}
