"""`avatars`: faces drawn on this machine by dicebear, every attribute of which is known.

The style is Pixel Art by DiceBear, licensed under CC0 1.0: a grid of 16 by 16 squares, so that
pictures of 16, 32, 64 ... pixels are exact. Beards are left out: in the colour of hair or skin,
many cannot be seen.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import metadata, resources
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import UserError
from ..progress import track
from ..randomness import generator
from . import cache
from .dataset import Attribute, Dataset

NAME = "avatars"
STYLE = "pixel-art"
PACKAGES = ("dicebear-core", "dicebear-styles", "resvg-py")
COUNTS = {"train": 10_000, "test": 2_000}
SEEDS = {"train": 0, "test": 1}
SIZE = 64

Options = dict[str, Any]


def _each(option: str, names: Sequence[str], **others: Any) -> list[Options]:
    return [{option: name, **others} for name in names]


def _numbered(name: str, last: int) -> list[str]:
    return [f"{name}{k:02d}" for k in range(1, last + 1)]


# Of the glasses `light04`, five squares show on some faces.
GLASSES = [*_numbered("dark", 7), *_numbered("light", 3), *_numbered("light", 7)[4:]]
ALWAYS: Options = {"beardProbability": 0}
TRAITS: dict[str, dict[str, list[Options]]] = {
    "mouth": {
        "happy": _each("mouthVariant", _numbered("happy", 13)),
        "sad": _each("mouthVariant", _numbered("sad", 10)),
    },
    "glasses": {
        "without": [{"glassesProbability": 0}],
        "with": _each("glassesVariant", GLASSES, glassesProbability=100),
    },
    "hat": {
        "without": [{"hatProbability": 0}],
        "with": _each("hatVariant", _numbered("variant", 10), hatProbability=100),
    },
    "hair": {
        "short": _each("hairVariant", _numbered("short", 24)),
        "long": _each("hairVariant", _numbered("long", 21)),
    },
    "hair_colour": {
        "blond": _each("hairColor", ["#cab188", "#a78961"]),
        "brown": _each("hairColor", ["#83623b", "#603a14", "#603015", "#612616", "#28150a"]),
        "red": _each("hairColor", ["#bd1700"]),
        "green": _each("hairColor", ["#91cb15"]),
        "blue": _each("hairColor", ["#009bbd"]),
    },
    "skin": {
        "light": _each("skinColor", ["#ffdbac", "#f5cfa0"]),
        "tan": _each("skinColor", ["#eac393", "#e0b687"]),
        "brown": _each("skinColor", ["#cb9e6e", "#b68655"]),
        "dark": _each("skinColor", ["#a26d3d", "#8d5524"]),
    },
}
"""Of each attribute, its values, and of each value the looks: what dicebear is told to draw."""
CLASSES = tuple(TRAITS["mouth"])


class Face(NamedTuple):
    """What a picture is drawn from."""

    seed: str  # of all that the attributes leave open
    values: dict[str, int]  # of each attribute
    looks: dict[str, float]  # in [0, 1): which look of the value


def load(split: str, size: int = 0) -> Dataset:
    """The avatars of `train` or `test`: drawn once, then taken from the cache.

    Arguments:
        size: The side; 0 is 64.

    Raises UserError if the packages that draw are not installed, or the disk refuses.
    """
    size, count, seed = size or SIZE, COUNTS[split], SEEDS[split]
    name = cache.key(NAME, STYLE, TRAITS, ALWAYS, _versions(), count, seed, size)
    drawn = faces(count, seed)
    with cache.locked(name) as folder:
        stored = cache.load(folder)
        if stored is None:
            cache.store(
                folder, _pictures(drawn, size), count, (3, size, size), lambda: {"style": STYLE}
            )
            stored = cache.load(folder)
    assert stored is not None, "what was just written can be read"
    return _dataset(torch.from_numpy(stored.images), drawn, stored.sha256)


def draw(
    count: int, size: int = SIZE, seed: int = 0, chances: Mapping[str, Sequence[float]] = {}
) -> Dataset:
    """Draws avatars with chances of your own: an imbalance, planted on purpose.

    Attributes are independent. The same seed draws the same faces: with other chances, those
    change whose value has to, and in nothing else.

    Arguments:
        seed: 0 and 1 draw the faces of the training and the test set.
        chances: Of an attribute's values, in their order, summing to 1; all are equally likely
            where nothing is said.

    Raises:
        ValueError: Chances of an attribute that is unknown, or that are no chances.
        UserError: The packages that draw are not installed.
    """
    drawn = faces(count, seed, chances)
    images = np.empty((count, 3, size, size), np.uint8)
    for i, image in enumerate(_pictures(drawn, size)):
        images[i] = image
    return _dataset(torch.from_numpy(images), drawn, cache.digest(images))


def pair(seed: int, attribute: str, first: str, second: str, size: int = SIZE) -> Tensor:
    """One face with two values of an attribute, alike in all else: uint8 [2, 3, size, size].

    Raises:
        ValueError: An attribute or a value that is unknown.
        UserError: The packages that draw are not installed.
    """
    names = list(_known(attribute))
    for name in (first, second):
        if name not in names:
            raise ValueError(f"expected a value of {attribute} out of {names}, got {name!r}")
    face = faces(1, seed)[0]
    both = (face.values | {attribute: names.index(name)} for name in (first, second))
    images = [picture(face._replace(values=values), size) for values in both]
    return torch.from_numpy(np.stack(images))


def faces(count: int, seed: int, chances: Mapping[str, Sequence[float]] = {}) -> list[Face]:
    """What `draw` draws: of each face and attribute, one uniform draw falls among the chances.

    Another chooses the look, so that other chances leave it alone.
    """
    for name in chances:
        _known(name)
    values, looks = {}, {}
    for k, name in enumerate(TRAITS):
        draws = torch.rand(2, count, generator=generator(seed, k), dtype=torch.float64)
        edges = _law(name, chances).cumsum(0)[:-1].contiguous()
        values[name] = torch.searchsorted(edges, draws[0], right=True).tolist()
        looks[name] = draws[1].tolist()
    return [
        Face(
            f"{seed}-{i}",
            {n: v[i] for n, v in values.items()},
            {n: v[i] for n, v in looks.items()},
        )
        for i in range(count)
    ]


def options(face: Face) -> Options:
    """What dicebear is told to draw a face."""
    told = {**ALWAYS, "seed": face.seed}
    for name, value in face.values.items():
        looks = list(TRAITS[name].values())[value]
        told |= looks[int(face.looks[name] * len(looks))]
    return told


def picture(face: Face, size: int) -> np.ndarray:
    """One face on white: uint8 [3, size, size]."""
    avatar, style, to_png = _tools()
    svg = avatar(style, options(face)).to_string()
    png = to_png(svg, width=size, height=size, background="white", skip_system_fonts=True)
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def where() -> str:
    """What draws them. Raises UserError if it is not installed."""
    return f"drawn by dicebear {_versions()[0]}, style {STYLE} (CC0)"


def _known(attribute: str) -> dict[str, list[Options]]:
    if attribute not in TRAITS:
        raise ValueError(f"expected an attribute out of {list(TRAITS)}, got {attribute!r}")
    return TRAITS[attribute]


def _law(name: str, chances: Mapping[str, Sequence[float]]) -> Tensor:
    count = len(TRAITS[name])
    law = torch.tensor(chances.get(name, [1 / count] * count), dtype=torch.float64)
    if len(law) != count or not (law >= 0).all() or abs(law.sum().item() - 1) > 1e-9:
        raise ValueError(f"expected {count} chances of {name} that sum to 1, got {law.tolist()}")
    return law


def _pictures(drawn: Sequence[Face], size: int) -> Iterator[np.ndarray]:
    for face in track(drawn, "drawing avatars", unit="avatars"):
        yield picture(face, size)


def _dataset(images: Tensor, drawn: Sequence[Face], fingerprint: str) -> Dataset:
    attributes = {
        name: Attribute(torch.tensor([f.values[name] for f in drawn]), tuple(TRAITS[name]))
        for name in TRAITS
    }
    labels, classes = attributes["mouth"]
    return Dataset(NAME, images, labels, classes, fingerprint, attributes=attributes)


@lru_cache(maxsize=1)
def _tools() -> tuple[Any, Any, Any]:
    """What makes an SVG of a style and options, the style, and what makes a PNG of an SVG."""
    _versions()
    from dicebear import Avatar, Style
    from resvg_py import svg_to_bytes

    text = (resources.files("dicebear_styles") / f"{STYLE}.json").read_text("utf-8")
    return Avatar, Style(json.loads(text)), svg_to_bytes


def _versions() -> list[str]:
    """Of the packages that draw: other versions may draw other pictures."""
    return list(map(_version, PACKAGES))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise UserError(
            f"{NAME} is not on this machine: pip install cardigan[{NAME}], which brings what "
            "draws it"
        ) from None
