"""Games on images, trained once a seed and shared by claims; and what their samples score."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cardigan.checkpoint import NonFinite, latest
from cardigan.data import catalogue
from cardigan.game import Game
from cardigan.guard import Diverged
from cardigan.metrics.classes import class_shares
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import frechet_distance
from cardigan.metrics.manifold import manifold, overlap
from cardigan.recipe import Recipe, flatten, is_harmless, to_json
from cardigan.recipes import RECIPES
from cardigan.run import Run
from cardigan.session import play
from cardigan.subjects import draw

from .frame import DEVICE, alone

IMAGES: Mapping[str, int] = {"dcgan": 100_000, "gan": 200_000, "upsample-gan": 50_000}
"""Three families at their defaults: what one core sees in about a minute."""
BIGGAN = 100_000
"""Images that a BigGAN sees: 782 moves of its generator, each after two of its discriminator."""
SMALL_BIGGAN = replace(RECIPES["biggan"], width=8)
"""A BigGAN of half the width, of which several can be compared: 2.7 times as fast."""
SMALL_CLOCKS = (16_000, 32_000, 64_000)
"""Images after which it is looked at: of batches of 64, 500 moves of its generator in all."""
N = 2000
LOST = (Diverged, NonFinite)
"""What a run ends with whose numbers are no longer finite."""


def trained(
    name: str, seed: int, work: Path, images: int = 0, recipe: Recipe | None = None
) -> Game:
    """A recipe's game after its images; what is trained already is read.

    Arguments:
        images: By default as many as `IMAGES` has.
        recipe: With options of its own; by default the recipe of that name as it is.
    """
    return _played(name, seed, work, images or IMAGES[name], recipe).load()


def scores(
    name: str, seed: int, work: Path, at: Sequence[int], recipe: Recipe | None = None
) -> list[dict[str, float]]:
    """What its samples score after each number of images in `at`, which rise."""
    run = Run(_place(name, seed, work, recipe or RECIPES[name]))
    kept = run.path / "scores.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    for images in at:
        if str(images) not in found:
            played = _played(name, seed, work, images, recipe)
            found[str(images)] = score(played.load(), seed) | {"images_per_second": _speed(played)}
            kept.write_text(json.dumps(found, indent=1))
    return [found[str(images)] for images in at]


def score(game: Game, seed: int) -> dict[str, float]:
    """Of 2,000 samples against 2,000 reals: Fréchet distance, precision, recall, rarest class."""
    samples = draw(game, N, seed).images
    seen = extract(fashion_classifier(), samples)
    real, floor = _reals(samples.shape[-1])
    shares = class_shares(seen.probabilities)
    distance = frechet_distance(real, seen.features)
    found = overlap(manifold(real), manifold(seen.features))
    return {
        "frechet": distance, "floors": distance / floor, "rarest": shares.min().item(),
        "precision": found.precision, "recall": found.recall,
    }  # fmt: skip


@cache
def _reals(size: int):  # noqa: ANN202
    """Features of reals, resized as those that were learnt, and how far as many others lie."""
    sets = [catalogue.load("fashion-mnist-mini", split, size) for split in ("train", "test")]
    one, other = (extract(fashion_classifier(), some.images[:N]).features for some in sets)
    return one, frechet_distance(one, other)


def _played(name: str, seed: int, work: Path, images: int, recipe: Recipe | None) -> Run:
    base = recipe or RECIPES[name]
    training = replace(
        base.training, images=images, seed=seed, device=DEVICE, measure_share=0.0,
        picture_every=10**9, checkpoint_every=10**9,
    )  # fmt: skip
    path = _place(name, seed, work, base)
    with alone(path):
        return _reached(name, replace(base, training=training).fitted(), path, images)


def _reached(name: str, recipe: Recipe, path: Path, images: int) -> Run:
    """The run at its images: read, gone on with, or begun."""
    while _seen(Run(path)) >= images + 10 * recipe.training.batch:
        path /= "earlier"  # there is no way back: it is played once more
    if _seen(run := Run(path)) < images:
        play(name, recipe, path)
    return run


def _seen(run: Run) -> int:
    """Its clock; 0 before its first checkpoint, where it was cut off."""
    return run.load().seen if latest(run.checkpoints) else 0


def _speed(run: Run) -> float:
    """Images a second, over the whole run."""
    last = json.loads((run.path / "log.jsonl").read_text().splitlines()[-1])
    return last["seen"] / last["seconds"]


def _place(name: str, seed: int, work: Path, recipe: Recipe) -> Path:
    """A folder for all that the weights hang on, but the number of images."""
    fields: dict[str, Any] = flatten(json.loads(to_json(name, recipe, ""))["fields"])
    fixed = {key: value for key, value in fields.items() if not is_harmless(type(recipe), key)}
    digest = sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:8]
    return work / "models" / f"{name}-{digest}" / str(seed)
