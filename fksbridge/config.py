"""Every setting of the bridge, read once from the environment: variable, type, default, meaning.

`docs/configuration.md` is printed from this module by `manage.py configuration --markdown`.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from fksbridge import secrets_store
from fksbridge.curve import curve_secret, new_curve_secret
from fksbridge.embedded import places
from fksbridge.reading import (
    folder,
    gateway_name,
    names,
    one_of,
    peppers,
    port,
    port_or_none,
    text,
    truth,
    url,
    whole_number,
)
from fksbridge.variables import Derived, Variable, setting

Environment = Literal["development", "demo", "production"]
Durability = Literal["process", "power"]
PROJECT = Path(__file__).resolve().parent.parent


class ConfigError(Exception):
    """The environment holds values that the bridge can't run with; the text names each of them."""


def _secret(name: str) -> Callable[[Mapping[str, Any]], str]:
    def make(before: Mapping[str, Any]) -> str:
        if before.get("env") == "production":
            raise ValueError("must be set in production")
        return secrets_store.remembered(before["data_dir"], name)

    return make


def _in_data(*parts: str) -> Derived:
    """A file of the development certificates, which `manage.py dev_ca` makes."""
    shown = f"`{'/'.join(parts)}` in the data folder, outside production"

    def follow(before: Mapping[str, Any]) -> Path | None:
        return None if before.get("env") == "production" else before["data_dir"].joinpath(*parts)

    return Derived(follow, shown)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The bridge's settings; `django.conf.settings.FKS` holds the one instance."""

    env: Environment = setting(
        "FKS_ENV",
        one_of("development", "demo", "production"),
        "development",
        "`production` refuses convenient defaults: secrets must be given, and machines without a "
        "key are turned away. `demo` shows a badge.",
    )
    data_dir: Path = setting(
        "FKS_DATA_DIR",
        folder,
        Derived(lambda _: PROJECT / ".fks", "`.fks` in the project's folder"),
        "Holds the embedded databases, logs, generated secrets and the supervisor's lock.",
    )
    database_url: str = setting(
        "DATABASE_URL",
        url("postgresql", "postgres"),
        Derived(lambda before: places.database_url(before["data_dir"]), "the embedded PostgreSQL"),
        "PostgreSQL 15 or newer. When set, the supervisor starts no PostgreSQL of its own.",
    )
    redis_url: str = setting(
        "REDIS_URL",
        url("redis", "rediss", "unix"),
        Derived(lambda before: places.redis_url(before["data_dir"]), "the embedded Redis"),
        "Redis 6.2 or newer, or Valkey, with its append-only file on. When set, the supervisor "
        "starts no Redis of its own.",
    )
    http_host: str = setting(
        "FKS_HTTP_HOST",
        text,
        "127.0.0.1",
        "Address on which people's pages are served. Put a TLS proxy in front before you open it.",
    )
    http_port: int = setting("FKS_HTTP_PORT", port, 8000, "Port of people's pages.")
    tcp_host: str = setting(
        "FKS_TCP_HOST", text, "127.0.0.1", "Address on which terminals connect over TCP."
    )
    tcp_port: int = setting("FKS_TCP_PORT", port, 8888, "Port of Bridge Protocol 1 over TCP.")
    gateway_http_host: str = setting(
        "FKS_GATEWAY_HTTP_HOST", text, "127.0.0.1", "Address of the machines' HTTP door."
    )
    gateway_http_port: int = setting(
        "FKS_GATEWAY_HTTP_PORT", port, 8001, "Port of the machines' HTTP door."
    )
    gateway_name: str = setting(
        "FKS_GATEWAY_NAME",
        gateway_name,
        "gateway",
        "What this gateway is called on the Health page. Each gateway beside the first needs a "
        "name of its own, such as `gateway.b`, and ports of its own.",
    )
    tls_host: str = setting(
        "FKS_TLS_HOST", text, "127.0.0.1", "Address on which terminals connect over TLS."
    )
    tls_port: int = setting(
        "FKS_TLS_PORT",
        port_or_none,
        8889,
        "Port of Bridge Protocol 1 over TLS; 0 closes this door.",
    )
    tls_certificate: Path | None = setting(
        "FKS_TLS_CERTIFICATE",
        folder,
        _in_data("tls", "server.pem"),
        "The server's certificate with its chain, PEM. It is read anew when the file changes and "
        "on SIGHUP. Without it the TLS door stays closed.",
    )
    tls_key: Path | None = setting(
        "FKS_TLS_KEY", folder, _in_data("tls", "server.key"), "The certificate's private key, PEM."
    )
    tls_client_ca: Path | None = setting(
        "FKS_TLS_CLIENT_CA",
        folder,
        _in_data("tls", "ca.pem"),
        "Authorities whose client certificates are believed, PEM. A client may be set to need one.",
    )
    zmq_host: str = setting(
        "FKS_ZMQ_HOST", text, "127.0.0.1", "Address of the ZeroMQ doors' ROUTER socket."
    )
    zmq_port: int = setting(
        "FKS_ZMQ_PORT", port_or_none, 5555, "Port of the ROUTER socket; 0 closes this door."
    )
    zmq_plain: bool = setting(
        "FKS_ZMQ_PLAIN",
        truth,
        False,
        "Whether the ROUTER socket goes without CURVE, for development with clients that lack it. "
        "Only on a loopback address, never in production.",
    )
    zmq_secret_key: str = setting(
        "FKS_ZMQ_SECRET_KEY",
        curve_secret,
        Derived(lambda _: "", "made when it is first needed, kept in the data folder"),
        "The CURVE secret key of the ROUTER socket, Z85 (40 characters). `manage.py zmq_key` "
        "prints the public key that terminals need.",
    )
    zmq_sub_port: int = setting(
        "FKS_ZMQ_SUB_PORT",
        port_or_none,
        5556,
        "Port of the SUB socket, on 127.0.0.1 only, that takes plain ticks of PUB sockets while "
        "FKS_PLAIN_LOOPBACK is on; 0 closes it.",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "FKS_ALLOWED_HOSTS",
        names,
        ("localhost", "127.0.0.1", "[::1]"),
        "Host names under which people's pages are asked for, separated by commas.",
    )
    trusted_proxies: int = setting(
        "FKS_TRUSTED_PROXIES",
        whole_number(0, 10),
        0,
        "How many proxies of yours stand in front. That many entries of X-Forwarded-For are "
        "believed, counted from the right.",
    )
    shards: int = setting(
        "FKS_SHARDS",
        whole_number(1, 64),
        2,
        "Into how many parts the instruments are spread; each part has a worker of its own.",
    )
    durability: Durability = setting(
        "FKS_DURABILITY",
        one_of("process", "power"),
        "process",
        "`process`: acknowledged data survives kill -9 of any process. `power`: it survives a loss "
        "of power too, at the price of an fsync for each commit. Governs the embedded Redis; an "
        "external one must be set to match.",
    )
    max_sessions: int = setting(
        "FKS_MAX_SESSIONS",
        whole_number(1, 100_000),
        5000,
        "Connections of terminals at once in one gateway; more are told `busy`.",
    )
    client_sessions: int = setting(
        "FKS_CLIENT_SESSIONS",
        whole_number(1, 100_000),
        100,
        "Sessions that one client may have at one gateway at once; one more is ended with `limit`.",
    )
    client_ticks_per_s: int = setting(
        "FKS_CLIENT_TICKS_PER_S",
        whole_number(0, 100_000_000),
        500_000,
        "Items a second that are read of one client at one gateway. It may burst for 2 s, then it "
        "is told `rate` and read no faster; nothing is dropped. `0` is no limit, here and below.",
    )
    client_messages_per_s: int = setting(
        "FKS_CLIENT_MESSAGES_PER_S",
        whole_number(0, 100_000_000),
        100_000,
        "Messages a second, in the same way.",
    )
    client_kib_per_s: int = setting(
        "FKS_CLIENT_KIB_PER_S",
        whole_number(0, 100_000_000),
        65_536,
        "KiB a second, in the same way.",
    )
    client_posts_per_s: int = setting(
        "FKS_CLIENT_POSTS_PER_S",
        whole_number(0, 1_000_000),
        5_000,
        "Posts a second (webhooks, `/api/data`) of one client at one gateway; one more is answered "
        "429 with the code `rate`.",
    )
    journal_limit_mb: int = setting(
        "FKS_JOURNAL_LIMIT_MB",
        whole_number(16, 65536),
        512,
        "MiB that Redis may hold before terminals are made to wait until workers have caught up.",
    )
    tick_retention_days: int = setting(
        "FKS_TICK_RETENTION_DAYS",
        whole_number(0, 36_500),
        0,
        "Whole days of ticks that are older than so many days are dropped; their bars stay. "
        "Replayed days count by their own date; imported history stays until it is undone. `0` "
        "keeps all for ever.",
    )
    deviation_retention_days: int = setting(
        "FKS_DEVIATION_RETENTION_DAYS",
        whole_number(0, 36_500),
        0,
        "Deviations by the second, and excursions that never became an alert, are forgotten after "
        "so many days. Alerts stay. `0` keeps all for ever.",
    )
    import_limit_mb: int = setting(
        "FKS_IMPORT_LIMIT_MB",
        whole_number(1, 65536),
        1024,
        "MiB that a file of history may have, unpacked. It lies in the data folder, which web and "
        "workers share, until it is imported.",
    )
    webhook_window_s: int = setting(
        "FKS_WEBHOOK_WINDOW_S",
        whole_number(0, 86_400),
        60,
        "For how many seconds the same webhook body counts as sent again, and is not stored twice. "
        "A client whose mapping names a key is told apart by that instead.",
    )
    webhook_kept: int = setting(
        "FKS_WEBHOOK_KEPT",
        whole_number(1, 100_000),
        1000,
        "How many refused webhook bodies are kept for each client, to be read and processed again. "
        "The oldest go first; the client's page says how many went.",
    )
    plain_loopback: bool = setting(
        "FKS_PLAIN_LOOPBACK",
        truth,
        Derived(lambda before: before.get("env") != "production", "`true` outside production"),
        "Whether a terminal on this machine may send plain ticks without a hello. Always off in "
        "production.",
    )
    secret_key: str = setting(
        "FKS_SECRET_KEY",
        text,
        Derived(_secret("secret_key"), "generated into the data folder; required in production"),
        "Signs sessions and forms. 32 characters or more.",
    )
    key_peppers: dict[int, str] = setting(
        "FKS_KEY_PEPPERS",
        peppers,
        Derived(
            lambda before: {1: _secret("key_pepper")(before)},
            "generated into the data folder; required in production",
        ),
        "`1:<secret>,2:<secret>`. API keys are hashed with the highest number, checked with any, "
        "so that a pepper can be replaced while old keys go on.",
    )

    @property
    def curve_secret_key(self) -> str:
        """The ROUTER socket's secret key. Not read with the rest: most processes never need it."""
        return self.zmq_secret_key or secrets_store.remembered(
            self.data_dir, "zmq_secret_key", new_curve_secret
        )

    @property
    def embedded_postgres(self) -> bool:
        return self.database_url == places.database_url(self.data_dir)

    @property
    def embedded_redis(self) -> bool:
        return self.redis_url == places.redis_url(self.data_dir)


def variables() -> list[tuple[str, Variable]]:
    """(attribute, variable) in the order in which they are read."""
    return [
        (field.name, cast(Variable, field.metadata["variable"]))
        for field in dataclasses.fields(Config)
    ]


def read_config(environ: Mapping[str, str]) -> Config:
    """Raises ConfigError naming every wrong variable at once."""
    values: dict[str, Any] = {}
    wrong = _misspelt(environ)
    for attribute, variable in variables():
        try:
            values[attribute] = variable.value(environ, values)
        except ValueError as error:
            wrong.append(f"{variable.name} {error}")
        except KeyError:
            continue  # follows from a setting that is itself wrong, and is reported there
    if not wrong:
        wrong = _contradictions(values)
    if wrong:
        raise ConfigError("; ".join(wrong))
    return Config(**values)


def _misspelt(environ: Mapping[str, str]) -> list[str]:
    """A name nearly like one of ours would be ignored, and nobody would know."""
    known = [variable.name for _, variable in variables()]
    wrong = []
    for name in sorted(environ):
        if name.startswith("FKS_") and name not in known:
            meant = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
            wrong += [f"{name} is not a setting; did you mean {each}" for each in meant]
    return wrong


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    wrong = []
    if len(values["secret_key"]) < 32:
        wrong.append("FKS_SECRET_KEY must have 32 characters or more")
    if values["env"] == "production" and values["plain_loopback"]:
        wrong.append("FKS_PLAIN_LOOPBACK can't be on in production")
    if values["zmq_plain"] and values["env"] == "production":
        wrong.append("FKS_ZMQ_PLAIN can't be on in production")
    if values["zmq_plain"] and values["zmq_host"] not in ("127.0.0.1", "::1", "localhost"):
        wrong.append("FKS_ZMQ_PLAIN needs FKS_ZMQ_HOST to be a loopback address")
    if bool(values["tls_certificate"]) != bool(values["tls_key"]):
        wrong.append("FKS_TLS_CERTIFICATE and FKS_TLS_KEY belong together")
    return wrong + _shared_ports(values)


def _shared_ports(values: Mapping[str, Any]) -> list[str]:
    users: dict[int, list[str]] = {}
    for attribute, variable in variables():
        if attribute.endswith("_port") and values[attribute]:
            users.setdefault(values[attribute], []).append(variable.name)
    return [f"{' and '.join(names)} must differ" for names in users.values() if len(names) > 1]
