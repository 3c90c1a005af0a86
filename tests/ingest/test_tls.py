"""The TLS door: certificates, what is refused, and new certificates without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography import x509
from django.core.management import call_command

from bridge_ingest.certificates import DevelopmentCa
from bridge_ingest.gateway.tls import Files, TlsDoor, common_name
from bridge_ingest.models import Client, Session
from market import adopt
from tests.ingest.door import client_with_key, door, drain_all, tick
from tests.ingest.lines import StreamLine, authority, tls_door, trusting

stored = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clean(redis_client: redis.Redis) -> Iterator[None]:
    adopt.forget()
    yield
    adopt.forget()


async def line_to(port: int, context: ssl.SSLContext, name: str = "localhost") -> StreamLine:
    opened = asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    return StreamLine(*await opened)


def ca_in(folder: Path) -> DevelopmentCa:
    ca = DevelopmentCa(folder)
    ca.ensure()
    return ca


class Echo(asyncio.Protocol):
    """Stands for a session where only the handshake is of interest."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


def door_of(ca: DevelopmentCa) -> TlsDoor:
    files = Files(ca.server.certificate_path, ca.server.key_path, ca.authority.certificate_path)
    return TlsDoor(files, Echo)


def test_a_terminal_that_trusts_another_authority_does_not_connect(tmp_path: Path) -> None:
    ours, other = ca_in(tmp_path / "a"), ca_in(tmp_path / "b")

    async def connect() -> None:
        gate = door_of(ours)
        await gate.open("127.0.0.1", 0)
        try:
            with pytest.raises(ssl.SSLCertVerificationError):
                await line_to(gate.port, trusting(other))
            with pytest.raises(ssl.SSLCertVerificationError):
                await line_to(gate.port, trusting(ours), "elsewhere.example")
            await (await line_to(gate.port, trusting(ours), "127.0.0.1")).close()
        finally:
            gate.close()

    asyncio.run(connect())


def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path) -> None:
    assert door_of(ca_in(tmp_path))._files.context().minimum_version == ssl.TLSVersion.TLSv1_2


async def serial_at(port: int, ca: DevelopmentCa) -> int:
    line = await line_to(port, trusting(ca))
    shown = line._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    await line.close()
    return x509.load_der_x509_certificate(shown).serial_number


@pytest.mark.parametrize("how", ["the file changes", "a signal asks for it"])
def test_a_new_certificate_is_taken_up_and_open_connections_go_on(tmp_path: Path, how: str) -> None:
    ca = ca_in(tmp_path)

    async def change() -> None:
        gate, told = door_of(ca), asyncio.Event()
        await gate.open("127.0.0.1", 0)
        watching = asyncio.create_task(gate.watch(told))
        try:
            first = await serial_at(gate.port, ca)
            older = await line_to(gate.port, trusting(ca))
            ca.renew_server()
            if how == "a signal asks for it":
                told.set()
            async with asyncio.timeout(10):
                while await serial_at(gate.port, ca) == first:  # noqa: ASYNC110 - a file, no event
                    await asyncio.sleep(0.05)
            await older.send({"still": "here"})
            assert await older.read() == {"still": "here"}
            await older.close()
        finally:
            watching.cancel()
            gate.close()

    asyncio.run(change())


def test_a_certificate_that_cannot_be_used_is_told_and_the_old_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca = ca_in(tmp_path)

    async def spoil() -> None:
        gate = door_of(ca)
        await gate.open("127.0.0.1", 0)
        try:
            first = await serial_at(gate.port, ca)
            ca.server.certificate_path.write_text("nonsense")
            gate.reload()
            assert await serial_at(gate.port, ca) == first
        finally:
            gate.close()

    asyncio.run(spoil())
    assert "certificates_unusable" in caplog.text


@stored
@pytest.mark.parametrize(
    ("certificate", "answer"),
    [("A", "welcome"), ("", "tls_required"), ("B", "auth")],
)
def test_a_client_that_needs_a_certificate_must_show_one_of_its_name(
    certificate: str, answer: str
) -> None:
    client, key = client_with_key("A")
    Client.objects.filter(pk=client.pk).update(needs_certificate=True)

    async def talk() -> Any:
        async with door(), tls_door() as gate:
            line = await line_to(gate.port, trusting(authority(), certificate))
            told = await line.hello("A", key)
            await line.close()
            return told.get("code") or told["type"]

    assert asyncio.run(talk()) == answer
    drain_all()


def test_a_new_authority_of_client_certificates_is_taken_up_too(tmp_path: Path) -> None:
    ours, theirs = ca_in(tmp_path / "a"), ca_in(tmp_path / "b")
    believed = tmp_path / "believed.pem"
    believed.write_bytes(ours.authority.certificate_path.read_bytes())
    shown: list[str] = []

    class Named(Echo):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            shown.append(common_name(transport.get_extra_info("peercert")))
            super().connection_made(transport)

    def context(ca: DevelopmentCa) -> ssl.SSLContext:
        made = trusting(ours)
        pair = ca.client("ours" if ca is ours else "theirs")
        made.load_cert_chain(pair.certificate_path, pair.key_path)
        return made

    async def try_both(gate: TlsDoor) -> list[str]:
        before = len(shown)
        for ca in (ours, theirs):
            with contextlib.suppress(OSError):
                line = await line_to(gate.port, context(ca))
                await line.send({"who": "am I"})
                await line.read()
                await line.close()
        return shown[before:]

    async def change() -> list[list[str]]:
        gate = TlsDoor(Files(ours.server.certificate_path, ours.server.key_path, believed), Named)
        await gate.open("127.0.0.1", 0)
        try:
            first = await try_both(gate)
            believed.write_bytes(theirs.authority.certificate_path.read_bytes())
            gate.reload()
            return [first, await try_both(gate)]
        finally:
            gate.close()

    assert asyncio.run(change()) == [["ours"], ["theirs"]]


@stored
def test_over_plain_tcp_such_a_client_is_told_to_use_tls() -> None:
    client, key = client_with_key("A")
    Client.objects.filter(pk=client.pk).update(needs_certificate=True)

    async def talk() -> Any:
        async with door() as gate, gate.terminal() as terminal:
            return (await terminal.hello("A", key))["code"]

    assert asyncio.run(talk()) == "tls_required"
    drain_all()


@stored
def test_a_session_over_tls_is_shown_as_one() -> None:
    _, key = client_with_key("A")

    async def talk() -> None:
        async with door(), tls_door() as gate:
            line = await line_to(gate.port, trusting(authority()))
            await line.hello("A", key)
            await line.send(tick(1))
            await line.until("ack", seq=1)
            await line.close()

    asyncio.run(talk())
    drain_all()
    assert Session.objects.get().transport == "tls"


def test_the_command_makes_what_a_terminal_needs_and_renews_nothing_that_is_fresh(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ca = authority()
    before = ca.authority.certificate_path.read_bytes(), ca.server.certificate_path.read_bytes()
    call_command("dev_ca", "--client", "My broker")
    assert "client-My_broker.pem" in capsys.readouterr().out
    after = ca.authority.certificate_path.read_bytes(), ca.server.certificate_path.read_bytes()
    assert before == after
    trusting(ca, "My broker")
