"""`manage.py bridge`: the whole bridge on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fksbridge.config import Config
from fksbridge.embedded.service import ServiceError
from fksbridge.supervisor.bridge import Bridge
from fksbridge.supervisor.console import Console
from fksbridge.supervisor.places import check_ports, only_bridge_on
from fksbridge.supervisor.supervisor import Supervisor


class Command(BaseCommand):
    help = "Runs every process of the bridge, embedded PostgreSQL and Redis included, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="with simulated terminals")

    def handle(self, *, demo: bool, **_: Any) -> None:
        config: Config = settings.FKS
        if demo and config.env != "demo":
            become_a_demo(config)
        console = Console()
        try:
            with only_bridge_on(config.data_dir):
                check_ports(config)
                failure = self._supervise(config, console, demo=demo)
        except ServiceError as error:
            failure = str(error)
        finally:
            console.close()
        if failure:
            self.stderr.write(f"The bridge stopped: {failure.rstrip('.')}.")
        leave(1 if failure else 0)

    def _supervise(self, config: Config, console: Console, *, demo: bool) -> str:
        supervisor = Supervisor(config.data_dir / "logs", console)
        bridge = Bridge(config, demo)
        failure = asyncio.run(supervisor.run(bridge.start))
        if bridge.sign_in:
            console.say(bridge.sign_in)
        return failure


def leave(code: int) -> None:
    """End now: taking the interpreter apart takes a second of the five on a busy machine."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def become_a_demo(config: Config) -> None:
    """Start over with FKS_ENV=demo, which the settings of every process follow."""
    if config.env == "production":
        raise CommandError("A demonstration does not run in production: unset FKS_ENV.")
    os.environ["FKS_ENV"] = "demo"
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - no shell is wanted
