"""Three families, trained once a seed and shared by the claims that look at models."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cardigan.game import Game
from cardigan.recipes import RECIPES
from cardigan.session import play

IMAGES: Mapping[str, int] = {"dcgan": 100_000, "gan": 200_000, "upsample-gan": 50_000}
"""Of each recipe, at its defaults: what one core sees in about a minute."""


def trained(name: str, seed: int, work: Path) -> Game:
    """A recipe's game after its images; what is trained already is read."""
    base = RECIPES[name]
    training = replace(
        base.training, images=IMAGES[name], seed=seed, device="cpu",
        measure_share=0.0, picture_every=IMAGES[name], checkpoint_every=IMAGES[name],
    )  # fmt: skip
    recipe = replace(base, training=training).fitted()
    return play(name, recipe, work / "models" / f"{name}-{seed}").load()
