"""Public sets as they are published, read into arrays: idx, CIFAR's binary files, SVHN's .mat."""

import gzip
import io
import tarfile
import warnings
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from ..errors import UserError

UNPACKED = 192 * 2**20  # bytes of an archive that are ever read; CIFAR's have 184 million
MEMBERS = 100  # of an archive that are looked at


class Arrays(NamedTuple):
    """Pictures and their labels."""

    images: np.ndarray  # uint8 [N, C, H, W]
    labels: np.ndarray  # int64 [N]


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The bytes of an idx file, plain or gzipped, whose header must announce `shape`.

    An idx file is two zero bytes, the type (8: unsigned byte), the number of axes, the length
    of each as a big-endian int32, and the values (LeCun, Cortes and Burges, the MNIST database).
    """
    header = b"\0\0\x08" + bytes([len(shape)]) + np.array(shape, ">i4").tobytes()
    with _opened(path) as file:
        if _bytes(file, len(header)) != header:
            raise damaged(path, f"an idx file of bytes {_by(shape)}")
        return _values(file, path, shape)


def read_cifar(
    path: Path, members: Iterable[str], label_bytes: int, shape: tuple[int, int, int]
) -> Arrays:
    """CIFAR's binary records: labels (the last of them counts), then a picture, plane by plane.

    Arguments:
        path: The folder, or the .tar.gz as published; it is read in place.
        shape: Pictures in each member, classes, side.
    """
    count, classes, side = shape
    records = (count, label_bytes + 3 * side**2)
    rows = np.concatenate([_cifar_rows(path, member, records) for member in members])
    labels = rows[:, label_bytes - 1].astype(np.int64)
    if labels.max() >= classes:
        raise damaged(path, f"labels below {classes}")
    images = rows[:, label_bytes:].reshape(-1, 3, side, side)
    return Arrays(np.ascontiguousarray(images), labels)


def read_svhn(path: Path, count: int) -> Arrays:
    """SVHN's cropped digits. Their file is MATLAB's, which SciPy reads; zero is labelled 10."""
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise UserError("svhn needs SciPy to read .mat files: pip install scipy") from None
    try:
        if not path.is_file():  # a pipe is not waited for
            raise ValueError("no file")
        told = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        if told["X"] != ((32, 32, 3, count), "uint8") or told["y"][0] != (count, 1):
            raise ValueError("nothing larger is ever unpacked")
        content = loadmat(path, variable_names=["X", "y"])
        images, labels = content["X"].transpose(3, 2, 0, 1), content["y"].ravel() % 10
    except Exception:  # a damaged file may raise anything inside the reader
        raise damaged(path, "SVHN's cropped digits as published") from None
    if images.shape != (count, 3, 32, 32) or images.dtype != np.uint8:
        raise damaged(path, f"{count} pictures of 3x32x32 bytes")
    return Arrays(np.ascontiguousarray(images), labels.astype(np.int64))


def read_rows(path: Path, shape: tuple[int, int, int]) -> Arrays:
    """Comma-separated rows of pixels of a grey picture and, last, its label; gzipped."""
    count, height, width = shape
    most = count * (height * width + 1) * len("255,")
    try:
        with _opened(path) as file:
            text = file.read(most + 1)
        if len(text) > most:
            raise ValueError("nothing larger is ever unpacked")
        with warnings.catch_warnings(action="ignore"):  # of files without a row
            rows = np.loadtxt(io.BytesIO(text), np.uint8, delimiter=",")
        images = rows[:, :-1].reshape(count, 1, height, width)
    except (OSError, EOFError, zlib.error, ValueError, IndexError):
        raise damaged(path, f"{count} rows of {height * width} pixels and a label") from None
    return Arrays(np.ascontiguousarray(images), rows[:, -1].astype(np.int64))


def damaged(path: Path, expected: str) -> UserError:
    """The error of a file that is not what its name promises."""
    return UserError(f"{path} is damaged: expected {expected}; delete it and get it again")


def _opened(path: Path) -> IO[bytes]:
    if path.exists() and not path.is_file():  # a pipe is not waited for
        raise damaged(path, "a file")
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _values(file: IO[bytes], path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Exactly as many bytes as `shape` holds: a file that unpacks to more is never unpacked."""
    size = int(np.prod(shape))
    content = _bytes(file, size + 1)
    if len(content) != size:
        raise damaged(path, f"{size} bytes of content")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _bytes(file: IO[bytes], count: int) -> bytes:
    """At most `count` bytes; none from a file that is damaged as an archive."""
    try:
        return file.read(count)
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return b""


def _cifar_rows(path: Path, member: str, shape: tuple[int, int]) -> np.ndarray:
    if path.is_dir():
        with _opened(path / member) as file:
            return _values(file, path / member, shape)
    try:
        with _opened(path) as packed, _plain(packed) as archive:
            file = archive.extractfile(_member(archive, member))
            assert file is not None, "regular files can be read"
            return _values(file, path, shape)
    except (OSError, EOFError, zlib.error, tarfile.TarError, StopIteration):
        raise damaged(path, f"an archive that holds {member}") from None


def _plain(packed: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(IO[bytes], _Bounded(packed)), mode="r:")


class _Bounded:
    """The start of a packed archive, unpacked. Whoever asks for more than that, gets nothing."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.tell = file, file.tell

    def read(self, count: int) -> bytes:
        """So many bytes, if they lie within bounds: headers, too, may claim any length."""
        return self.file.read(self._within(self.tell() + count) - self.tell())

    def seek(self, place: int) -> int:
        """Goes on to a place within bounds."""
        return self.file.seek(self._within(place))

    def _within(self, place: int) -> int:
        if place > UNPACKED:
            raise tarfile.ReadError("it is longer than the archive that was published")
        return place


def _member(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    return next(
        m for m in islice(archive, MEMBERS) if m.isfile() and m.name.rsplit("/")[-1] == name
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
