"""`manage.py set_strategy`: what the strategies' form does, for those who automate."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from signals.actions import set_strategy
from signals.models import StrategySetting
from signals.strategies.base import ParameterError
from signals.strategies.registry import STRATEGIES


class Command(BaseCommand):
    help = "Switch a built-in strategy on, with parameters, or off, which keeps them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=sorted(STRATEGIES))
        switch = parser.add_mutually_exclusive_group(required=True)
        switch.add_argument(
            "--on", nargs="*", type=_pair, metavar="NAME=VALUE", help="The rest take defaults."
        )
        switch.add_argument("--off", action="store_true")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        name, pairs = options["name"], options["on"]
        parameters = _kept(name) if pairs is None else dict(pairs)
        try:
            row = set_strategy(
                name=name, enabled=pairs is not None, parameters=parameters, actor=None,
                source="command",
            )  # fmt: skip
        except ParameterError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_as_json(row) if options["json"] else _as_text(row))


def _kept(name: str) -> dict[str, float]:
    row = StrategySetting.objects.filter(name=name).first()
    return row.parameters if row else {}


def _pair(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=NUMBER") from None


def _as_json(row: StrategySetting) -> str:
    return json.dumps({"strategy": row.name, "enabled": row.enabled, "parameters": row.parameters})


def _as_text(row: StrategySetting) -> str:
    values = ", ".join(f"{name}={value:g}" for name, value in row.parameters.items())
    return f"{row.name} is {'on' if row.enabled else 'off'}: {values}"
