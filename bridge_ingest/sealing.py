"""Secrets that must be read again (a pepper's HMAC can't be): encrypted where they lie.

The key of the cipher follows from the numbered pepper, which lies outside the database. The stored
text begins with the pepper's number, so that a pepper can be replaced while old secrets go on.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"fksbridge signing secret"


class Unreadable(Exception):
    """The pepper is retired, or the text was changed: the secret must be issued anew."""


def seal(secret: bytes) -> str:
    pepper = max(settings.FKS.key_peppers)
    return f"{pepper}:{_cipher(pepper).encrypt(secret).decode()}"


def unseal(text: str) -> bytes:
    """Raises Unreadable."""
    number, _, token = text.partition(":")
    if not number.isdigit() or int(number) not in settings.FKS.key_peppers:
        raise Unreadable("The signing secret was sealed with a pepper that has been retired.")
    try:
        return _cipher(int(number)).decrypt(token.encode())
    except InvalidToken:
        raise Unreadable("The signing secret can't be read with this pepper.") from None


def _cipher(pepper: int) -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    key = derive.derive(settings.FKS.key_peppers[pepper].encode())
    return Fernet(base64.urlsafe_b64encode(key))
