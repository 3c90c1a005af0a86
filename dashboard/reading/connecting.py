"""How to connect each kind of terminal: the settings to paste, and a line that proves it works."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

from bridge_ingest.models import Client, Platform

KEY_PLACEHOLDER = "fks_…"
_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, nothing is bound


@dataclass(frozen=True)
class Guide:
    """Steps in words, settings by name, and a text to paste as it is."""

    steps: list[str]
    settings: dict[str, str]
    snippet: str = ""
    snippet_label: str = ""
    notes: list[str] = field(default_factory=list)


def guide(client: Client, request: HttpRequest, key: str = KEY_PLACEHOLDER) -> Guide:
    """What the operator tells this client's terminal. `key` is a full key only when just issued."""
    if client.platform == Platform.TRADINGVIEW:
        return _webhook(request, key)
    return {
        Platform.MT5: _metatrader5,
        Platform.MT4: _metatrader4,
        Platform.NINJATRADER: _ninjatrader,
        Platform.AGENT: _agent,
    }[Platform(client.platform)](client, _socket_settings(client, request, key))


def _socket_settings(client: Client, request: HttpRequest, key: str) -> dict[str, str]:
    host = _reachable(settings.FKS.tcp_host, request)
    return {"Host": host, "Port": str(settings.FKS.tcp_port), "Client": client.name, "Key": key}


def _metatrader5(client: Client, given: dict[str, str]) -> Guide:
    return Guide(
        [
            "Copy mql5 into the folder MQL5 (File, Open Data Folder) and compile FKSBridgeEA.",
            f"Open Tools, Options, Expert Advisors; allow connections to {given['Host']}.",
            "Put FKSBridgeEA on one chart and give it these settings.",
            "Turn Algo Trading on. A session appears on this page within seconds.",
        ],
        given,
        _hello(client, given),
        "The advisor's first line, for a test by hand",
    )


def _metatrader4(client: Client, given: dict[str, str]) -> Guide:
    return Guide(
        [
            "Copy program and DLL as docs/terminals/metatrader4.md says; compile FKSBridge.",
            "MetaTrader 4 has no sockets of its own: its agent runs on the same machine.",
            f'Set FKS_AGENT_KEY to the key; start python -m agent shm --client "{client.name}".',
            "Put FKSBridge on a chart; on the page Common tick Allow DLL imports.",
        ],
        given,
        _hello(client, given),
        "The agent's first line, for a test by hand",
    )


def _ninjatrader(client: Client, given: dict[str, str]) -> Guide:
    return Guide(
        [
            "Copy the files of ninjatrader as docs/terminals/ninjatrader.md says; compile with F5.",
            "Fill these settings into FKSBridge.ini, whose place the NinjaScript Output names.",
            "Add the indicator FKSBridge to one chart for each instrument.",
        ],
        given,
        _hello(client, given),
        "The indicator's first line, for a test by hand",
    )


def _agent(client: Client, given: dict[str, str]) -> Guide:
    return Guide(
        ["Any program can speak to the bridge: one JSON object a line over TCP, or HTTP."],
        given,
        _hello(client, given),
        "The first line on the connection",
    )


def _webhook(request: HttpRequest, key: str) -> Guide:
    host = _reachable(settings.FKS.gateway_http_host, request)
    address = f"http://{host}:{settings.FKS.gateway_http_port}/api/bridge/{key}"
    body = {
        "symbol": "{{ticker}}",
        "exchange": "{{exchange}}",
        "time": "{{time}}",
        "open": "{{open}}",
        "high": "{{high}}",
        "low": "{{low}}",
        "close": "{{close}}",
        "volume": "{{volume}}",
        "period": "{{interval}}",
    }
    return Guide(
        [
            "In TradingView open the alert, then Notifications, and turn Webhook URL on.",
            "Paste the address below, and the message into the alert's message field.",
        ],
        {"Webhook URL": address},
        _unquoted(body),
        "The alert's message",
        ["TradingView reaches public addresses only, on ports 80 and 443: use a TLS proxy."],
    )


def _unquoted(body: dict[str, str]) -> str:
    """TradingView puts figures in place of its names, so those stand without quotes."""
    words = ("symbol", "exchange", "time", "period")
    lines = [
        f'  "{name}": "{value}"' if name in words else f'  "{name}": {value}'
        for name, value in body.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def _hello(client: Client, given: dict[str, str]) -> str:
    return json.dumps(
        {
            "type": "hello",
            "protocol": 1,
            "client": client.name,
            "key": given["Key"],
            "platform": client.platform,
            "stream": "test-1",
        },
        ensure_ascii=False,
    )


def _reachable(bound: str, request: HttpRequest) -> str:
    """A door on all addresses is reached by the name under which this page was asked for."""
    if bound not in _EVERYWHERE:
        return bound
    host = request.get_host()
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host
