"""`cardigan translate`: what a run makes of your pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, printable
from .arguments import check, place_or_folder

if TYPE_CHECKING:
    from torch import Tensor

    from ..game import Game

SHOWN = 64  # pictures in a grid, each beside its translation


def translate(
    run: str,
    pictures: str,
    out: str = "translations.png",
    back: bool = False,
    seed: int = 0,
    device: str = "auto",
) -> None:
    """Translates pictures: a file into a file, many into a grid or a folder.

    Args:
        run: A run's folder, or one of its checkpoints.
        pictures: A picture, a folder or zip of pictures, or a name of `cardigan data list`.
        out: A .png (of many pictures: the first 64, each before its translation), or a folder,
            new or empty.
        back: Translate from the second domain to the first.
        seed: Of the noise, where a method has any.
        device: Where to translate: auto, cpu, cuda, cuda:1, mps.
    """
    if not 0 <= seed < 2**63:
        raise UserError(f"expected a --seed of 0 or more, got {seed}")
    path = place_or_folder(out, ".png")
    check(device)

    from .. import device as devices
    from ..data.stream import as_bytes, as_floats
    from ..randomness import seeded
    from ..run import Run

    found = Run(run)
    way = _way(found.load().to(devices.pick(device)), run, back)
    recipe = found.recipe
    names, images = read(pictures, recipe.size, recipe.channels)
    if path.suffix:
        names, images = names[:SHOWN], images[:SHOWN]
    with seeded(seed, devices.pick(device)):
        made = as_bytes(way(as_floats(images)).cpu())
    {".png": _picture, "": _folder}[path.suffix](names, images, made, path)
    print(printable(out))


def _way(game: "Game", run: str, back: bool):  # noqa: ANN202
    """There or back, as a function of images."""
    from ..abilities import Translates, TranslatesBack

    if back and isinstance(game, TranslatesBack):
        return game.translate_back
    if isinstance(game, Translates) and not back:
        return game.translate
    what = "translates one way only" if isinstance(game, Translates) else "does not translate"
    raise UserError(f"{run} {what}: `cardigan list` shows what each recipe can do")


def read(path: str, size: int, channels: int) -> "tuple[list[str], Tensor]":
    """Pictures in the shape that the networks expect, uint8, and names for them."""
    import zipfile

    import torch

    from ..data import catalogue, images

    file = Path(path).expanduser()
    if not file.is_file() or zipfile.is_zipfile(file):
        dataset = catalogue.load(path, "train", size, channels)
        numbers = [f"{i:06}" for i in range(len(dataset))]
        return [n.replace("/", "_") for n in dataset.names] or numbers, dataset.images
    try:
        with file.open("rb") as content, images.without_warnings():
            decoded = images.decode(content, file.name, size, channels)
    except images.BadPicture as fault:
        raise UserError(f"{path} is no picture that can be read: {fault.kind.name}") from None
    except Exception as error:  # over damaged data, a decoder may raise anything
        raise UserError(f"{path} cannot be read: {error}") from None
    return [file.stem], torch.from_numpy(decoded.copy())[None]


def _picture(names: list[str], images: "Tensor", made: "Tensor", path: Path) -> None:
    """One translation by itself; of many, each beside what it was made of."""
    import torch

    from .. import pictures

    path.parent.mkdir(parents=True, exist_ok=True)
    if len(made) == 1:
        drawn = pictures.grid(made, gap=0, scale=1)
    else:
        drawn = pictures.grid(torch.stack([images, made], 1).flatten(0, 1), columns=8)
    pictures.save(drawn, path)


def _folder(names: list[str], images: "Tensor", made: "Tensor", path: Path) -> None:
    from .. import pictures
    from ..progress import track

    path.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, track(made, "writing"), strict=True):
        pictures.save(pictures.grid(image[None], gap=0, scale=1), path / f"{name}.png")
