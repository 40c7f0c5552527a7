"""Games on points in the plane, played once a seed and shared by claims; and what they find."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from cardigan.data.dataset import Modes
from cardigan.game import Game
from cardigan.games.gan import decoded
from cardigan.metrics.modes import mode_coverage
from cardigan.randomness import mix
from cardigan.recipe import Recipe
from cardigan.recipes.toys import PointGAN
from cardigan.run import make
from cardigan.train import Hook, train

STEPS = 8_000
"""Moves of the discriminator that every case has."""
LOOKS = 16
N = 2_500
DATA = ("ring8", "grid25")
PLAIN = PointGAN()


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
