from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fksbridge.embedded.account import Account, give, let_read, open_the_way, service_account

STRANGER = Account("stranger", uid=54321, gid=54321)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """home/project/.fks, where home lets nobody else in, as /root does."""
    inner = tmp_path / "home" / "project" / ".fks"
    inner.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    return inner


def test_a_closed_folder_on_the_way_can_be_passed_but_not_listed(
    closed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = closed.parents[1]
    open_the_way(closed, STRANGER)
    assert mode(home) == 0o701
    assert f"{home} can now be passed through by other users" in capsys.readouterr().err


def test_what_is_open_already_is_left_alone_and_not_talked_about(
    closed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_the_way(closed, STRANGER)
    capsys.readouterr()
    open_the_way(closed, STRANGER)
    assert capsys.readouterr().err == ""


def test_the_folder_itself_stays_closed_to_others(closed: Path) -> None:
    closed.chmod(0o700)
    open_the_way(closed, STRANGER)
    assert mode(closed) == 0o700


def test_an_installation_under_a_strict_umask_can_be_read_and_run(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o700)
    program, library, link = folder / "postgres", folder / "libpq.so", folder / "latest"
    program.touch(mode=0o700)
    library.touch(mode=0o600)
    link.symlink_to("/nowhere")
    let_read([folder], STRANGER)
    assert (mode(folder), mode(program), mode(library)) == (0o705, 0o705, 0o604)


def test_a_data_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "redis"
    give(folder, service_account())
    assert mode(folder) == 0o700
    assert folder.stat().st_uid == (account.uid if (account := service_account()) else os.geteuid())


def test_data_that_another_user_made_is_taken_over_whole(tmp_path: Path) -> None:
    """A bridge that ran as a person before root starts it."""
    folder = tmp_path / "postgres"
    (folder / "base").mkdir(parents=True)
    (folder / "base" / "1").touch()
    account = service_account()
    give(folder, account)
    owners = {path.stat().st_uid for path in (folder, folder / "base", folder / "base" / "1")}
    assert owners == {account.uid if account else os.geteuid()}
