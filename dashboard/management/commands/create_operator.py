"""`manage.py create_operator NAME`: a person who may sign in."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.people import PersonRefused, create_user
from dashboard.roles import OPERATOR, RANKS


class Command(BaseCommand):
    help = "Make a person who may sign in. A password made here is printed this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=RANKS, default=OPERATOR)
        password = parser.add_mutually_exclusive_group(required=True)
        password.add_argument(
            "--password-stdin", action="store_true", help="Read it from standard input."
        )
        password.add_argument("--random", action="store_true", help="Make one and print it.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        made = secrets.token_urlsafe(12) if options["random"] else None
        password = made or sys.stdin.readline().rstrip("\r\n")
        try:
            user = create_user(
                name=options["name"], role=options["role"], password=password, actor=None,
                source="command",
            )  # fmt: skip
        except PersonRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(_told(user.username, options["role"], made, options["json"]))


def _told(name: str, role: str, made: str | None, as_json: bool) -> str:
    if as_json:
        return json.dumps({"user": name, "role": role, **({"password": made} if made else {})})
    text = f"{name} may sign in with the role {role}."
    return f"{text}\nPassword, shown this once: {made}" if made else text
