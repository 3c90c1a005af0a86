"""The password that a client's alerts carry in their text, kept as a digest.

TradingView can't sign what it posts: a value in the body is all that it can prove itself with,
beside the address. Only an HMAC made with a numbered pepper is stored, as of API keys.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Secret:
    """What is known of a password. `pepper` is its number."""

    digest: str
    pepper: int

    @classmethod
    def of(cls, text: str) -> Secret:
        pepper = max(settings.FKS.key_peppers)
        return cls(_digest(text, pepper), pepper)

    def fits(self, text: str) -> bool:
        """In constant time. With a pepper that has been retired nothing fits."""
        if self.pepper not in settings.FKS.key_peppers:
            return False
        return hmac.compare_digest(_digest(text, self.pepper), self.digest)


def _digest(text: str, pepper: int) -> str:
    key = settings.FKS.key_peppers[pepper].encode()
    return hmac.new(key, f"webhook:{text}".encode(), hashlib.sha256).hexdigest()
