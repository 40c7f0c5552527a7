"""`emoji-google` and `emoji-twitter`: 3,786 pictures each, of the same things in two styles.

They come with the npm packages `emoji-datasource-google` and `emoji-datasource-twitter`, which
hold pictures of 64 pixels. Google's (Noto Emoji) are under the Apache License 2.0, Twitter's
(Twemoji) under CC BY 4.0. Skin tones of one thing are alike, so they share their split.
"""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .. import durable
from ..errors import UserError, printable
from ..progress import track
from . import cache
from .dataset import Dataset

VERSION = "16.0.0"
SIZE = 64
COUNTS = {"train": 3_376, "test": 410}
HELD_OUT = 10  # one thing in ten
SHA256 = {
    "emoji-google": "25f4fbddcde3b4996f7b7a33b4dbc6058f207d823bd314288547fb6c66057b15",
    "emoji-twitter": "b63a3b394e39f14e0d35481362c1876cf2e2826f046b76785b2d587650bc0b7b",
}
"""Of the pictures on white, as bytes: what every other machine gets as well."""
NAMES = tuple(SHA256)


def load(name: str, split: str, directory: str | Path | None = None) -> Dataset:
    """The pictures of a split on white, 64 pixels wide: put on white once, then cached.

    A name is what the emoji shows, and behind a `#` the skin tones: `1f385#1f3fb`.

    Raises UserError if the package is not there, or holds other pictures.
    """
    folder = _pictures(name, directory)
    files = sorted(folder.glob("*.png"))
    with cache.locked(cache.key(name, VERSION, SIZE, 1)) as place:
        stored = cache.load(place)
        if stored is None:
            shape = (3, SIZE, SIZE)
            images = map(on_white, track(files, f"reading {name}", unit="pictures"))
            cache.store(place, images, len(files), shape, lambda: {"names": [*map(_name, files)]})
            stored = cache.load(place)
        assert stored is not None, "what was just written can be read"
        if cache.digest(stored.images) != SHA256[name]:
            durable.remove(place)
            raise UserError(
                f"{printable(str(folder))} does not hold the pictures of version {VERSION}: "
                "install the package again"
            )
    names = stored.about["names"]
    chosen = [i for i, n in enumerate(names) if split_of(n) == split]
    images = torch.from_numpy(stored.images[chosen])
    return Dataset(name, images, names=tuple(names[i] for i in chosen), fingerprint=stored.sha256)


def where(name: str, directory: str | Path | None = None) -> str:
    """The folder of a package. Raises UserError if it is not there."""
    return str(_pictures(name, directory))


def on_white(path: Path) -> np.ndarray:
    """A picture file on white: uint8 [3, H, W]."""
    with Image.open(path, formats=["PNG"]) as image:
        picture = image.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB")).transpose(2, 0, 1)


def split_of(name: str) -> str:
    """Which split a name belongs to, by what it shows."""
    thing = hashlib.sha256(name.partition("#")[0].encode()).digest()
    return "train" if thing[0] % HELD_OUT else "test"


def _name(path: Path) -> str:
    tones = re.findall("1f3f[b-f]", path.stem)
    thing = re.sub("-1f3f[b-f]", "", path.stem)
    return f"{thing}#{'-'.join(tones)}" if tones and thing not in tones else path.stem


def _pictures(name: str, directory: str | Path | None) -> Path:
    package = name.replace("emoji-", "emoji-datasource-")
    inside = Path(package, "img", name.removeprefix("emoji-"), str(SIZE))
    for folder in _folders(directory):
        if (folder / inside).is_dir():
            return folder / inside
    raise UserError(
        f"{name} is not on this machine: npm install {package}@{VERSION} here, or set "
        "CARDIGAN_DATA to the folder in which that was done"
    )


def _folders(directory: str | Path | None) -> list[Path]:
    named = [directory, os.environ.get("CARDIGAN_DATA")]
    bases = [*(Path(f).expanduser() for f in named if f), cache.home() / "data", Path()]
    return [folder for base in bases for folder in (base, base / "node_modules")]
