"""The user that the services run as when we are root, since PostgreSQL refuses root.

An ordinary user runs them as itself and nothing here does anything.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NAME = "fks-services"


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """None unless we are root. Makes the system user on first use, as the wheel's starter does.

    Raises OSError or subprocess.CalledProcessError when the user can't be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
        subprocess.run(command, check=True, capture_output=True)
        entry = pwd.getpwnam(NAME)
    return Account(NAME, entry.pw_uid, entry.pw_gid)


def give(folder: Path, account: Account | None) -> None:
    """Make the folder (for its owner only) and hand it and what it holds to the account."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is None:
        return
    open_the_way(folder, account)
    if folder.stat().st_uid == account.uid:
        return
    for path in [*folder.rglob("*"), folder]:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def open_the_way(path: Path, account: Account) -> None:
    """Let the account pass through the folders above `path`, which root may have closed to others.

    Passing (x) is all that is added, never listing (r), and it is said aloud, since /root may be
    among them.
    """
    for folder in path.absolute().parents:
        status = folder.stat()
        if status.st_uid == account.uid or status.st_mode & stat.S_IXOTH:
            continue
        folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
        print(
            f"{folder} can now be passed through by other users (chmod o+x): PostgreSQL, which "
            f"refuses root, runs as {account.name} and must reach {path}.",
            file=sys.stderr,
        )


def let_read(folders: Iterable[Path], account: Account) -> None:
    """Let the account read and run what an installation under a strict umask kept to root."""
    for folder in folders:
        open_the_way(folder, account)
        for path in [folder, *folder.rglob("*")]:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                continue
            runnable = stat.S_IXOTH if mode & stat.S_IXUSR else 0
            wanted = stat.S_IMODE(mode) | stat.S_IROTH | runnable
            if wanted != stat.S_IMODE(mode):
                path.chmod(wanted)
