"""Games on points in the plane, played once a seed and shared by claims; and what they find."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from cardigan.data.dataset import Modes
from cardigan.game import Game
from cardigan.games.outputs import decoded
from cardigan.metrics.modes import mode_coverage
from cardigan.randomness import mix
from cardigan.recipe import Recipe
from cardigan.recipes.options import Restraints
from cardigan.recipes.toys import PointGAN
from cardigan.run import make
from cardigan.train import Hook, train

from .frame import Rows, by, means

STEPS = 8_000
"""Moves of the discriminator that every case has."""
LOOKS = 16
N = 2_500
DATA = ("ring8", "grid25")
PACE: Any = {"generator_lr": 1e-3, "discriminator_lr": 1e-4}
"""The rates of Metz et al. 2016, arXiv:1611.02163, at which the plain game loses modes."""
PLAIN = PointGAN(**PACE, ema_halflife=20_000)
MINIMAX = replace(PLAIN, loss="minimax")
UNIT_SLOPE = replace(
    PLAIN,
    loss="wasserstein",
    discriminator=Restraints(steps=5, penalty="unit-slope", penalty_weight=0.1),
)


def played(recipe: Recipe, seed: int, work: Path, steps: int = STEPS) -> dict[str, Any]:
    """What a recipe finds in so many steps: figures at the end, and along the way.

    A step is a batch that the discriminator moves on. Of a recipe that averages weights both
    the last weights and the average are looked at. What was played already is read.
    """
    batch = recipe.training.batch
    training = replace(recipe.training, images=steps * batch, seed=seed, device="cpu")
    recipe = replace(recipe, training=training).fitted()
    told = json.dumps([type(recipe).__name__, asdict(recipe)], sort_keys=True)
    kept = work / "points" / f"{sha256(told.encode()).hexdigest()[:16]}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    found = _play(recipe, seed)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def _play(recipe: Recipe, seed: int) -> dict[str, Any]:
    dataset = recipe.dataset()
    assert dataset.modes is not None
    modes, images, looks = dataset.modes, recipe.training.images, []
    torch.manual_seed(mix(seed))
    game = make(recipe)

    def look(game: Game, log: Mapping[str, Tensor]) -> None:
        looks.append(_look(game, modes) | {k: v.item() for k, v in log.items()})

    stream = recipe.stream(dataset, game.device)
    train(game, stream, images, seed=seed, hooks=[Hook(images // LOOKS, look)])
    late = looks[len(looks) // 2 :]
    return {
        **{key: late[-1][key] for key in ("modes", "quality", "kl")},
        "averaged": late[-1]["averaged"],
        "restless": mean(_distance(a["shares"], b["shares"]) for a, b in pairwise(late)),
        "looks": looks,
    }


def _look(game: Any, modes: Modes) -> dict[str, Any]:
    """The share of samples nearest to each mode, and how many are at one."""
    player = game.generator
    z = game.latents(N, seed=0)
    points, averaged = (decoded(net, z, None) for net in (player.net, player.eval_net))
    nearest = torch.cdist(points, modes.centres).argmin(1)
    shares = torch.bincount(nearest, minlength=len(modes.centres)) / N
    return {
        **_figures(points, modes),
        "averaged": _figures(averaged, modes),
        "shares": shares.tolist(),
    }


def _figures(points: Tensor, modes: Modes) -> dict[str, float]:
    found = mode_coverage(points, modes)
    return {"modes": found.captured, "quality": found.high_quality, "kl": found.kl}


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    """In total variation: the share of samples that went elsewhere."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 2


def measured(cases: Mapping[str, Recipe], steps: int = STEPS) -> Callable[[int, Path], Rows]:
    """What a claim measures: every case on every set of points."""

    def measure(seed: int, folder: Path) -> Rows:
        return [
            {
                "case": name,
                "data": data,
                **_row(played(replace(recipe, data=data), seed, folder.parent, steps)),
            }
            for name, recipe in cases.items()
            for data in DATA
        ]

    return measure


def _row(found: Mapping[str, Any]) -> dict[str, float]:
    modes = len(found["looks"][-1]["shares"])
    return {
        "found": found["modes"] / modes,
        "found by the average": found["averaged"]["modes"] / modes,
        "spread": _spread(found["looks"][-1]["shares"]),
        "quality": found["quality"],
        "restless": found["restless"],
    }


#   exp(H(shares)) / K
def _spread(shares: Sequence[float]) -> float:
    """Modes that samples are nearest to, in effect: 1 if all alike, 1 / K if one has all."""
    return exp(-sum(s * log(s) for s in shares if s)) / len(shares)


def by_seed(rows: Rows, case: str, key: str) -> list[float]:
    """A figure of a case by seed, as a mean over sets of points."""
    return [mean(v) for v in by([r for r in rows if r["case"] == case], "seed", key).values()]


def gained(rows: Rows, case: str, than: str, key: str) -> list[float]:
    """By seed, how far a case's figure lies above another's."""
    pairs = zip(by_seed(rows, case, key), by_seed(rows, than, key), strict=True)
    return [a - b for a, b in pairs]


FIGURES = ("found", "spread", "quality", "restless")
LEGEND = (
    "`found`: the share of modes with ten samples of 2,500 within three deviations; `spread`: "
    "modes that samples are nearest to, in effect, as a share; `quality`: the share of samples "
    "within three deviations of a mode; `restless`: the share of samples that went to other modes "
    "from one look to the next (a sixteenth of the game), over its second half."
)


def tabled(rows: Rows) -> list[list[str]]:
    """Means over seeds, a line a case and set."""
    told = [{**r, "case": f"{r['case']}, {r['data']}"} for r in rows]
    return means(told, "case", FIGURES)


def drawn(rows: Rows, axes: Any, key: str = "found", label: str = "share of modes found") -> None:
    """A dot a seed, and a line at the mean, for each case and set."""
    cases = list(by(rows, "case", key))
    for shift, (colour, data) in zip(
        (0.15, -0.15), (("C0", "ring8"), ("C1", "grid25")), strict=True
    ):
        for place, case in enumerate(reversed(cases)):
            values = [r[key] for r in rows if (r["case"], r["data"]) == (case, data)]
            height = place + shift
            axes.plot(values, [height] * len(values), "o", color=colour, alpha=0.5)
            axes.plot(
                [mean(values)] * 2, [height - 0.13, height + 0.13], color=colour, linewidth=3
            )
        axes.plot([], [], "o", color=colour, label=data)
    axes.set_yticks(range(len(cases)), [*reversed(cases)])
    axes.set(xlabel=f"{label}: a dot a seed, a bar their mean")
    axes.legend(frameon=False, loc="best")
