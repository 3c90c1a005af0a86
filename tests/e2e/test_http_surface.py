"""All that docs/openapi.yaml allows, and much that it does not: no door answers with a 5xx."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.bridge import PROJECT, LiveBridge

DOCUMENT = PROJECT / "docs" / "openapi.yaml"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
"""Of each operation; `make fuzz` asks for more."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"


def document(token: str) -> dict[str, Any]:
    """The document, with a token that opens the webhook door."""
    read: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    (parameter,) = read["paths"]["/api/bridge/{token}"]["post"]["parameters"]
    parameter["schema"] = {"type": "string", "enum": [token]}
    return read


def asked(bridge: LiveBridge, file: Path, *more: str) -> str:
    """What schemathesis prints when nothing is found; fails with what it found else."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", str(file),
        "--url", f"http://127.0.0.1:{bridge.gateway_http_port}", "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
        "--mode", "all", "--seed", "7", "--no-shrink", "--warnings", "off", *more,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=file.parent, capture_output=True, text=True, timeout=1500, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + bridge.output()
    return done.stdout


@pytest.mark.parametrize("scopes", ["", "ingest,signals,read"], ids=["without a key", "with a key"])
def test_no_documented_door_answers_with_a_server_error(
    bridge: LiveBridge, tmp_path: Path, scopes: str
) -> None:
    token = bridge.issue_key("FUZZ-ALERTS", "tradingview", "webhook")
    file = tmp_path / "openapi.yaml"
    file.write_text(yaml.safe_dump(document(token)), "utf-8")
    key: list[str] = []
    if scopes:
        key = ["-H", f"Authorization: Bearer {bridge.issue_key('FUZZ', 'agent', scopes)}"]
    printed = asked(bridge, file, *key)
    assert "Tested: 9" in printed, printed[-3000:]


def test_the_document_names_every_door() -> None:
    from tradingview.urls import _endpoints

    paths = set(yaml.safe_load(DOCUMENT.read_text("utf-8"))["paths"])
    reading = {f"/api/v1/{each.pattern}" for each in _endpoints}
    assert paths == reading | {"/api/data", "/api/bridge/{token}", "/metrics"}
