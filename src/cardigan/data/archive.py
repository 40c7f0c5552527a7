"""Where the files of a data set lie: a folder, or a zip that is read in place, never extracted."""

import os
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath
from typing import IO, NamedTuple, Protocol

from ..errors import UserError, printable

MEBIBYTE = 2**20
READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a bound on memory


class Limits(NamedTuple):
    """What a zip, and any single file, may hold at most."""

    members: int = 2_000_000
    member_bytes: int = 256 * MEBIBYTE
    total_bytes: int = 4 * 2**40
    ratio: int = 100  # unpacked to packed, of each member and of the whole


class Entry(NamedTuple):
    """A file of a data set."""

    name: str  # its path below the folder or inside the zip, with forward slashes
    size: int  # bytes, unpacked
    version: int  # changes with the content: time of change, or checksum


class Files(Protocol):
    """The files of a folder or of a zip."""

    path: Path

    def entries(self) -> list[Entry]:
        """All regular files, by name."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Opens one file to read. Raises OSError if that cannot be."""
        ...


def opened(path: str | Path, limits: Limits = Limits()) -> Files:  # noqa: B008
    """The folder or zip at `path`.

    Raises UserError if it is neither, or a zip that is broken or unsafe.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return Folder(path, limits)
    if path.is_file() and zipfile.is_zipfile(path):
        return Zip(path, limits)
    what = "a file that is no zip, or a broken one" if path.is_file() else "nothing there"
    raise UserError(
        f"expected a folder or a zip of images, got {what}: {printable(str(path))}; "
        "name a folder, or pack it again"
    )


class Folder:
    """The files below a folder. Hidden files, and what systems leave behind, are not seen."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path.resolve(), limits

    def entries(self) -> list[Entry]:
        """All files by name; linked folders are not followed, so that there are no loops."""
        return sorted(self._walk())

    def open(self, name: str) -> IO[bytes]:
        """Opens one file. Raises OSError for what is no regular file, or too large."""
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(self.path / name, flags), "rb")  # a pipe must not block
        found = os.fstat(file.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_size <= self.limits.member_bytes:
            return file
        file.close()
        raise OSError(f"no regular file of at most {self.limits.member_bytes // MEBIBYTE} MiB")

    def _walk(self) -> Iterator[Entry]:
        for folder, inner, names in os.walk(self.path):
            inner[:] = [name for name in inner if not _is_hidden(name)]
            for name in names:
                if not _is_hidden(name):
                    path = Path(folder, name)
                    found = os.stat(path) if path.exists() else os.lstat(path)
                    below = path.relative_to(self.path).as_posix()
                    yield Entry(below, found.st_size, found.st_mtime_ns)


class Zip:
    """The files inside a zip. One that could harm is refused whole, before anything is read."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits = path.resolve(), limits
        try:
            self.archive = zipfile.ZipFile(path)
            self.members = self.archive.infolist()
        except Exception:  # a broken directory may raise anything
            raise UserError(
                f"{printable(str(path))} is a broken zip: its directory cannot be read; "
                "copy it again, or pack it again"
            ) from None
        for fault in _faults(self.members, limits):
            raise UserError(
                f"{printable(str(path))} is refused: {fault}; pack it again from a plain folder"
            )

    def entries(self) -> list[Entry]:
        """All files by name."""
        files = (m for m in self.members if not m.is_dir())
        seen = (m for m in files if not any(map(_is_hidden, m.filename.split("/"))))
        return sorted(Entry(m.filename, m.file_size, m.CRC) for m in seen)

    def open(self, name: str) -> IO[bytes]:
        """Opens one file; no more is ever unpacked than the size that was judged."""
        try:
            return self.archive.open(name)
        except Exception as error:  # damaged directories may raise anything
            raise OSError(str(error)) from None


def read(files: Files, name: str) -> bytes:
    """The content of one file. Raises OSError if it cannot be read, or its checksum disagrees."""
    with files.open(name) as file:
        try:
            return file.read()
        except Exception as error:  # damaged data may raise anything while it is unpacked
            raise OSError(str(error)) from None


def _faults(members: list[zipfile.ZipInfo], limits: Limits) -> Iterator[str]:
    """What makes a zip unsafe to read."""
    if len(members) > limits.members:
        yield f"it lists {len(members):,} files, more than {limits.members:,}"
    names: set[str] = set()
    for member in members:
        name, shown = member.orig_filename, printable(member.orig_filename, 60)
        yield from (f"{what} ({shown})" for what in _member_faults(member, limits))
        if (normal := normpath(name)) in names:
            yield f"it holds a name twice ({shown})"
        names.add(normal)
    packed, unpacked = (sum(m.compress_size for m in members), sum(m.file_size for m in members))
    if unpacked > limits.total_bytes:
        yield f"it unpacks to {unpacked:,} bytes, more than {limits.total_bytes:,}"
    if unpacked > limits.ratio * (packed + MEBIBYTE):
        yield f"it unpacks to over {limits.ratio} times its size"


def _member_faults(member: zipfile.ZipInfo, limits: Limits) -> Iterator[str]:
    name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
    packed = max(member.compress_size, 1)
    faults = {
        "a name is an absolute path": re.match(r"/|[A-Za-z]:", name),
        "a name leads out of it": ".." in name.split("/"),
        "a name holds a backslash or a NUL": "\\" in name or "\0" in name,
        "a member is a link or a device": kind not in (0, stat.S_IFREG, stat.S_IFDIR),
        "a member is encrypted": member.flag_bits & 1,
        "a member is packed by another method than deflate": member.compress_type not in READ,
        f"a member is over {limits.member_bytes:,} bytes": member.file_size > limits.member_bytes,
        f"a member unpacks to over {limits.ratio} times its size": (
            member.file_size > limits.ratio * packed
        ),
    }
    yield from (fault for fault, is_so in faults.items() if is_so)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in {"__MACOSX", "Thumbs.db", "desktop.ini"}
