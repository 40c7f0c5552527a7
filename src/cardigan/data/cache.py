"""Decoded pictures on disk: written once, whole or not at all, and verified when read."""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from .. import durable

Shape = tuple[int, int, int]
IMAGES, ABOUT = "images.npy", "about.json"


class Stored(NamedTuple):
    """What the cache holds under a key."""

    images: np.ndarray  # uint8 [N, C, H, W], memory-mapped
    about: dict[str, Any]
    sha256: str  # of the pictures


def home() -> Path:
    """Where cardigan keeps what it can make or fetch again: $XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cardigan"


def key(*parts: object) -> str:
    """A name for what depends on `parts` alone."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest(array: np.ndarray) -> str:
    """SHA-256 of the shape and bytes of an array."""
    described = f"{array.shape}{array.dtype.str}".encode()
    return hashlib.sha256(described + array.tobytes()).hexdigest()


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """The folder of a key, for one process at a time: the others wait, and then find it filled.

    Raises UserError if it cannot be written.
    """
    place = home() / "pictures" / name
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / ".lock").open("w")
    except OSError as error:
        raise durable.StorageError(
            f"cannot write decoded pictures into {place}: {error.strerror}; set XDG_CACHE_HOME to "
            "a folder that may be written to"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield place / "decoded"


def load(folder: Path) -> Stored | None:
    """What was stored, or None if it is not there or was damaged since."""
    try:
        about = json.loads((folder / ABOUT).read_text())
        if about.pop("sha256") != (sha256 := _sha256(folder)):
            return None
        # Copy on write: torch warns of arrays that nobody may write to.
        images = np.load(folder / IMAGES, mmap_mode="c", allow_pickle=False)
    except Exception:  # whatever a parser says to bytes that somebody made up
        return None
    return Stored(images, about, sha256)


def store(
    folder: Path,
    images: Iterable[np.ndarray],
    most: int,
    shape: Shape,
    about: Callable[[], dict[str, Any]],
) -> None:
    """Stores pictures, in the place of any that are there.

    Arguments:
        images: Pictures of uint8 `shape`, at most `most`.
        about: Asked, once all pictures are written, for what is known about them.

    Raises UserError if the disk refuses.
    """
    durable.remove(folder)
    with durable.folder(folder, most * int(np.prod(shape))) as partial:
        with (partial / IMAGES).open("wb") as file:
            _write(file, images, most, shape)
        text = json.dumps(about() | {"sha256": _sha256(partial)})
        (partial / ABOUT).write_text(text)


def _write(file: BinaryIO, images: Iterable[np.ndarray], most: int, shape: Shape) -> None:
    """Pictures one after the other; their number comes last, in the room that NumPy leaves."""
    start, count = _head(file, most, shape), 0
    for image in images:
        file.write(image.tobytes())
        count += 1
    file.seek(0)
    assert _head(file, count, shape) == start, "the head keeps its length"


def _head(file: BinaryIO, count: int, shape: Shape) -> int:
    layout = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, layout)
    return file.tell()


def _sha256(folder: Path) -> str:
    with (folder / IMAGES).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
