"""`manage.py prepare`: everything that must be done once before the bridge's processes start."""

from __future__ import annotations

import hashlib
import json
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand

from bridge_ingest.certificates import DevelopmentCa
from dashboard.people import create_user
from dashboard.roles import ADMIN

OPERATOR = "operator"


class Command(BaseCommand):
    help = (
        "Migrates the database, collects static files when they have changed, and makes the first "
        "sign-in (user operator, role admin), whose password it prints this once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        collect_static()
        make_certificates()
        password = make_operator()
        if options["json"]:
            self.stdout.write(json.dumps({"operator": OPERATOR, "password": password}))
        elif password:
            self.stdout.write(f"Sign in as {OPERATOR} with the password {password}")


def make_operator() -> str | None:
    """The new operator's password, or None when there is a user already."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(12)
    create_user(name=OPERATOR, role=ADMIN, password=password, actor=None, source="automatic")
    return password


def make_certificates() -> None:
    """Development certificates for the TLS door, unless the operator has named some."""
    config = settings.FKS
    ca = DevelopmentCa(config.data_dir / "tls")
    if config.tls_port and config.tls_certificate == ca.server.certificate_path:
        ca.ensure()


def collect_static() -> None:
    """Hashing and compressing take seconds, so only when a source file has changed."""
    if settings.FKS.env == "development":
        return  # served from where they lie
    note = Path(settings.STATIC_ROOT) / ".collected"
    sources = static_sources()
    if not note.exists() or note.read_text() != sources:
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        note.write_text(sources)


def static_sources() -> str:
    """A digest of every static file's place, size and time of change."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
