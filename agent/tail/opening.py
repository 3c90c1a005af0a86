"""Opening a file that somebody else writes and may rename or delete meanwhile.

Elsewhere that is how files are. On Windows a file can't be renamed while a program has it open that
did not allow it, and Python's own `open` never does: a terminal's rotation would fail because of
us. CreateFileW's page in Microsoft's documentation, FILE_SHARE_DELETE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

_GENERIC_READ = 0x8000_0000
_SHARE_READ_WRITE_DELETE = 7
_OPEN_EXISTING = 3
_ATTRIBUTE_NORMAL = 0x80


def open_shared(path: Path) -> BinaryIO:
    """For reading. Raises OSError."""
    return open(str(path), "rb", opener=_opener)


if sys.platform == "win32":
    import ctypes
    import msvcrt

    def _opener(path: str, flags: int) -> int:
        create = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
        create.restype = ctypes.c_void_p
        handle = create(
            path,
            ctypes.c_uint32(_GENERIC_READ),
            _SHARE_READ_WRITE_DELETE,
            None,
            _OPEN_EXISTING,
            _ATTRIBUTE_NORMAL,
            None,
        )
        if handle is None or handle == ctypes.c_void_p(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, flags)

else:
    _opener = os.open
