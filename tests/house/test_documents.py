from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def asked_for(file: str) -> list[str]:
    """Package names of a requirements .in file, as they are written there, without extras."""
    lines = (PROJECT / file).read_text("utf-8").splitlines()
    names = [re.match(r"[a-z0-9-]+", line) for line in lines]
    return [name[0] for name in names if name and not name[0].startswith("-")]


def justified() -> list[str]:
    page = (PROJECT / "docs" / "dependencies.md").read_text("utf-8")
    return re.findall(r"^\| `([a-z0-9-]+)` \| .+ \|$", page, re.MULTILINE)


def test_each_dependency_has_its_reason_and_each_reason_its_dependency() -> None:
    assert justified() == asked_for("requirements.in") + asked_for("requirements-dev.in")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_and_name_no_address(file: str) -> None:
    text = (PROJECT / file).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.match(r"[a-z0-9_.-]+==[0-9][^ ]* +# via ", line) for line in lines)
    assert not re.search(r"://|^-|file:/", text, re.MULTILINE)


@pytest.mark.parametrize("file", ["requirements.in", "requirements-dev.in"])
def test_what_is_asked_for_is_sorted(file: str) -> None:
    assert asked_for(file) == sorted(asked_for(file))


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_goal_of_the_makefile_says_what_it_does() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    goals = " ".join(re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)).split()
    assert len(goals) > 10
    for goal in goals:
        assert re.search(rf"^{goal}:.*## .+", makefile, re.MULTILINE), goal
