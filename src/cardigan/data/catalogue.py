"""Every data set by name: shipped, published, drawn, made up, or a folder or zip of your own."""

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UserError, did_you_mean, printable
from . import avatars, cache, embedded, emoji, folder, outlines, places, toys
from .dataset import Dataset
from .findings import counted, judge
from .formats import Arrays
from .published import PUBLISHED

DEFAULT = "fashion-mnist-mini"
STACKED = "stacked-digits"
AVATARS = avatars.NAME
OUTLINES = "fashion-outlines"
DIGITS = ("mnist", "mnist-5k")  # what is stacked: the first that is found
NAMES = (DEFAULT, *PUBLISHED, *toys.TOYS, STACKED, AVATARS, OUTLINES, *emoji.NAMES)
LARGEST_SIDE = 2048


class Info(NamedTuple):
    """What is known of a set without decoding it."""

    name: str
    count: int  # images, or points, for training
    size: int  # side of its images; 2 for points
    channels: int  # 1 or 3; 0 for points
    classes: tuple[str, ...]
    attributes: int = 0  # values of all attributes: entries of the vector that tells them


def load(
    name: str,
    split: str = "train",
    size: int = 0,
    channels: int = 0,
    directory: str | Path | None = None,
    limit: float = 0.01,
) -> Dataset:
    """A data set, with nothing ever downloaded for it.

    Arguments:
        name: A name of the catalogue, or a folder or zip of images. A folder has the split `test`
            if it holds `train/` and `test/`.
        size: The side that images are resized to; 0 is the set's own.
        channels: 1 for grey, 3 for colour; 0 is the set's own.
        directory: Where published sets are looked for first.
        limit: Of a folder or zip: the share of bad files above which it is refused.

    Raises UserError.
    """
    _known_split(split)
    _possible(size, channels)
    if name in toys.TOYS:
        return _toy(name, split, size, channels)
    if name not in NAMES:
        return folder.load(_folder(name), split, size, channels, limit)
    if name == AVATARS:
        return _reshaped(avatars.load(split, size), 0, channels)
    if name in emoji.NAMES:
        return _reshaped(emoji.load(name, split, directory), size, channels)
    if name == OUTLINES:
        return _reshaped(_outlines(split), size, channels)
    arrays = _arrays(name, split, directory)
    images, labels = torch.from_numpy(arrays.images.copy()), torch.from_numpy(arrays.labels)
    names = _numbers(images) if name == DEFAULT else ()
    dataset = Dataset(name, images, labels, _classes(name), names=names)
    return _reshaped(dataset, size, channels)


def describe(name: str, directory: str | Path | None = None) -> Info:
    """What a set is like, from headers alone. Raises UserError if it is not there."""
    if name in toys.TOYS:
        return Info(name, toys.COUNTS["train"], 2, 0, _classes(name))
    if name not in NAMES:
        return _describe_pictures(name)
    where(name, directory)
    return facts(name)


def smaller(name: str, side: int) -> int:
    """How many pictures of a folder or zip have a shorter side below `side`, by their headers."""
    if name in NAMES or name in toys.TOYS:
        return 0
    return sum(header.short < side for header in folder.survey(_folder(name)).headers.values())


def holds_points(name: str) -> bool:
    """Whether a set holds points in the plane, and not images; nothing is read."""
    return name in toys.TOYS


def facts(name: str) -> Info:
    """What a set of the catalogue is like, whether or not it is there."""
    if name in PUBLISHED:
        known = PUBLISHED[name]
        return Info(name, known.counts["train"], known.size, known.channels, known.classes)
    counts = {DEFAULT: 10_000, OUTLINES: 10_000, AVATARS: avatars.COUNTS["train"]}
    counts |= dict.fromkeys(emoji.NAMES, emoji.COUNTS["train"])
    shapes = {DEFAULT: (28, 1), OUTLINES: (28, 1), STACKED: (28, 3), AVATARS: (avatars.SIZE, 3)}
    shapes |= dict.fromkeys(emoji.NAMES, (emoji.SIZE, 3))
    count, (size, channels) = counts.get(name, toys.COUNTS["train"]), shapes.get(name, (2, 0))
    values = {AVATARS: sum(map(len, avatars.TRAITS.values()))}
    return Info(name, count, size, channels, _classes(name), values.get(name, 0))


def where(name: str, directory: str | Path | None = None) -> str:
    """Where a set of the catalogue comes from. Raises UserError if it is not there."""
    if name in PUBLISHED:
        path = places.found(name, directory=directory)
        if path is None:
            raise UserError(f"{name} is not on this machine: {places.how_to_get(name)}")
        return str(path.parent)
    if name == STACKED:
        return f"made of {_digits(directory)}"
    if name == AVATARS:
        return avatars.where()
    if name in emoji.NAMES:
        return emoji.where(name, directory)
    return {DEFAULT: "inside the package", OUTLINES: f"made of {DEFAULT}"}.get(name, "made up")


def _arrays(name: str, split: str, directory: str | Path | None) -> Arrays:
    if name == DEFAULT:
        return embedded.read(split)
    if name == STACKED:
        return toys.stacked(places.read(_digits(directory), split, directory), split)
    return places.read(name, split, directory)


def _digits(directory: str | Path | None) -> str:
    there = (name for name in DIGITS if places.found(name, directory=directory))
    name = next(there, None)
    if name is None:
        ways = ", or ".join(places.way(name) for name in DIGITS)
        raise UserError(f"{STACKED} needs digits, and none are on this machine: {ways}")
    return name


def _classes(name: str) -> tuple[str, ...]:
    if name in PUBLISHED:
        return PUBLISHED[name].classes
    if name in toys.TOYS:
        return tuple(str(k) for k in range(len(toys.TOYS[name]().centres)))
    made = {STACKED: tuple(f"{k:03d}" for k in range(1000)), AVATARS: avatars.CLASSES}
    made |= dict.fromkeys((OUTLINES, *emoji.NAMES), ())
    return made[name] if name in made else tuple(embedded.about()["classes"])


def _reshaped(dataset: Dataset, size: int, channels: int) -> Dataset:
    images = _shaped(dataset.images, size, channels)
    return replace(dataset, images=images, fingerprint=_fingerprint(images, dataset.labels))


def _outlines(split: str) -> Dataset:
    """Without labels: no network knows the classes of outlines."""
    images = outlines.edges(torch.from_numpy(embedded.read(split).images.copy()))
    return Dataset(OUTLINES, images, names=_numbers(images))


def _numbers(images: Tensor) -> tuple[str, ...]:
    """Names that an image of the shipped set shares with its outline."""
    return tuple(map(str, range(len(images))))


def _toy(name: str, split: str, size: int, channels: int) -> Dataset:
    if size not in (0, 2) or channels:
        raise UserError(
            f"expected size 0 and channels 0 for {name}, whose points have neither, "
            f"got {size} and {channels}"
        )
    modes = toys.TOYS[name]()
    images, labels = toys.points(modes, split)
    return Dataset(name, images, labels, _classes(name), _fingerprint(images, labels), modes)


def _folder(name: str) -> str:
    """The path, unless nothing is there: then a single word was meant to be a catalogue's name."""
    if os.path.exists(os.path.expanduser(name)):  # False, too, for what is no path at all
        return name
    if os.sep in name or os.path.splitext(name)[1]:
        raise UserError(
            f"expected pictures, got {printable(name)!r}, where nothing is: give another path, or "
            "a name that `cardigan data list` shows"
        )
    raise UserError(
        f"expected a data set ({', '.join(NAMES)}), or a folder or a zip of images, got "
        f"{printable(name)!r}{did_you_mean(name, NAMES)}"
    )


def _describe_pictures(name: str) -> Info:
    seen = folder.survey(_folder(name))
    names = folder.pictures_of(seen, "train", name)
    if not names:
        judge(name, counted(seen.findings), 0, 0)
    shape = folder.shape_of([seen.headers[n] for n in names], folder.Shape(0, 0))
    return Info(name, len(names), *shape, seen.classes)


def _known_split(split: str) -> None:
    if split not in toys.COUNTS:
        raise UserError(f"expected a split (train or test), got {printable(split)!r}")


def _possible(size: int, channels: int) -> None:
    if not (size == 0 or 2 <= size <= LARGEST_SIDE):
        raise UserError(
            f"expected a size from 2 to {LARGEST_SIDE}, or 0 for the set's own, got {size}"
        )
    if channels not in (0, 1, 3):
        raise UserError(f"expected 1 or 3 channels, or 0 for the set's own, got {channels}")


def _shaped(images: Tensor, size: int, channels: int) -> Tensor:
    """uint8 [N, C, H, W] in another size (bicubic, antialiased), grey or colour."""
    if channels == 1 and images.shape[1] == 3:  # luma of ITU-R 601, as Pillow computes it
        weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
        images = (images * weights).sum(1, keepdim=True).round().to(torch.uint8)
    if channels == 3:
        images = images.expand(-1, 3, -1, -1)
    if size not in (0, images.shape[-1]):
        images = F.interpolate(images, (size, size), mode="bicubic", antialias=True)
    return images.contiguous()


def _fingerprint(images: Tensor, labels: Tensor | None) -> str:
    """SHA-256 over what is trained on."""
    parts = [images] if labels is None else [images, labels]
    return cache.key(*(cache.digest(part.numpy()) for part in parts))
