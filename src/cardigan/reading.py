"""Files that somebody else may have written: of what kind they are, and how much is read."""

import os
import stat
from pathlib import Path

TEXT = 2**20
"""Bytes of a record or of a file of options."""
LOG = 2**28
"""Bytes of a log: some 500,000 lines."""


def content(path: Path, most: int) -> bytes:
    """The bytes of a file; a pipe is not waited for, and nothing endless is read.

    Raises:
        OSError: It cannot be read, is no regular file, or holds more than `most` bytes.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            raise OSError(f"no regular file of at most {most:,} bytes")
        return file.read()


def lines(path: Path) -> list[bytes]:
    """The lines of a log, ends included; none where there is none that can be read."""
    try:
        return content(path, LOG).splitlines(keepends=True)
    except OSError:
        return []
