"""`manage.py configuration`: every setting with the value in force, or the documentation page."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from fksbridge.config import variables

SECRET = {"secret_key", "key_peppers", "zmq_secret_key", "database_url", "redis_url"}
PAGE = """\
# Configuration

Every setting is an environment variable. The bridge reads them once, when a process starts, and
refuses to start with a sentence that names each wrong one. `manage.py configuration` shows the
values in force.

This page is printed from `fksbridge/config.py` by `make docs/configuration.md`; a test compares.
"""


class Command(BaseCommand):
    help = "Shows every setting with the value in force (secrets left out)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--markdown", action="store_true", help="print docs/configuration.md")

    def handle(self, *, markdown: bool, **_: Any) -> None:
        self.stdout.write(page() if markdown else values_in_force(), ending="")


def page() -> str:
    """docs/configuration.md as it must stand."""
    parts = [PAGE]
    for _, variable in variables():
        parts.append(f"\n## {variable.name}\n\n")
        parts.append(textwrap.fill(variable.meaning, 100) + "\n\n")
        shown = variable.default_shown
        parts.append(f"Default: {shown if ' ' in shown or '`' in shown else f'`{shown}`'}.\n")
    return "".join(parts)


def values_in_force() -> str:
    lines = []
    for attribute, variable in variables():
        value = getattr(settings.FKS, attribute)
        lines.append(f"{variable.name}={'(secret)' if attribute in SECRET else shown(value)}\n")
    return "".join(lines)


def shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
