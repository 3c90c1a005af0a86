from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

PROJECT = Path(__file__).parents[2]
SECRET = "a-Long_enough.Secret;with,many:different-signs-0123456789"
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "fksbridge.settings",
    "FKS_ENV": "production",
    "FKS_SECRET_KEY": SECRET,
    "FKS_KEY_PEPPERS": f"1:{SECRET}".replace(",", ""),
    "FKS_ALLOWED_HOSTS": "bridge.example.com",
    "FKS_TRUSTED_PROXIES": "1",
}


def test_the_policy_lets_a_page_load_nothing_from_elsewhere(client: Client) -> None:
    header = client.get("/sign-in")["Content-Security-Policy"]
    policy = dict(part.strip().split(" ", 1) for part in header.split(";") if part.strip())
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "frame-src": "https://www.tradingview-widget.com https://s.tradingview.com",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_other_protective_headers_are_sent(client: Client) -> None:
    headers = client.get("/sign-in").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_django_finds_nothing_to_complain_of_in_production(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environ = os.environ | PRODUCTION | {"FKS_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_cookies_in_production_travel_over_https_only(tmp_path: Path) -> None:
    source = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0,"
        " s.DEBUG, s.CSRF_TRUSTED_ORIGINS)"
    )
    environ = os.environ | PRODUCTION | {"FKS_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, check=True)
    assert done.stdout.decode() == "True True True False ['https://bridge.example.com']\n"


def test_bridges_side_by_side_on_one_host_keep_their_sessions_apart() -> None:
    assert settings.SESSION_COOKIE_NAME.endswith(str(settings.FKS.http_port))
    assert settings.CSRF_COOKIE_NAME.endswith(str(settings.FKS.http_port))


@pytest.mark.django_db
def test_a_name_is_locked_out_at_its_address_after_five_failures_and_nowhere_else(
    client: Client,
) -> None:
    User.objects.create_user("alice", password="right")

    def sign_in(password: str, address: str) -> int:
        fields = {"username": "alice", "password": password}
        return client.post("/sign-in", fields, REMOTE_ADDR=address).status_code

    try:
        answers = [sign_in("wrong", "192.0.2.1") for _ in range(5)]
        assert answers[:4] == [200] * 4
        assert sign_in("right", "192.0.2.1") in (403, 429)
        assert sign_in("right", "192.0.2.2") == 302
    finally:
        reset()
