"""A whole bridge on this machine: storage, preparation, processes, simulators, and what to tell."""

from __future__ import annotations

import asyncio
import http.client
import json
from dataclasses import dataclass
from http import HTTPStatus

from fksbridge.config import Config
from fksbridge.supervisor import plan
from fksbridge.supervisor.supervisor import Supervisor

WELL_WITHIN_S = 60.0


@dataclass
class Bridge:
    """The supervisor's work. `sign_in` waits to be told: the caller tells it if the start fails."""

    config: Config
    demo: bool
    sign_in: str = ""

    async def start(self, supervisor: Supervisor) -> None:
        for tier in plan.storage(self.config):
            await supervisor.start(tier)
        await self._prepare(supervisor)
        for tier in plan.bridge(self.config):
            await supervisor.start(tier)
        await self._until_well(supervisor)
        for tier in plan.simulators(self.config) if self.demo else []:
            await supervisor.start(tier)
        supervisor.console.say(self._welcome())
        self.sign_in = ""

    async def _prepare(self, supervisor: Supervisor) -> None:
        prepared = json.loads(await supervisor.run_once("prepare", plan.PREPARE))
        if prepared["password"]:
            self.sign_in = (
                f"Sign in as {prepared['operator']} with the password {prepared['password']}\n"
                "  (made now, shown once; `manage.py changepassword operator` sets another)."
            )
        if self.demo:
            await supervisor.run_once("demo_setup", plan.DEMO_SETUP)

    async def _until_well(self, supervisor: Supervisor) -> None:
        """Until /healthz says so. What is still ailing after a minute is told once, not fatal."""
        told = False
        began = asyncio.get_running_loop().time()
        while ailing := await asyncio.to_thread(self._ailing):
            if not told and asyncio.get_running_loop().time() - began > WELL_WITHIN_S:
                supervisor.console.say(f"Not up after {WELL_WITHIN_S:.0f} s: {ailing}")
                told = True
            await asyncio.sleep(0.2)

    def _ailing(self) -> str:
        """Which parts are not well, or "" when all are."""
        host = self.config.allowed_hosts[0].lstrip("*.") or "localhost"
        listening = anywhere_is_here(self.config.http_host), self.config.http_port
        connection = http.client.HTTPConnection(*listening, timeout=3)
        try:
            connection.request("GET", "/healthz", headers={"Host": host})
            answer = connection.getresponse()
            return "" if answer.status == HTTPStatus.OK else _parts(answer.read())
        except (OSError, http.client.HTTPException) as error:
            return f"web: {error}"
        finally:
            connection.close()

    def _address(self) -> str:
        host = anywhere_is_here(self.config.http_host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.config.http_port}"

    def _welcome(self) -> str:
        config = self.config
        doors = (
            f"Terminals connect to {config.tcp_host}:{config.tcp_port} (TCP)"
            f"{_more_doors(config)} or "
            f"http://{config.gateway_http_host}:{config.gateway_http_port}/api/data (HTTP)."
        )
        lines = [f"FKS Bridge is up: {self._address()}", self.sign_in, doors]
        if self.demo:
            lines += WHAT_TO_LOOK_AT
        lines += [f"Durability: {config.durability}. Data and logs: {config.data_dir}."]
        return "\n".join(filter(None, [*lines, "Ctrl-C stops everything."]))


def _more_doors(config: Config) -> str:
    doors = ""
    if config.tls_port and config.tls_certificate:
        doors += f", {config.tls_host}:{config.tls_port} (TLS)"
    if config.zmq_port:
        doors += f", {config.zmq_host}:{config.zmq_port} (ZeroMQ)"
    return doors


WHAT_TO_LOOK_AT = [
    "Five simulated terminals are sending: two MetaTrader 5, a MetaTrader 4, a NinjaTrader and a",
    "TradingView. Now and then one goes wrong (price off, clock off, mute, crossed quotes, gap):",
    "  Overview shows which feed disagrees with the others, and by how much;",
    "  Alerts says what is wrong, since when, and takes your acknowledgement;",
    "  Clients shows whether each terminal delivers everything that it produced;",
    "  Signals sends one to a chart and shows its way there; one that may be executed becomes a",
    "  position in the account on the client's page.",
]


def anywhere_is_here(host: str) -> str:
    """The address at which this machine reaches what listens on all of its addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound


def _parts(body: bytes) -> str:
    try:
        parts = json.loads(body)["parts"]
    except (ValueError, KeyError):
        return "web answers with an error"
    return ", ".join(f"{name} {why}" for name, why in parts.items() if why != "ok")
