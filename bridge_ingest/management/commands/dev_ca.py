"""`manage.py dev_ca`: certificates for development."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bridge_ingest.certificates import DevelopmentCa


class Command(BaseCommand):
    help = (
        "Makes a certificate authority, the TLS door's server certificate, and a certificate for "
        "each --client, in the data folder. A running gateway takes a new one up by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name", action="append", default=[], help="another name of the server"
        )
        parser.add_argument("--client", action="append", default=[], help="a client's name")
        parser.add_argument("--json", action="store_true", help="print the files as JSON")

    def handle(self, **options: Any) -> None:
        if settings.FKS.env == "production":
            raise CommandError("These certificates are for development; production needs its own.")
        ca = DevelopmentCa(settings.FKS.data_dir / "tls")
        ca.ensure(tuple(options["name"]))
        made = {"ca": ca.authority.certificate_path, "server": ca.server.certificate_path}
        made |= {name: ca.client(name).certificate_path for name in options["client"]}
        self._tell(made, as_json=options["json"])

    def _tell(self, made: dict[str, Path], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({name: str(path) for name, path in made.items()}))
            return
        self.stdout.write(f"Terminals must trust {made.pop('ca')}")
        for name, path in made.items():
            self.stdout.write(f"{name}: {path} and {path.with_suffix('.key').name}")
