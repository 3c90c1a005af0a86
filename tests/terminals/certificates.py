"""Certificates for the TLS cases: an authority, a server's certificate by it, and a stranger's."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """A CA; `file` is its certificate in PEM."""

    name: x509.Name
    key: rsa.RSAPrivateKey
    file: Path

    def server(self, folder: Path, host: str = "127.0.0.1") -> ssl.SSLContext:
        """A server's side of TLS with a certificate for `host`, an address or a name."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        names = x509.SubjectAlternativeName([_general_name(host)])
        made = _certificate(_named(host), self.name, key, self.key, names, is_ca=False)
        path = folder / f"server-{host}.pem"
        path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def certificate(
        self, names: Sequence[x509.GeneralName] | x509.UnrecognizedExtension
    ) -> x509.Certificate:
        """For these names, or with these bytes where names should be."""
        extension = (
            names
            if isinstance(names, x509.UnrecognizedExtension)
            else x509.SubjectAlternativeName(names)
            if names
            else None
        )
        return _certificate(self.name, self.name, self.key, self.key, extension, is_ca=False)


def authority(folder: Path, name: str) -> Authority:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = _named(name)
    made = _certificate(subject, subject, key, key, None, is_ca=True)
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return Authority(subject, key, path)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    signing_key: rsa.RSAPrivateKey,
    names: x509.SubjectAlternativeName | x509.UnrecognizedExtension | None,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=2))
    limits = x509.BasicConstraints(ca=is_ca, path_length=None)
    builder = builder.add_extension(limits, critical=True)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
