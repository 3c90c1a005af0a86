"""Where the embedded services keep data and sockets; every process derives the same answer."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from urllib.parse import quote

DATABASE = "fksbridge"
SUPERUSER = "postgres"
# sun_path holds 108 bytes with its NUL (unix(7)); the longest name below is ".s.PGSQL.5432.lock".
LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432.lock")


def postgres_data(data_dir: Path) -> Path:
    return data_dir / "postgres"


def redis_data(data_dir: Path) -> Path:
    return data_dir / "redis"


def sockets(data_dir: Path) -> Path:
    """A folder for Unix sockets: in the data folder, or the temporary one if that is too long."""
    inside = data_dir / "run"
    if len(bytes(inside)) <= LONGEST_SOCKET_FOLDER:
        return inside
    digest = hashlib.sha256(bytes(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"fks-{digest}"


def redis_socket(data_dir: Path) -> Path:
    return sockets(data_dir) / "redis.sock"


def database_url(data_dir: Path, database: str = DATABASE) -> str:
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets(data_dir)), safe='')}"


def redis_url(data_dir: Path) -> str:
    return f"unix://{redis_socket(data_dir)}?db=0"
