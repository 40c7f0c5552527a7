"""Files that survive a kill, a power cut and a full disk: written apart, synced, then renamed.

A rename is the one step that a reader sees, so whatever is found under its final name is whole.
"""

import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError, printable

SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ADVICE = dict.fromkeys(SPACE, "make room") | dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "choose a folder that may be written to"
)
ADVICE |= dict.fromkeys(
    (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG), "choose another name"
)
LOCK = ".lock"  # in a run's folder
LOCKLESS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # some network file systems


class StorageError(UserError):
    """The disk refused to write. What was there before is as it was."""


def tell(line: str) -> None:
    """Says one line to whoever watches, beside the program's output."""
    print(f"cardigan: {printable(line, longest=4000)}", file=sys.stderr, flush=True)


@contextmanager
def folder(path: Path, needed: int) -> Iterator[Path]:
    """A temporary folder that becomes `path` if the block ends well, and else leaves no trace.

    Arguments:
        path: Must not exist when the block ends.
        needed: The bytes that the block will `write`.

    Raises:
        StorageError: If the disk refuses, or is known beforehand to have too little room.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with _told(path, needed):
        make(path.parent)
        clear(path.parent)
        if shutil.disk_usage(path.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        try:
            os.mkdir(temporary)
            yield temporary
            sync(temporary)  # the names of the files, as each file's sync covers its bytes alone
            rename(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def replace(path: Path, data: bytes) -> None:
    """Puts a file in the place of another: a reader sees the old bytes or the new ones.

    Folders above it that are missing are made.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with _told(path, len(data)):
        make(path.parent)
        try:
            write(temporary, data)
            os.replace(temporary, path)
            sync(path.parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise


def check(path: Path) -> None:
    """Finds out before long work, as far as can be, whether its result can be written to a file.

    Raises:
        UserError: It cannot.
    """
    with _told(path, 0):
        try:
            os.lstat(path)
        except FileNotFoundError:
            pass
        except ValueError:  # a NUL
            raise UserError(f"expected the name of a file, got {str(path)!r}") from None
        if os.path.isdir(path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        above = next(folder for folder in path.absolute().parents if os.path.exists(folder))
        if not os.access(above, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def write(path: Path, data: bytes) -> None:
    """Writes and syncs one file. Raises OSError, as `folder` and `replace` expect."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            written = os.write(descriptor, rest)
            if not written:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[written:]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(old: Path, new: Path) -> None:
    """Renames within one folder, for good."""
    os.rename(old, new)
    sync(new.parent)


def sync(folder: Path) -> None:
    """Makes the names in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # FUSE and CIFS cannot sync folders, and say it so
            raise
    finally:
        os.close(descriptor)


def make(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for good."""
    if not os.path.isdir(folder):
        make(folder.parent)
        os.mkdir(folder)
        sync(folder.parent)


def remove(path: Path) -> None:
    """Removes a folder, if it is there. A failure is told, for nothing depends on it.

    Its name goes first, so that a half-removed folder is a leftover and nothing else.
    """
    gone = path.with_name(f"{path.name}.gone.tmp")
    try:
        os.rename(path, gone)
        shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as error:
        tell(f"warning: cannot delete {path}: {error.strerror}")


def clear(parent: Path) -> None:
    """Removes the temporary folders that killed processes left behind."""
    for leftover in parent.glob("*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds a run's folder for this process; the kernel frees it, however the process ends.

    Raises:
        UserError: If another process holds it.
    """
    path = folder / LOCK
    with _told(path, 0):
        make(folder)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, folder: Path) -> None:
    with _told(folder / LOCK, 0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise UserError(_in_use(descriptor, folder)) from None
            if error.errno not in LOCKLESS:
                raise
            tell(f"warning: {folder} cannot be locked here: let no other process train in it")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _in_use(descriptor: int, folder: Path) -> str:
    owner = os.pread(descriptor, 20, 0).decode("ascii", "replace")
    who = f"process {owner}" if owner.isdecimal() else "another process"
    return f"{folder} is in use by {who}: wait until it ends, or choose another folder"


@contextmanager
def _told(path: Path, needed: int) -> Iterator[None]:
    """Tells an error of the disk in one line."""
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "check the disk")
        room = ""
        if error.errno in SPACE:
            room = f" ({needed / 1e6:,.2f} MB needed, {_free(path.parent)} free)"
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}{room}; "
            f"what was saved before is untouched: {advice}, then run the same command again"
        ) from error


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.2f} MB"
    except OSError:
        return "nobody knows how much"
