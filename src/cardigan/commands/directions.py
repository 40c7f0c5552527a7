"""`cardigan directions`: ways to edit samples, found without a label, and what each changes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..errors import UserError, printable
from .arguments import check, place

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from ..data.dataset import Attribute
    from ..explore.directions import Directions
    from ..explore.editing import Editor
    from ..explore.spaces import Space
    from ..game import Game
    from ..metrics.attributes import Classifier
    from ..subjects import Reals

FOUND_BY = 2000  # latents whose components are taken
SHOWN = 2  # samples that each direction moves in the picture
FLIPPED = 2.0  # deviations to either side between which flips are counted
RANDOM = 8  # directions that nobody chose, for the floor
MOST = 50  # directions, which are rows, or steps, which are columns


def directions(
    run: str,
    method: Literal["pca", "sefa"] = "pca",
    space: Literal["auto", "z", "w"] = "auto",
    k: int = 6,
    steps: int = 7,
    reach: float = 3.0,
    layers: list[int] = [],  # noqa: B006 - read, never changed
    label: int | None = None,
    flips: bool = False,
    n: int = 1000,
    against: str = "",
    seed: int = 0,
    json: bool = False,
    out: str = "directions.png",
    device: str = "auto",
) -> None:
    """Finds directions along which samples change, and draws each as a row.

    Args:
        run: A run's folder, or one of its checkpoints.
        method: pca takes the principal components of W, or of what the first layer makes of Z;
            sefa takes what the weights that read the latent stretch most.
        space: Which latents are moved: z, or w behind a mapping network; auto takes w where the
            run has one.
        k: How many directions, the strongest first.
        steps: Pictures along each.
        reach: How far they go to either side, in standard deviations along the direction.
        layers: Which layers are moved, from 0, of runs whose layers read styles; all by default.
        label: The class of the samples, where the run has classes; 0 by default.
        flips: Measure, too, in how many samples each direction flips each attribute that the data
            know, by a classifier of each, trained on the spot.
        n: How many samples are asked for that.
        against: Data that know attributes; the run's own by default.
        seed: Of the latents and the classifiers.
        json: Print JSON instead of a table.
        out: The picture to write, a .png.
        device: Where to compute: auto, cpu, cuda, cuda:1, mps.
    """
    import json as to_text

    _check(k, steps, reach, seed, n)
    path = place(out, ".png")
    check(device)

    from .. import pictures
    from ..explore.editing import editor
    from ..explore.spaces import conditions
    from .latents import explored
    from .sample import check_label

    game = explored(run, device)
    check_label(label, game.classes)
    chosen = _space(game, space, layers, run)
    told = conditions(game, 1, seed, label)
    edits = editor(game, chosen, told, layers)
    points = _points(chosen, told, max(n, FOUND_BY), seed)
    ways = _found(edits, points[:FOUND_BY], method, chosen.name, k)
    result: dict[str, Any] = {"shares": ways.shares.tolist(), "flips": None}
    if flips:
        result["flips"] = _flips(edits, points[:n], ways, _judges(run, game, against, seed), seed)
    pictures.save(_drawn(edits, points[:SHOWN], ways, steps, reach), path)
    result["about"] = {
        "run": run, "seen": game.seen, "method": method, "space": chosen.name, "seed": seed,
        "samples": n, "flipped_over": 2 * FLIPPED, "picture": str(path),
    }  # fmt: skip
    print(to_text.dumps(result, indent=2)) if json else _print(result)


def _check(k: int, steps: int, reach: float, seed: int, n: int) -> None:
    if not (1 <= k <= MOST and 2 <= steps <= MOST) or not 0 < reach <= 100:
        raise UserError(
            f"expected -k from 1 to {MOST}, --steps from 2 to {MOST} and a --reach above 0 and up "
            f"to 100, got {k}, {steps} and {reach:g}"
        )
    if not 100 <= n <= 1_000_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 100 to a million and a --seed of 0 or more, got {n} and {seed}"
        )


def _space(game: "Game", name: str, layers: list[int], run: str) -> "Space":
    from ..abilities import Layers
    from ..explore.spaces import spaces

    found = spaces(game)
    name = {"auto": "w" if "w" in found else "z"}.get(name, name)
    if name not in found:
        raise UserError(f"expected --space z, got {name}: {run} has no mapping network")
    if layers and (name != "w" or not isinstance(game, Layers)):
        raise UserError(
            f"expected no --layers: in the {name} of {run}, layers read no styles of their own"
        )
    if isinstance(game, Layers) and not all(0 <= layer < game.layers for layer in layers):
        raise UserError(f"expected --layers from 0 to {game.layers - 1}, got {layers}")
    return found[name]


def _points(space: "Space", told: "Tensor | None", n: int, seed: int) -> "Tensor":
    return space.draw(n, seed, None if told is None else told.expand(n, *told.shape[1:]))


def _found(edits: "Editor", points: "Tensor", method: str, space: str, k: int) -> "Directions":
    from ..explore.directions import METHODS

    if k > points.shape[1]:
        raise UserError(f"expected -k up to {points.shape[1]}, the size of {space}, got {k}")
    try:
        return METHODS[method][space](edits.draw, points, k)
    except ValueError as error:
        raise UserError(f"{error}, so {method} finds nothing in {space} of this run") from None


def _judges(
    run: str, game: "Game", against: str, seed: int
) -> "dict[str, tuple[Classifier, float]]":
    """A classifier of each attribute that the data know, and which share it names right."""
    from ..metrics.attributes import learn
    from ..metrics.audit import question
    from ..run import Run
    from ..subjects import Subject

    reals: Reals = Subject(run, Run(run), game).reals(against)
    names = _unlike(reals.train.known)
    if not names:
        raise UserError(
            f"expected data that know attributes or labels, got {printable(reals.train.name)}: "
            "leave --flips away or give --against DATA"
        )
    found = {}
    for name in names:
        asked = question(*reals, name, seed)
        judge = learn(asked.train.images, asked.train.values, len(asked.names), seed)
        right = judge(asked.held_out.images).argmax(1) == asked.held_out.values
        found[name] = judge, right.double().mean().item()
    return found


def _unlike(known: "Mapping[str, Attribute]") -> list[str]:
    """Attributes of a few values, without those that say what another says: a label often does."""
    names: list[str] = []
    for name, attribute in known.items():
        few = 2 <= len(attribute.names) <= MOST
        if few and not any(attribute.values.equal(known[other].values) for other in names):
            names.append(name)
    return names


def _flips(
    edits: "Editor",
    points: "Tensor",
    ways: "Directions",
    judges: "dict[str, tuple[Classifier, float]]",
    seed: int,
) -> dict[str, Any]:
    """How often each direction flips each attribute, and how often random ones do."""
    from ..explore.directions import at_random
    from ..metrics.flips import Flips, aim, flips
    from ..progress import track
    from ..randomness import generator

    only = {name: judge for name, (judge, _) in judges.items()}

    def flipped(way: "Directions") -> "dict[str, Flips]":
        before, after = (_moved(edits, points, way, side * FLIPPED) for side in (-1, 1))
        return flips(before, after, only)

    random = at_random(points, RANDOM, generator(seed, 2))
    single = [*_each(ways), *_each(random)]
    found = [flipped(way) for way in track(single, "flipping", unit="directions")]
    mine, theirs = found[:-RANDOM], found[-RANDOM:]
    return {
        "directions": [
            {"aim": aim(one)._asdict(), "attributes": {n: f._asdict() for n, f in one.items()}}
            for one in mine
        ],
        "floor": {name: sum(one[name].share for one in theirs) / RANDOM for name in only},
        "classifier_right": {name: right for name, (_, right) in judges.items()},
    }


def _each(ways: "Directions") -> "list[Directions]":
    """Each direction by itself."""
    columns = zip(*(part.split(1) for part in ways), strict=True)
    return [type(ways)(*column) for column in columns]


def _moved(edits: "Editor", points: "Tensor", way: "Directions", reach: float) -> "Tensor":
    """As a picture file holds them: uint8 [N, C, H, W]."""
    import torch

    from ..data.stream import as_bytes
    from ..explore.editing import edited

    return torch.cat(
        [as_bytes(edited(edits, part, way, reach)[0].cpu()) for part in points.split(250)]
    )


def _drawn(
    edits: "Editor", points: "Tensor", ways: "Directions", steps: int, reach: float
) -> "Image":
    """A direction a row, a sample a column of pictures; those that are framed are unmoved."""
    import torch

    from ..data.stream import as_bytes
    from ..explore.editing import edited
    from ..neighbour_picture import Column, draw

    at = torch.linspace(-reach, reach, steps).tolist()
    images = as_bytes(torch.stack([edited(edits, points, ways, r).cpu() for r in at], 2))
    rows = len(ways.vectors)
    framed = torch.tensor([abs(r) < 1e-6 for r in at]).expand(rows, -1)
    columns = [
        Column(f"sample {i + 1}\nmoved along each direction", own, [_captions(at)] * rows, framed)
        for i, own in enumerate(images.unbind(1))
    ]
    return draw(columns, "Numbers: standard deviations along the direction of the row.")


def _captions(at: list[float]) -> list[str]:
    return [f"{r:+.2g}" if abs(r) > 1e-6 else "0" for r in at]


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    about, flips = result["about"], result["flips"]
    table = Table(box=None, pad_edge=False)
    flipping = ("flips", "in", "others, on average", "most of them") if flips else ()
    for column in ("direction", "share", *flipping):
        table.add_column(column, justify="right")
    for i, share in enumerate(result["shares"]):
        cells = [str(i + 1), f"{share:.1%}"]
        if flips:
            aim = flips["directions"][i]["aim"]
            shares = (_percent(aim[key]) for key in ("own", "others", "worst"))
            cells += [printable(aim["attribute"]), *shares]
        table.add_row(*map(Text, cells))
    Console().print(table)
    if flips:
        floor = ", ".join(f"{printable(n)} {_percent(s)}" for n, s in flips["floor"].items())
        print(f"random directions of the same length: {floor}")
    print(f"picture  {printable(about['picture'])}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
