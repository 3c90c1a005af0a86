"""The TCP transport's TLS side: a bridge whose certificate is not trusted gets no key."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent import Client, Identity, LinkError, TcpEndpoint
from tests.agent.fake_bridge import FakeBridge


def certificate(folder: Path, name: str) -> Path:
    """A certificate for 127.0.0.1 signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@asynccontextmanager
async def listening_with(path: Path) -> AsyncIterator[FakeBridge]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    bridge = FakeBridge()
    await bridge.start(tls=context)
    try:
        yield bridge
    finally:
        await bridge.stop()


def endpoint(port: int, trusted: Path, server_name: str | None = None) -> TcpEndpoint:
    context = ssl.create_default_context(cafile=trusted)
    return TcpEndpoint("127.0.0.1", port, context, server_name)


async def test_a_trusted_bridge_is_spoken_to_over_tls(tmp_path: Path) -> None:
    path = certificate(tmp_path, "bridge")
    async with listening_with(path) as bridge:
        async with Client(endpoint(bridge.port, path), Identity("ICM-LIVE", "key")) as client:
            for number in range(500):
                client.tick("EURUSD", 1.1, 1.2, 1_700_000_000_000 + number)
            await client.all_acked(patience_s=5)
        assert list(bridge.stream.items) == list(range(1, 501))


@pytest.mark.parametrize(("trusted", "name"), [("other", None), ("bridge", "elsewhere.example")])
async def test_a_stranger_and_a_wrong_name_are_refused(
    tmp_path: Path, trusted: str, name: str | None
) -> None:
    served = certificate(tmp_path, "bridge")
    path = served if trusted == "bridge" else certificate(tmp_path, trusted)
    async with listening_with(served) as bridge:
        with pytest.raises(LinkError, match=r"(?i)certificate.verify.failed"):
            await endpoint(bridge.port, path, name).connect()
        assert bridge.connected == 0


async def test_a_port_where_nobody_listens_is_named(free_port: int) -> None:
    with pytest.raises(LinkError, match=f"no bridge at 127.0.0.1:{free_port}"):
        await TcpEndpoint("127.0.0.1", free_port).connect()
