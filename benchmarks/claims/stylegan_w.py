"""Paths in Z and paths in W: along which do pictures of a StyleGAN2 move more evenly?"""

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cardigan.data.stream import as_bytes
from cardigan.explore.spaces import spaces
from cardigan.explore.walks import PATHS, End, evenly, walk
from cardigan.metrics.features import fashion_classifier
from cardigan.metrics.path_length import lerp, path_length, path_lengths, slerp, unrounded
from cardigan.recipes import RECIPES
from cardigan.run import make

from .frame import Claim, Rows, Verdict, by, every, means, paired, panels, show, stored, told
from .models import trained

IMAGES, DRAWN, PLACES, SHOWN = 64_000, 2000, 11, 3
TRAINED = "trained"
RECIPE = replace(RECIPES["stylegan2"], size=32, channels=1, path_weight=0.0)
SPACES = {"z": ("Z", slerp, "spherical"), "w": ("W", lerp, "straight")}
WHERE = {"anywhere": True, "ends": False}
BOUND = 0.0


def measure(seed: int, folder: Path) -> Rows:
    torch.manual_seed(seed)
    games = {
        TRAINED: trained("stylegan2", seed, folder.parent, IMAGES, RECIPE),
        "untrained": make(RECIPE),
    }
    return [row(game, state, name, seed) for state, game in games.items() for name in SPACES]


def row(game, state: str, name: str, seed: int) -> dict[str, Any]:  # noqa: ANN001
    """The lengths of ways in one space, and a few of the ways."""
    title, path, ways = SPACES[name]
    space, seen = spaces(game)[name], unrounded(fashion_classifier().net)
    start, end = (space.draw(DRAWN, 2 * seed + k, None) for k in (0, 1))

    def decode(points: Tensor) -> Tensor:
        return space.decode(points, None)

    lengths = {
        where: path_length(
            path_lengths(decode, seen, start, end, path, full=full, seed=seed)
        ).mean
        for where, full in WHERE.items()
    }  # fmt: skip
    few = [End(points[:SHOWN], None) for points in (start, end)]
    with torch.no_grad():
        frames = walk(space, *few, PATHS[ways], evenly(PLACES), game.classes)
    return {
        "case": f"{state}, {title}", **lengths,
        **{f"log, {where}": log(length) for where, length in lengths.items()},
        "frames": stored(as_bytes(frames.flatten(0, 1)), PLACES),
    }  # fmt: skip


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, the log of a path's length in Z over that in W."""
    return {
        where: paired(rows, "case", f"{TRAINED}, Z", f"{TRAINED}, W", f"log, {where}")
        for where in WHERE
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    said = ", at ".join(f"{where} {told(values)}" for where, values in found.items())
    return Verdict(
        every((part, BOUND) for part in found.values()),
        f"the log of the length in Z over that in W: {said}, with 95 % intervals over seeds; both "
        f"were to lie above {BOUND}",
    )


def table(rows: Rows) -> list[list[str]]:
    return means(rows, "case", tuple(WHERE))


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, strips = panels(axes, 1.0)
    cases = list(by(rows, "case", "ends"))
    for colour, where in enumerate(WHERE):
        found = by(rows, "case", where)
        for place, case in enumerate(cases):
            label = None if place else where
            axes.plot([place] * len(found[case]), found[case], "o", color=f"C{colour}",
                      alpha=0.6, label=label)  # fmt: skip
    axes.set_xticks(range(len(cases)), [case.replace(", ", ",\n") for case in cases])
    axes.set(yscale="log", ylabel="path length, less is more even")
    axes.legend(frameon=False, title="on the way")
    strips.set_axis_off()
    first = [r for r in rows if r["seed"] == rows[0]["seed"] and r["case"].startswith(TRAINED)]
    for place, one in enumerate(first):
        panel = strips.inset_axes((0, 0.5 - 0.5 * place, 1, 0.4))
        show(panel, one["frames"], one["case"])


CLAIM = Claim(
    says="The W of a StyleGAN is less entangled than its Z.",
    how=f"`stylegan2` after {IMAGES:,} images of Fashion-MNIST at 32 pixels, 2,000 "
    "moves of its generator, without its price on uneven paths in W, which would decide the "
    f"matter. The perceptual path length of {DRAWN:,} ways, along arcs in Z and straight "
    "in W between the same latents, anywhere on the ways and at their ends, by the features of "
    "the shipped classifier in the place of LPIPS. Beside it the same of a network that was never "
    "trained.",
    rule="By seed, the log of the length in Z less that in W, anywhere and at the ends. Confirmed "
    "if both intervals lie above 0; refuted if one lies below.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="A network that was never trained has as large a ratio, so the verdict is one on the "
    "form, eight layers that bring latents together before they are read, and not on what "
    "training does to W. In Z training shortens ways a little, in W it does not.",
)
