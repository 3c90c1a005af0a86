"""Become a program that can't outlive its parent: `leash.py PARENT SIGNAL UID GID NICE COMMAND...`.

A script of its own, without imports of ours, because these steps belong between fork and exec,
where a process with threads can't safely run Python. Their order matters: the kernel forgets the
death signal when credentials change (prctl(2), PR_SET_PDEATHSIG). UID -1 keeps the user.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid, niceness = (int(text) for text in arguments[:5])
    command = arguments[5:]
    os.nice(niceness)
    if uid != -1:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
