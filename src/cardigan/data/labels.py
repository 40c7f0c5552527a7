"""Which split and class a picture belongs to: by its folder, or by a file beside the pictures."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from posixpath import basename, commonpath, dirname
from typing import NamedTuple

from . import archive
from .findings import NO_CLASS, NO_FILE, NO_LABEL, Finding

LABEL_FILES = ("labels.json", "dataset.json", "labels.csv")
SPLITS = ("train", "test")


class Classes(NamedTuple):
    """The classes of a set, and which picture is of which; empty if there are fewer than two."""

    names: tuple[str, ...]
    of: dict[str, int]
    findings: list[Finding]


def splits(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of each split, its pictures, and the path of each below the split's folder.

    `train/` and `test/` are splits if both are there; else every picture is of `train`.
    """
    names = list(names)
    root = root_of(names)
    parts = {split: _below(names, f"{root}{split}/") for split in SPLITS}
    return parts if all(parts.values()) else {SPLITS[0]: _below(names, root)}


def by_folder(parts: Mapping[str, Mapping[str, str]]) -> Classes:
    """The first folder below the split's is the class. Pictures outside of classes are faults."""
    paths = {name: path for part in parts.values() for name, path in part.items()}
    group = {name: path.split("/")[0] for name, path in paths.items() if "/" in path}
    if not group:
        return Classes((), {}, [])
    strays = [Finding(name, NO_CLASS) for name in sorted(paths.keys() - group.keys())]
    return _numbered(group, sorted(set(group.values())), strays)


def by_file(names: Iterable[str], there: Iterable[str], label: Mapping[str, int]) -> Classes:
    """The classes are the numbers that occur, in their order.

    Arguments:
        names: Pictures that can be used.
        there: All files, so that a damaged one does not count as missing.
    """
    strays = [Finding(name, NO_LABEL) for name in sorted(set(names) - label.keys())]
    strays += [Finding(name, NO_FILE) for name in sorted(label.keys() - set(there))]
    return _numbered(
        {n: label[n] for n in names if n in label}, sorted(set(label.values())), strays
    )


def label_file(names: Iterable[str], pictures: Iterable[str]) -> str | None:
    """The file of labels, at the top or where the folders of the pictures part."""
    places = {"", root_of(pictures)}
    found = (
        n for n in names if basename(n) in LABEL_FILES and n.removesuffix(basename(n)) in places
    )
    return next(found, None)


def read(files: archive.Files, name: str) -> dict[str, int] | None:
    """Path to number; None where the file says that there are no labels.

    Raises OSError, or ValueError if it is not valid.
    """
    text = archive.read(files, name).decode()
    ending = PurePosixPath(name).suffix
    pairs = {".csv": _csv_pairs, ".json": _json_pairs}[ending](text)
    if pairs is None:
        return None
    folder = name.removesuffix(basename(name))
    table = {folder + path: label for path, label in pairs}
    if len(table) < len(pairs):
        raise ValueError("it labels a name twice")
    return table


def root_of(names: Iterable[str]) -> str:
    """The folder that holds all names, with a slash at its end; empty if that is the top."""
    folders = {dirname(name) for name in names}
    root = commonpath(folders) if folders and "" not in folders else ""
    return root and root + "/"


def below_root(names: Iterable[str]) -> list[str]:
    """Names below the folder that holds them all, without endings: what a counterpart shares."""
    names = list(names)
    root = root_of(names)
    return [str(PurePosixPath(name.removeprefix(root)).with_suffix("")) for name in names]


def _below(names: Iterable[str], folder: str) -> dict[str, str]:
    return {name: name.removeprefix(folder) for name in names if name.startswith(folder)}


def _numbered(group: Mapping[str, object], order: list, strays: list[Finding]) -> Classes:
    number = {value: k for k, value in enumerate(order)}
    if len(number) < 2:
        return Classes((), {}, strays)
    return Classes(tuple(map(str, order)), {n: number[g] for n, g in group.items()}, strays)


def _json_pairs(text: str) -> list[tuple[str, int]] | None:
    """StyleGAN's layout: {"labels": [["00000/img0.png", 3], ...]}, or null for no labels."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    match content:
        case {"labels": None}:
            return None
        case {"labels": list(pairs)} if all(map(_is_pair, pairs)):
            return [(name, label) for name, label in pairs]
    raise ValueError("expected a list of names and whole numbers from 0")


def _is_pair(pair: object) -> bool:
    match pair:
        case [str(), bool()]:
            return False
        case [str(), int(label)]:
            return label >= 0
    return False


def _csv_pairs(text: str) -> list[tuple[str, int]]:
    """Rows of name and number; a first row without a number is a heading."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    rows = rows[1:] if rows and not rows[0][-1].isdecimal() else rows
    if not all(len(row) == 2 and row[1].isdecimal() for row in rows):
        raise ValueError("expected a name and a whole number from 0 in each row")
    return [(name, int(label)) for name, label in rows]
