"""The bridge's settings, pointed at services of the test run's own in a folder that goes with it.

Each worker of a run that is spread over several has a folder and services of its own.

Only addresses are decided here, before anything reads them; `tests/conftest.py` starts the
services. Processes started by a test inherit the environment, and with it the same services.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fksbridge.embedded import places

if os.environ.get("FKS_TEST_WORKER") != os.environ.get("PYTEST_XDIST_WORKER", ""):
    for name in [name for name in os.environ if name.startswith("FKS_")]:
        del os.environ[name]
    # A global, so that the folder is removed when the interpreter ends and not before.
    folder = tempfile.TemporaryDirectory(prefix="fks-", ignore_cleanup_errors=True)
    Path(folder.name).chmod(0o711)  # services pass through it as a user of their own
    os.environ["FKS_TEST_WORKER"] = os.environ.get("PYTEST_XDIST_WORKER", "")
    os.environ["FKS_TEST_FOLDER"] = os.environ["FKS_DATA_DIR"] = folder.name
    os.environ["DATABASE_URL"] = places.database_url(Path(folder.name))
    os.environ["REDIS_URL"] = places.redis_url(Path(folder.name))

from fksbridge.settings import *  # noqa: F403

# Hashing passwords slowly is for attackers; tests sign in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
