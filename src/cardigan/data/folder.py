"""A folder or zip of pictures as a data set: surveyed, decoded once, kept in the cache."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from statistics import median
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np
import PIL
import torch

from .. import distributed, durable
from ..errors import UserError, printable
from . import cache, labels
from .archive import Entry, Files, opened
from .dataset import Dataset
from .findings import (
    BAD_LABELS,
    BROKEN,
    OTHER_FILE,
    UNREADABLE,
    Finding,
    counted,
    judge,
    refuse,
    tally,
)
from .images import BadPicture, Header, decode, header, is_picture_name
from .threads import each

SIDES = (16, 28, 32, 64, 128, 256)  # sides that are chosen by themselves
LAYOUT = 2  # of what is cached; raise it when decoding changes

Result = TypeVar("Result")


class NoSplit(UserError):
    """A folder has no such split."""


class Survey(NamedTuple):
    """What names and headers say of a set; no pixel is read for it."""

    headers: dict[str, Header]  # of the pictures that can be used, by name
    splits: dict[str, list[str]]
    classes: tuple[str, ...]
    labels: dict[str, int]
    findings: list[Finding]


class Shape(NamedTuple):
    """The shape of every picture once decoded."""

    size: int
    channels: int


def load(
    path: str | Path, split: str = "train", size: int = 0, channels: int = 0, limit: float = 0.01
) -> Dataset:
    """Decodes the pictures of a split, or takes them from the cache.

    Files that cannot be used are left out, and one line says how many.

    Arguments:
        path: A folder or zip.
        size: The side; 0 is the largest of 16, 28, 32, 64, 128 and 256 that is not above the
            median of the short sides.
        channels: 1 or 3; 0 is 1 if every picture is stored as grey, else 3.
        limit: The share of bad files above which the set is refused.

    Raises UserError.
    """
    files = opened(path)
    entries = files.entries()
    name = cache.key(_listing(files, entries), split, size, channels, PIL.__version__, LAYOUT)
    with cache.locked(name) as folder:
        stored = cache.load(folder)
        if stored is None:
            _prepare(files, folder, split, Shape(size, channels), limit)
            stored = cache.load(folder)
    assert stored is not None, "what was just written can be read"
    about = stored.about
    judge(str(path), about["bad"], len(stored.images), limit)
    _notice(str(path), about["bad"], len(stored.images))
    known = about["labels"] and torch.tensor(about["labels"])
    fingerprint = cache.key(stored.sha256, about["labels"], about["classes"])
    images = torch.from_numpy(stored.images)
    classes, names = tuple(about["classes"]), tuple(about["names"])
    return Dataset(str(path), images, known, classes, fingerprint, names=names)


def survey(path: str | Path) -> Survey:
    """Reads names, headers and labels of a folder or zip. Raises UserError if it is neither."""
    files = opened(path)
    return _surveyed(files.path, _listing(files, files.entries()))


def pictures_of(seen: Survey, split: str, path: str | Path) -> list[str]:
    """The names of a split's pictures. Raises UserError if there is no such split."""
    try:
        return seen.splits[split]
    except KeyError:
        raise NoSplit(
            f"expected a split of {printable(str(path))} ({' or '.join(seen.splits)}), got "
            f"{split!r}; a folder has two splits if it holds train/ and test/"
        ) from None


def shape_of(headers: Sequence[Header], wanted: Shape) -> Shape:
    """Fills in what is 0."""
    middle = median(h.short for h in headers)
    side = max((side for side in SIDES if side <= middle), default=SIDES[0])
    grey = all(h.grey for h in headers)
    return Shape(wanted.size or side, wanted.channels or (1 if grey else 3))


def attempt(
    files: Files, function: Callable[[IO[bytes], str], Result], name: str
) -> Result | Finding:
    """Applies `function` to a file; what is wrong with the file is returned as a finding."""
    try:
        file = files.open(name)
    except OSError as error:
        kind = UNREADABLE if is_picture_name(name) else OTHER_FILE
        return Finding(name, kind, error.strerror or str(error))
    try:
        with file:
            return function(file, name)
    except BadPicture as fault:
        return Finding(name, fault.kind, fault.detail)
    except Exception as error:  # over damaged data, a decoder may raise anything
        return Finding(name, BROKEN, str(error))


@lru_cache(maxsize=4)
def _surveyed(path: Path, listing: str) -> Survey:
    """`listing` is here to tell a changed folder from the one that was surveyed before."""
    files = opened(path)
    there = [entry.name for entry in files.entries()]
    label_file = labels.label_file(there, filter(is_picture_name, there))
    headers, findings = _headers(files, [name for name in there if name != label_file])
    parts = labels.splits(headers)
    known = _told(files, label_file, headers, there) if label_file else labels.by_folder(parts)
    strays = {finding.file for finding in known.findings}
    usable = {split: [n for n in names if n not in strays] for split, names in parts.items()}
    return Survey(headers, usable, known.names, known.of, findings + known.findings)


def _headers(files: Files, names: list[str]) -> tuple[dict[str, Header], list[Finding]]:
    headers, findings = {}, []
    for name, found in each(partial(attempt, files, header), names, "Reading headers"):
        if isinstance(found, Finding):
            findings.append(found)
        else:
            headers[name] = found
            findings += [Finding(name, kind) for kind in found.handled]
    return headers, findings


def _told(
    files: Files, label_file: str, names: Iterable[str], there: Iterable[str]
) -> labels.Classes:
    """The classes of a file of labels, none where it says that there are none."""
    try:
        table = labels.read(files, label_file)
    except (OSError, ValueError) as error:
        return labels.Classes((), {}, [Finding(label_file, BAD_LABELS, str(error))])
    return labels.Classes((), {}, []) if table is None else labels.by_file(names, there, table)


def _prepare(files: Files, folder: Path, split: str, wanted: Shape, limit: float) -> None:
    """Decodes a split into the cache. Raises UserError if the set is refused."""
    seen, path = survey(files.path), str(files.path)
    for finding in seen.findings:
        if finding.kind is BAD_LABELS:
            refuse(finding, path)
    names = pictures_of(seen, split, path)
    judge(path, counted(seen.findings), len(names), limit)
    shape = shape_of([seen.headers[name] for name in names], wanted)
    good: list[str] = []
    broken: list[Finding] = []

    def decoded() -> Iterator[np.ndarray]:
        task = partial(decode, size=shape.size, channels=shape.channels)
        for name, found in each(partial(attempt, files, task), names, "Decoding pictures"):
            if isinstance(found, Finding):
                broken.append(found)
                judge(path, counted(seen.findings + broken), len(names) - len(broken), limit)
            else:
                good.append(name)
                yield found

    def about() -> dict[str, Any]:
        known = [seen.labels[name] for name in good] if seen.labels else None
        return {
            "labels": known,
            "classes": seen.classes,
            "names": labels.below_root(good),
            "bad": counted(seen.findings + broken),
        }

    one = (shape.channels, shape.size, shape.size)
    cache.store(folder, decoded(), len(names), one, about)


def _notice(path: str, bad: dict[str, int], good: int) -> None:
    if bad and distributed.rank() == 0:
        count = sum(bad.values())
        durable.tell(
            f"{count} of {good + count} pictures of {printable(path)} are left out: {tally(bad)}; "
            "cardigan data check lists them"
        )


def _listing(files: Files, entries: list[Entry]) -> str:
    return cache.key(str(files.path), entries)
