"""Critics that cannot be steep, and an average of the weights, against collapse."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES

from . import models, points
from .frame import Claim, Rows, Verdict, by, every, told
from .points import LEGEND, PLAIN, STEPS, UNIT_SLOPE

IMAGES = 100_000
POINTS = {
    "plain": PLAIN,
    "unit slope": UNIT_SLOPE,
    "spectral norm": replace(PLAIN, spectral=True),
}
PICTURES: Mapping[str, tuple[str, Recipe]] = {
    "plain": ("dcgan", RECIPES["dcgan"]),
    "unit slope": ("wgan-gp", RECIPES["wgan-gp"]),
    "spectral norm": ("sngan", RECIPES["sngan"]),
}
SOLVED = 0.9


def measure(seed: int, folder: Path) -> Rows:
    on_points = points.measured(POINTS)(seed, folder)
    # The same networks, of which the average is looked at.
    averages = [
        {**row, "case": f"{row['case']}, averaged", "found": row["found by the average"]}
        for row in on_points
    ]
    pictures = []
    for case, (name, recipe) in PICTURES.items():
        game: Any = models.trained(name, seed, folder.parent, IMAGES, recipe)
        averaged = models.score(game, seed)
        game.generator.ema = None
        for suffix, found in (("", models.score(game, seed)), (", averaged", averaged)):
            pictures.append({"case": f"{case}{suffix}", "data": "fashion-mnist-mini", **found})
    return on_points + averages + pictures


def judge(rows: Rows) -> Verdict:
    toys, pictures = split(rows)
    cure = ("unit slope, averaged", "spectral norm, averaged")
    found = {case: points.by_seed(toys, case, "found") for case in cure}
    better = {case: points.gained(pictures, "plain", case, "floors") for case in cure}
    bounds = [
        *((part, SOLVED) for part in found.values()),
        *((part, 0.0) for part in better.values()),
    ]
    lines = [
        f"{case}: {told(found[case])} of the modes, and {told(better[case], '.0f')} floors nearer "
        "to the data than plain"
        for case in cure
    ]
    return Verdict(every(bounds), "; ".join(lines))


def split(rows: Rows) -> tuple[Rows, Rows]:
    """Rows of points, and of pictures."""
    return [r for r in rows if "found" in r], [r for r in rows if "floors" in r]


def table(rows: Rows) -> list[list[str]]:
    toys, pictures = split(rows)
    lines = [["case", "modes found, ring8", "modes found, grid25", "floors", "rarest class"]]
    for case in by(toys, "case", "found"):
        cells = [
            mean(by([r for r in toys if r["case"] == case], "data", "found")[d])
            for d in points.DATA
        ]
        chosen = [r for r in pictures if r["case"] == case]
        cells += [mean(r[key] for r in chosen) for key in ("floors", "rarest")]
        lines.append([case, *(f"{cell:.3g}" for cell in cells)])
    return lines


def draw(rows: Rows, axes: Any) -> None:
    points.drawn(split(rows)[0], axes)


CLAIM = Claim(
    says="Critics whose slope is bounded (a Wasserstein loss with a penalty, or spectral norm), "
    "and an average of the weights, all but end collapse.",
    how=f"Points: ring8 and grid25, tanh networks of width 128, {STEPS:,} steps of the "
    "discriminator on 256 points; generator at 1e-3, discriminator at 1e-4, at which the plain "
    "game loses modes; the average has a half-life of 20,000 points. Pictures: dcgan, wgan-gp "
    f"and sngan after {IMAGES:,} images of Fashion-MNIST, with the last weights and their "
    "average; Fréchet distance of 2,000 samples in "
    "multiples of its floor. " + LEGEND,
    rule="By seed, for both bounded critics with averaged weights: the share of modes found, a "
    f"mean over both sets (bound {SOLVED}), and by how many floors pictures come nearer to the "
    "data than those of the plain game's last weights (bound 0). Confirmed if all four intervals "
    "lie above their bounds, refuted if one lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="What was lacking was training, and not modes. In no case did samples lie in few "
    "places: those nearest to each mode are as many, in effect, as 70 to 99 % of the modes; but "
    "at most 14 % of them are within three deviations of one, and on the grid hardly any mode was "
    "found. A spectrally normed critic of such small networks, at these rates, had taught the "
    "least. On pictures the average of the weights did help: it took 16 floors off the plain "
    "game's 45, and 4 to 12 off the others'. At that length bounded critics were no nearer than "
    "the plain one, whose critic moves as often as its generator; that of wgan-gp moves five "
    "times.",
)  # fmt: skip
