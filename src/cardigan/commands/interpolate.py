"""`cardigan interpolate`: the way from one sample to another, as a strip or as an animation."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import durable
from ..errors import UserError, printable
from .arguments import check

if TYPE_CHECKING:
    from torch import Tensor

    from ..explore.spaces import Space
    from ..explore.walks import End
    from ..game import Game

STEPS = {".png": 9, ".gif": 24}  # where none are asked for


def interpolate(
    run: str,
    between: Literal["latents", "classes", "both"] = "latents",
    path: Literal["auto", "straight", "spherical"] = "auto",
    space: Literal["z", "w"] = "z",
    classes: list[int] = [],  # noqa: B006 - read, never changed
    rows: int = 6,
    steps: int = 0,
    seed: int = 0,
    out: str = "interpolation.png",
    device: str = "auto",
) -> None:
    """Draws what lies between samples: a strip a row, or a GIF that goes there and back.

    Args:
        run: A run's folder, or one of its checkpoints.
        between: What changes along a row: the latent, the class (or whatever else the generator is
            told), or both.
        path: Straight lines or arcs between latents; auto takes arcs in Z and lines in W.
        space: Where latents move: z, or w behind a mapping network, where the run has one.
        classes: The classes that rows begin with, in turn, and end with the next of; all by
            default.
        rows: How many ways.
        steps: Pictures along each; 0 is 9 in a strip and 24 in a GIF.
        seed: Of the latents.
        out: strip.png or animation.gif.
        device: Where to draw: auto, cpu, cuda, cuda:1, mps.
    """
    file = Path(out)
    _check(rows, steps, seed, file)
    check(device)

    from ..explore.spaces import spaces
    from ..explore.walks import OWN, PATHS, evenly, walk
    from .latents import explored

    game = explored(run, device)
    found = spaces(game)
    if space not in found:
        raise UserError(
            f"expected --space {' or '.join(found)}, got {space}: {run} has no {space}"
        )
    start, end = _ends(game, found[space], between, classes, rows, seed)
    way = PATHS[path if path in PATHS else OWN[space]]
    at = evenly(steps or STEPS[file.suffix])
    try:
        frames = walk(found[space], start, end, way, at, game.classes)
    except ValueError as error:
        raise UserError(f"{error}: choose --path straight or another --seed") from None
    {".png": _strip, ".gif": _animation}[file.suffix](frames, file)
    print(printable(out))


def _check(rows: int, steps: int, seed: int, file: Path) -> None:
    if not 1 <= rows <= 100 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected --rows from 1 to 100 and a --seed of 0 or more, got {rows} and {seed}"
        )
    if steps and not 2 <= steps <= 1000:
        raise UserError(f"expected --steps from 2 to 1000, got {steps}")
    if file.suffix not in STEPS:
        raise UserError(f"expected --out to be a .png or a .gif, got {printable(str(file))!r}")
    durable.check(file)


def _ends(
    game: "Game", space: "Space", between: str, classes: list[int], rows: int, seed: int
) -> "tuple[End, End]":
    """Where rows begin and end: with one latent or two, told one thing or two."""
    from ..explore.spaces import conditions
    from ..explore.walks import End
    from ..randomness import mix

    latent, told = {"latents": (1, 0), "classes": (0, 1), "both": (1, 1)}[between]
    known = [
        conditions(game, rows, mix(seed, k), _labels(game, classes, rows, k)) for k in (0, told)
    ]
    if told and known[0] is None:
        raise UserError(
            f"expected --between latents, got {between}: the run was trained without classes"
        )
    seeds = mix(seed, 0), mix(seed, latent)
    start, end = (End(space.draw(rows, s, c), c) for s, c in zip(seeds, known, strict=True))
    return start, end


def _labels(game: "Game", classes: list[int], rows: int, shift: int) -> "Tensor | None":
    """Of each row, the class that is `shift` places after its first."""
    import torch

    if not game.classes:
        if classes:
            raise UserError("expected no --classes: the run was trained without any")
        return None
    if not all(0 <= label < game.classes for label in classes):
        raise UserError(f"expected --classes from 0 to {game.classes - 1}, got {classes}")
    among = torch.tensor(classes or range(game.classes))
    return among[(torch.arange(rows) + shift) % len(among)]


def _strip(frames: "Tensor", file: Path) -> None:
    from .. import pictures

    pictures.save(pictures.draw(frames.flatten(0, 1), columns=frames.shape[1]), file)


def _animation(frames: "Tensor", file: Path) -> None:
    from .. import pictures
    from ..explore.walks import there_and_back

    loop = there_and_back(frames)
    pictures.save_animation([pictures.draw(cells) for cells in loop.unbind(1)], file)
