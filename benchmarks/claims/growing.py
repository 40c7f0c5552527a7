"""Progressive GANs at 32 pixels, and what their samples score on the way: shared by claims."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cardigan.data import catalogue
from cardigan.game import Game
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import frechet_distance
from cardigan.metrics.manifold import manifold, overlap
from cardigan.metrics.similarity import pair_similarity
from cardigan.metrics.wasserstein import patch_distance
from cardigan.recipes import RECIPES
from cardigan.recipes.progressive import ProgressiveGAN
from cardigan.subjects import draw

from .frame import Rows, alone, stored
from .models import scores, trained

NAME = "progressive-gan"
STEP, IMAGES = 12_500, 110_000
SIZE, N, PAIRED, PATCHED, DIRECTIONS, SHOWN = 32, 2000, 4000, 1000, 128, 8
BASE = RECIPES[NAME]
assert isinstance(BASE, ProgressiveGAN)
GROWING = replace(BASE, size=SIZE, stable_images=STEP, fading_images=STEP)
"""At full size after six steps, which are 75,000 images."""
CLOCKS = tuple(range(60_000, IMAGES + 1, 10_000))


def along(case: str, recipe: ProgressiveGAN, seed: int, work: Path, at: Sequence[int]) -> Rows:
    """What a recipe's samples score after each number of images in `at`, which rise.

    It is kept under the case's name: claims that ask for the same share it.
    """
    kept = work / "growing" / case.replace(" ", "-") / f"{seed}.json"
    with alone(kept):
        found = json.loads(kept.read_text()) if kept.exists() else {}
        for images in at:
            if str(images) not in found:
                (told,) = scores(NAME, seed, work, (images,), recipe)
                game = trained(NAME, seed, work, images, recipe)
                seconds = {"seconds": images / told["images_per_second"]}
                found[str(images)] = seconds | scored(game, seed)
                kept.write_text(json.dumps(found))
    return [{"case": case, "images": images, **found[str(images)]} for images in at]


def scored(game: Game, seed: int) -> dict[str, Any]:
    """Distances to reals of the samples' own size, recall, and how alike pairs of samples are."""
    images = draw(game, PAIRED, seed).images
    reals = catalogue.load("fashion-mnist-mini", size=images.shape[-1]).images
    real, fake = (extract(fashion_classifier(), some[:N]).features for some in (reals, images))
    patches = patch_distance(reals[:PATCHED], images[:PATCHED], directions=DIRECTIONS, seed=seed)
    return {
        "frechet": frechet_distance(real, fake), "swd": patches.mean,
        "recall": overlap(manifold(real), manifold(fake)).recall,
        "ms_ssim": pair_similarity(images, seed=seed).mean,
        "samples": stored(images[:SHOWN], SHOWN),
    }  # fmt: skip
