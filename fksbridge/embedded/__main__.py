"""`python -m fksbridge.embedded exec [--power] [--scratch] -- COMMAND...`

Runs a command beside a PostgreSQL and a Redis of its own in a temporary folder, which DATABASE_URL,
REDIS_URL and FKS_DATA_DIR name, and ends with the command's exit code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from fksbridge.config import Durability
from fksbridge.embedded.service import ServiceError
from fksbridge.embedded.session import scratch_folder, services


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fksbridge.embedded")
    parser.add_argument("verb", choices=["exec"])
    parser.add_argument("--power", action="store_true", help="fsync on every Redis commit")
    parser.add_argument("--scratch", action="store_true", help="PostgreSQL without fsync")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    durability: Durability = "power" if given.power else "process"
    with (
        scratch_folder() as folder,
        services(folder, durability=durability, scratch=given.scratch) as addresses,
    ):
        done = subprocess.run(given.command, env=os.environ | addresses, check=False)
        return done.returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServiceError as error:
        sys.exit(str(error))
