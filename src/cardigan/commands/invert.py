"""`cardigan invert`: the latents of given images, and how near their samples come."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import UserError, did_you_mean, printable
from .arguments import check, place

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..explore.inversion import Found, Look, Search
    from ..game import Game
    from ..recipe import Recipe

MOST = 64  # images at once: each is a row of the picture
TITLES = {
    "z": "in Z",
    "w": "in W",
    "w+": "in W+\na w a layer",
    "encoder": "encoder",
    "both": "encoder,\nthen in Z",
}


class Looks(NamedTuple):
    """What is compared of images."""

    features: "Look"
    descended: "Look"  # what the search goes by


def invert(
    run: str,
    images: list[str],
    ways: list[str] = [],  # noqa: B006 - read, never changed
    loss: Literal["both", "features", "pixels"] = "both",
    features: Literal["auto", "fashion", "digits"] = "auto",
    label: int | None = None,
    starts: int = 4,
    steps: int = 300,
    seed: int = 0,
    json: bool = False,
    out: str = "inversion.png",
    device: str = "auto",
) -> None:
    """Looks for latents whose samples are the given images.

    Args:
        run: A run's folder, or one of its checkpoints.
        images: Pictures, folders or zips of pictures, or names of `cardigan data list`; the first
            64 are taken.
        ways: How latents are found: z, w and w+ by descent in these spaces, encoder by the run's
            own, both by descent in Z from the encoder's answer; all that the run has by default.
        loss: What descent brings near: features of a shipped classifier, pixels, or both.
        features: Whose features: fashion or digits; auto asks which knows the run's data.
        label: The class of all images, where the run has classes; otherwise the nearest is found.
        starts: Points from which descent begins, of which the best is kept.
        steps: Steps of each descent.
        seed: Of the starts.
        json: Print JSON instead of a table.
        out: The picture to write, a .png: targets, what the mean latent draws, and inversions.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    import json as to_text

    _check(starts, steps, seed)
    path = place(out, ".png")
    check(device)

    import torch

    from .. import pictures
    from ..data.stream import as_floats
    from ..explore.inversion import Search
    from ..run import Run
    from .latents import explored
    from .translate import read

    game, recipe = explored(run, device), Run(run).recipe
    labels = _label(game, label)
    parts = [read(image, recipe.size, recipe.channels) for image in images]
    names = [name for some, _ in parts for name in some][:MOST]
    targets = as_floats(torch.cat([part for _, part in parts])[:MOST].to(game.device))
    looks = _looks(game, recipe, loss, features)
    search = Search(looks.descended, starts=starts, steps=steps, seed=seed)
    found = {
        way: find(game, targets, search, labels)
        for way, find in _chosen(game, targets, ways).items()
    }
    result = _told(found, targets, names, looks) | {
        "about": {"run": run, "seen": game.seen, "loss": loss, "starts": starts, "steps": steps,
                  "seed": seed, "picture": str(path)},
    }  # fmt: skip
    pictures.save(_drawn(found, targets, names, result), path)
    print(to_text.dumps(result, indent=2)) if json else _print(result)


def _check(starts: int, steps: int, seed: int) -> None:
    if not 1 <= starts <= 64 or not 1 <= steps <= 100_000 or not 0 <= seed < 2**63:
        raise UserError(
            "expected --starts from 1 to 64, --steps from 1 to 100000 and a --seed of 0 or more, "
            f"got {starts}, {steps} and {seed}"
        )


def _label(game: "Game", label: int | None) -> "Tensor | None":
    import torch

    from .sample import check_label

    check_label(label, game.classes)
    return None if label is None else torch.full((MOST,), label)


def _looks(game: "Game", recipe: "Recipe", loss: str, features: str) -> Looks:
    """Of images, what a classifier sees, and what the search goes by."""
    from ..explore.inversion import balanced
    from ..explore.spaces import conditions
    from ..metrics.features import digits_classifier, fashion_classifier, seen_by
    from ..metrics.networks import classifier_for

    makers: dict[str, Callable[[], Any]] = {
        "auto": lambda: classifier_for(recipe.dataset(), game.device),
        "fashion": lambda: fashion_classifier(game.device),
        "digits": lambda: digits_classifier(game.device),
    }
    look: Any = seen_by(makers[features]().net)
    drawn: Any = game
    samples = drawn.decode(drawn.latents(256, 0), conditions(game, 256))
    compared = {"features": [look], "pixels": [_pixels], "both": [look, _pixels]}[loss]
    return Looks(look, balanced(compared, samples))


def _pixels(images: "Tensor") -> "Tensor":
    return images.flatten(1)


Find = Callable[["Game", "Tensor", "Search", "Tensor | None"], "Found"]


def _chosen(game: "Game", targets: "Tensor", ways: list[str]) -> dict[str, Find]:
    """The ways that were asked for, of those that the run has."""
    from ..explore.inversion import as_they_are, encoded, invert
    from ..explore.spaces import spaces

    there: dict[str, Find] = {
        name: lambda game, x, search, labels, space=space: invert(
            game, space, x, search, None if labels is None else labels[: len(x)]
        )
        for name, space in spaces(game).items()
    }
    if (codes := encoded(game, targets)) is not None:
        z = spaces(game)["z"]
        there["encoder"] = lambda game, x, search, labels: as_they_are(game, z, codes, search)
        there["both"] = lambda game, x, search, labels: invert(game, z, x, search, begin=codes)
    for way in ways:
        if way not in there:
            raise UserError(
                f"expected --ways that the run has ({', '.join(there)}), got "
                f"{printable(way)!r}{did_you_mean(way, there)}"
            )
    return {way: there[way] for way in ways or there}


def _told(
    found: "dict[str, Found]", targets: "Tensor", names: list[str], looks: Looks
) -> dict[str, Any]:
    """Distances of every inversion, beside those of what the mean latent draws."""
    from ..explore.inversion import distances

    ways: dict[str, list[dict[str, Any]]] = {}
    for way, made in found.items():
        near = distances(looks.features, made.images, targets)
        mean = distances(looks.features, made.mean_images, targets)
        pixels = (made.images - targets).square().flatten(1).mean(1) / 4  # of values in [0, 1]
        falls = 1 - near / mean.clamp(min=1e-12)
        rows = zip(
            names, near.tolist(), mean.tolist(), falls.tolist(), pixels.tolist(), strict=True
        )
        keys = "image", "feature_distance", "of_mean", "fall", "pixel_error"
        ways[way] = [dict(zip(keys, row, strict=True)) for row in rows]
        if made.conditions is not None and not made.conditions.is_floating_point():
            for row, label in zip(ways[way], made.conditions.tolist(), strict=True):
                row["class"] = label
    return {"ways": ways}


def _drawn(
    found: "dict[str, Found]", targets: "Tensor", names: list[str], result: dict[str, Any]
) -> "Image":
    import torch

    from ..data.stream import as_bytes
    from ..neighbour_picture import Column, draw

    ways = result["ways"]
    first = next(iter(found.values()))
    none = torch.zeros(len(targets), 1, dtype=torch.bool)
    shown: list[tuple[str, Tensor, list[str]]] = [
        ("targets", targets, [printable(name, 12) for name in names]),
        ("mean latent", first.mean_images, _captions(next(iter(ways.values())), "of_mean")),
        *((TITLES[w], made.images, _captions(ways[w], "feature_distance"))
          for w, made in found.items()),
    ]  # fmt: skip
    columns = [
        Column(title, as_bytes(images[:, None]).cpu(), [[c] for c in captions], none)
        for title, images, captions in shown
    ]
    return draw(columns, "Numbers: distances to the target, in features of a classifier.")


def _captions(rows: list[dict[str, Any]], key: str) -> list[str]:
    return [f"{row[key]:.3g}" for row in rows]


def _print(result: dict[str, Any]) -> None:
    from statistics import median

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    about = result["about"]
    table = Table(box=None, pad_edge=False)
    count = len(next(iter(result["ways"].values())))
    table.add_column(Text(f"medians of {count}"), no_wrap=True)
    for column in ("feature distance", "of the mean latent", "fallen by", "pixel error"):
        table.add_column(column, justify="right")
    for way, rows in result["ways"].items():
        near, mean, fall, pixels = (
            median(row[key] for row in rows)
            for key in ("feature_distance", "of_mean", "fall", "pixel_error")
        )
        table.add_row(way, f"{near:.3g}", f"{mean:.3g}", f"{fall:.1%}", f"{pixels:.3g}")
    Console().print(table)
    print(f"picture  {printable(about['picture'])}")
