"""`manage.py zmq_key`: what a ZeroMQ terminal must know of the bridge."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

import zmq
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Prints the CURVE public key of the ROUTER socket, which terminals set as server key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def handle(self, **options: Any) -> None:
        public = zmq.curve_public(settings.FKS.curve_secret_key.encode()).decode()
        self.stdout.write(json.dumps({"server_key": public}) if options["json"] else public)
