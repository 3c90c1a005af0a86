"""A certificate authority for development: one command, and TLS works on this machine.

P-256 keys: every TLS stack of a trading platform knows them. A client's certificate carries the
client's name as its common name. Nothing here is meant for production.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LASTS = timedelta(days=3650)
LEAF_LASTS = timedelta(days=397)
RENEWED_BEFORE = timedelta(days=30)
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, and where they lie."""

    certificate_path: Path
    key_path: Path

    @property
    def is_fresh(self) -> bool:
        if not (self.certificate_path.exists() and self.key_path.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        return certificate.not_valid_after_utc - RENEWED_BEFORE > datetime.now(UTC)

    def read(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        key = serialization.load_pem_private_key(self.key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key_path} is no key of this authority")
        return certificate, key

    def write(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        """Key first: who reloads when the certificate changes then finds both."""
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _put(self.key_path, private, 0o600)
        _put(self.certificate_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


class DevelopmentCa:
    """The authority in a folder, made on first use; `ca.pem` is what terminals must trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = self._pair("ca")
        self.server = self._pair("server")

    def ensure(self, names: tuple[str, ...] = ()) -> None:
        """The authority and a server certificate for this machine (and `names`), if not fresh."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.authority.is_fresh:
            self._make_authority()
        if names or not self.server.is_fresh:
            self.renew_server(names)

    def renew_server(self, names: tuple[str, ...] = ()) -> None:
        known = [_general(name) for name in dict.fromkeys((*_HERE, socket.gethostname(), *names))]
        self._make_leaf(self.server, "FKS Bridge", known, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, name: str) -> Pair:
        """A new certificate for the client `name`."""
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
        pair = self._pair(f"client-{stem}")
        self._make_leaf(pair, name, [], ExtendedKeyUsageOID.CLIENT_AUTH)
        return pair

    def _pair(self, stem: str) -> Pair:
        return Pair(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")

    def _make_authority(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("FKS Bridge development CA")
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            _builder(name, name, key, CA_LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        self.authority.write(builder.sign(key, hashes.SHA256()), key)
        self.server.certificate_path.unlink(missing_ok=True)  # one of another authority

    def _make_leaf(
        self,
        pair: Pair,
        common_name: str,
        names: list[x509.GeneralName],
        usage: x509.ObjectIdentifier,
    ) -> None:
        authority, authority_key = self.authority.read()
        key = ec.generate_private_key(ec.SECP256R1())
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        builder = (
            _builder(_name(common_name), authority.subject, key, LEAF_LASTS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(signer, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        pair.write(builder.sign(authority_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _put(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all: a listener may be reading it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_bytes(content)
    draft.replace(path)
