"""Secrets that must be read again lie encrypted, under a pepper that can be replaced."""

from __future__ import annotations

import dataclasses

import pytest
from django.conf import settings

from bridge_ingest import sealing


def peppered(monkeypatch: pytest.MonkeyPatch, **peppers: str) -> None:
    numbered = {int(name[1:]): text for name, text in peppers.items()}
    monkeypatch.setattr(settings, "FKS", dataclasses.replace(settings.FKS, key_peppers=numbered))


def test_a_sealed_secret_opens_also_after_a_new_pepper_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peppered(monkeypatch, p1="a" * 40)
    sealed = sealing.seal(b"secret")
    assert b"secret" not in sealed.encode()
    peppered(monkeypatch, p1="a" * 40, p2="b" * 40)
    assert sealing.unseal(sealed) == b"secret"
    assert sealing.seal(b"secret").startswith("2:")


@pytest.mark.parametrize("peppers", [{"p2": "b" * 40}, {"p1": "c" * 40}])
def test_without_its_pepper_it_does_not_open(
    monkeypatch: pytest.MonkeyPatch, peppers: dict[str, str]
) -> None:
    peppered(monkeypatch, p1="a" * 40)
    sealed = sealing.seal(b"secret")
    peppered(monkeypatch, **peppers)
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed)


@pytest.mark.parametrize("text", ["", "1:", "x:y", "1:nonsense"])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(text)
