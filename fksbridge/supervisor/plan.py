"""Which processes make a bridge, in the order in which they start; they stop in the reverse."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from fksbridge.config import PROJECT, Config
from fksbridge.embedded.postgres import postgres
from fksbridge.embedded.redis import redis_server
from fksbridge.embedded.service import GIVES_WAY, Service

MANAGE = [sys.executable, str(PROJECT / "manage.py")]
PREPARE = [*MANAGE, "prepare", "--json"]
DEMO_SETUP = [*MANAGE, "demo_setup"]
# Children run in the project's folder, whatever folder the supervisor was started from.
PYTHON = {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Tier:
    """Services that start together, and together get this long to stop before they are killed."""

    services: list[Service]
    stop_within_s: float


def storage(config: Config) -> list[Tier]:
    """The embedded services; none of those that the operator runs elsewhere."""
    tiers = []
    if config.embedded_postgres:
        tiers.append(Tier([postgres(config.data_dir)], stop_within_s=4.0))
    if config.embedded_redis:
        tiers.append(Tier([redis_server(config.data_dir, config.durability)], stop_within_s=0.6))
    return tiers


def bridge(config: Config) -> list[Tier]:
    """What makes the bridge once its storage is there and prepared."""
    shards = [_worker(f"shard.{number}", "--pool=solo") for number in range(config.shards)]
    strategies = _worker("strategies", "--pool=solo", niceness=0)
    others = _worker("default", "--pool=prefork", "--concurrency=2")
    doors = [_web(config), _python("gateway", *MANAGE, "gateway")]
    return [
        # Together, since none needs another to stop in order, and Celery takes its time.
        Tier([*doors, *shards, strategies, others], stop_within_s=1.6),
        Tier([_celery("beat", "beat")], stop_within_s=0.3),
    ]


def simulators(config: Config) -> list[Tier]:
    """The demonstration's terminals, which speak the real protocol over the real ports."""
    command = [sys.executable, "-m", "agent", "simulate", "--demo", str(demo_file(config))]
    return [Tier([_python("terminals", *command)], stop_within_s=0.6)]


def demo_file(config: Config) -> Path:
    """Where `manage.py demo_setup` writes the simulated terminals' keys and ports."""
    return config.data_dir / "demo.json"


def _python(name: str, *command: str, niceness: int = 0) -> Service:
    return Service(name=name, command=list(command), environ=PYTHON, niceness=niceness)


def _web(config: Config) -> Service:
    listen = ["--bind", config.http_host, "--port", str(config.http_port), "--verbosity", "0"]
    return _python("web", sys.executable, "-m", "daphne", *listen, "fksbridge.asgi:application")


def _celery(name: str, *arguments: str, niceness: int = GIVES_WAY) -> Service:
    application = [sys.executable, "-m", "celery", "--app", "fksbridge", "--quiet"]
    words = [*application, *arguments, "--loglevel", "WARNING"]
    return _python(name, *words, niceness=niceness)


def _worker(queue: str, *pool: str, niceness: int = GIVES_WAY) -> Service:
    name = f"worker.{queue.removeprefix('shard.')}"
    return _celery(
        name,
        "worker",
        f"--queues={queue}",
        f"--hostname={name}@%h",
        *pool,
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        niceness=niceness,
    )
