"""`manage.py set_rule RULE [--instrument SYMBOL] name=value ...`: what a rule is judged by."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market.models import Instrument
from verification import actions
from verification.models import RuleSetting
from verification.parameters import RULES, ParameterError


class Command(BaseCommand):
    help = "Set parameters of a rule; name= (nothing after it) takes one back to its default."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Options may stand between the rule and its parameters, which argparse allows only so."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rule", choices=sorted(RULES))
        parser.add_argument("parameters", nargs="*", metavar="name=value")
        parser.add_argument("--instrument", help="only for this one, by its symbol")
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--enable", dest="enabled", action="store_const", const=True)
        switch.add_argument("--disable", dest="enabled", action="store_const", const=False)
        parser.add_argument("--json", action="store_true", help="print the rule as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            row = actions.set_rule(
                options["rule"],
                _instrument(options["instrument"]),
                dict(_parsed(text) for text in options["parameters"]),
                enabled=options["enabled"],
                actor=None,
                source="command",
            )
        except ParameterError as error:
            raise CommandError(str(error)) from None
        self._print(row, as_json=options["json"])

    def _print(self, row: RuleSetting, *, as_json: bool) -> None:
        shown = {
            "rule": row.rule,
            "instrument": row.instrument.symbol if row.instrument else None,
            "enabled": row.enabled,
            "parameters": row.parameters,
        }
        if as_json:
            self.stdout.write(json.dumps(shown))
            return
        where = shown["instrument"] or "all instruments"
        state = "on" if row.enabled else "off"
        given = ", ".join(f"{name}={value:g}" for name, value in row.parameters.items())
        self.stdout.write(f"{row.rule} on {where} is {state}: {given or 'defaults'}")


def _instrument(symbol: str | None) -> Instrument | None:
    if symbol is None:
        return None
    instrument = Instrument.objects.filter(symbol=symbol).first()
    if instrument is None:
        raise CommandError(f"There is no instrument {symbol}.")
    return instrument


def _parsed(text: str) -> tuple[str, float | None]:
    """`name=value`; a whole number stays one."""
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"{text} is not of the form name=value.")
    if not value:
        return name, None
    try:
        number = float(value)
    except ValueError:
        raise CommandError(f"{name} must be a number, not {value}.") from None
    return name, int(number) if number.is_integer() else number
