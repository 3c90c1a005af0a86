"""History through the whole bridge: a file on the page, one by command, and one that grows."""

from __future__ import annotations

import http.cookiejar
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import PROJECT, SHARED_DATA, LiveBridge, wait_for

EXPORTS = SHARED_DATA / "platform_exports"


class Browser:
    """Signed in as an operator; speaks plain HTTP as a page without scripts would."""

    def __init__(self, bridge: LiveBridge, name: str) -> None:
        self.base = f"http://127.0.0.1:{bridge.http_port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)
        made = bridge.manage("create_operator", name, "--role", "operator", "--random")
        form = self.token("/sign-in") | {"username": name, "password": made["password"]}
        self.post("/sign-in", form)

    def get(self, path: str) -> str:
        with self._opener.open(f"{self.base}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def token(self, path: str) -> dict[str, str]:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert found is not None
        return {"csrfmiddlewaretoken": found[1]}

    def post(self, path: str, form: dict[str, str], file: Path | None = None) -> tuple[str, str]:
        """The address where it ends, and what stands there."""
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.items()
        ]
        body = "".join(parts).encode()
        if file is not None:
            head = f'Content-Disposition: form-data; name="file"; filename="{file.name}"'
            body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + file.read_bytes() + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        url = f"{self.base}{path}"
        request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310  (loopback)
        request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
        request.add_header("Referer", f"{self.base}{path}")
        with self._opener.open(request, timeout=30) as answer:
            return urllib.parse.urlparse(answer.url).path, str(answer.read().decode())


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="shared data is not here")
def test_an_uploaded_file_is_imported_by_a_worker_shown_and_undone(bridge: LiveBridge) -> None:
    bridge.issue_key("MT4-HISTORY", "mt4")
    browser = Browser(bridge, "history-operator")
    csrf = browser.token("/imports/upload")
    _, html = browser.post("/imports/upload", csrf, EXPORTS / "mt4_EURUSD1_2022.csv.gz")
    said = {
        "client": _between(html, '<option value="', '">MT4-HISTORY<'),
        "token": _between(html, 'name="token" value="', '"'),
        "symbol": "EURUSD.h",
        "zone": "NY+7",
        "stamp": "open",
        "period": "M1",
    }
    where, _ = browser.post("/imports/begin", csrf | said)
    wait_for(lambda: "34\u202f342" in browser.get(where), 30, "the import to be done")
    window = ("--from", "2022-08-15", "--to", "2022-08-16", "--feed", "MT4-HISTORY")
    bars = bridge.manage("bars", "EURUSD.h", "--period", "M1", *window)
    assert bars[0]["start"] == "2022-08-15T07:06:00+00:00"
    browser.post(f"{where}/undo", csrf)
    wait_for(lambda: ">undone<" in browser.get(where), 30, "the import to be undone")
    assert bridge.manage("bars", "EURUSD.h", "--period", "M1", *window) == []


def _between(text: str, before: str, after: str) -> str:
    end = text.index(after, text.index(before) + len(before))
    start = text.rindex(before, 0, end + 1) + len(before)
    return text[start:end]


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="shared data is not here")
def test_a_file_is_imported_by_command_and_undone_by_its_number(bridge: LiveBridge) -> None:
    bridge.issue_key("NT-HISTORY", "ninjatrader")
    file = EXPORTS / "ninjatrader_SPY_minute_201103.txt.gz"
    words = ("import_history", str(file), "--client", "NT-HISTORY", "--symbol", "SPY")
    done = bridge.manage(*words)
    assert (done["state"], done["stored"], done["refused"]) == ("done", 17_577, 0)
    assert (done["stamp"], done["zone"]) == ("close", "UTC")
    with pytest.raises(AssertionError, match=r"Not imported"):
        bridge.manage(*words)
    undone = bridge.manage("import_history", "--undo", str(done["id"]))
    assert undone["state"] == "undone"
    assert bridge.manage(*words)["stored"] == 17_577


def tail(bridge: LiveBridge, file: Path, key: str) -> dict[str, Any]:
    """Follow the file to its end."""
    words = ["--client", "NT-TAIL", "--key", key, "--symbol", "ES 12-26", "--once"]
    done = subprocess.run(
        [sys.executable, "-m", "agent", "tail", str(file), *words, "--port", str(bridge.tcp_port)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, Any] = json.loads(done.stdout)
    return counts


def test_a_growing_file_is_stored_once_over_a_stop_and_a_rotation(
    bridge: LiveBridge, tmp_path: Path
) -> None:
    key = bridge.issue_key("NT-TAIL", "ninjatrader")
    file = tmp_path / "ES.csv"
    header = "time_utc,bid,ask,last,volume\n"
    rows = [f"2026-03-04T12:00:00.{n:03d}Z,{6000 + n},{6001 + n},,\n" for n in range(900)]
    file.write_text(header + "".join(rows[:300]))
    assert tail(bridge, file, key)["rows"] == 300
    with file.open("a") as out:
        out.writelines(rows[300:500])
    file.rename(tmp_path / "ES.csv.1")
    file.write_text(header + "".join(rows[500:]))
    counts = tail(bridge, file, key)
    assert (counts["rows"], counts["lost_place"], counts["bad_lines"]) == (600, False, 0)
    bridge.wait_for_stats("NT-TAIL", produced=900, stored=900, lost=0, refused=0, duplicates=0)
