# ruff: noqa: E501  # a line a run, as a table is read
"""The runs: forty to choose thresholds by and forty to test them on, half of each are broken.

The two halves share no seed and no strength of a fault. What is broken is the row's own field; all
else is as in the healthy runs. The plain GAN loses modes of the grid by itself, and of the ring at
some rates, so healthy points are rings at rates that were seen to keep all eight.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES

DIVERGENCE, SATURATION, VANISHING = "divergence", "saturation", "vanishing"
COLLAPSE, CLASSES, BLANK = "collapse", "lost-classes", "blank"
OVERFITTING, OSCILLATION, BLIND = "overfitting", "oscillation", "blind"


class Planned(NamedTuple):
    """A run to come."""

    name: str
    split: str  # calibration, test
    symptoms: tuple[str, ...]  # any of which names the fault; none where nothing is wrong
    recipe: str
    fields: dict[str, Any]
    seed: int
    images: int
    batch: int

    @property
    def fault(self) -> str:
        """What the row changes, as it would stand on the command line."""
        return " ".join(f"--{name} {value}" for name, value in self.fields.items())

    def made(self) -> Recipe:
        """The recipe: five checkpoints, forty lines of log."""
        base = RECIPES[self.recipe]
        training = replace(
            base.training, seed=self.seed, images=self.images, batch=self.batch, keep=9,
            log_every=self.images // 40, picture_every=self.images // 5,
            checkpoint_every=self.images // 5, device="cpu", precision="float32",
        )  # fmt: skip
        return replace(base, training=training, **self.fields).fitted()


SMALL: dict[str, Any] = {"size": 16, "width": 16, "lr": 2e-3, "ema_halflife": 2000.0}
LARGE: dict[str, Any] = {"size": 28, "width": 8, "lr": 2e-3, "ema_halflife": 2000.0}
RING: dict[str, Any] = {"data": "ring8"}
GRID: dict[str, Any] = {"data": "grid25"}

Row = tuple[
    str, tuple[str, ...], dict[str, Any], int, int
]  # name, symptoms, fields, images, batch

DEAD = (SATURATION, VANISHING, BLANK, COLLAPSE)
WILD = (DIVERGENCE, OSCILLATION, COLLAPSE, BLANK, SATURATION)

BROKEN_CALIBRATION: list[Row] = [
    ("constant prior", (COLLAPSE, BLANK), {**SMALL, "different_latents": 1}, 20_000, 32),
    ("eight latents in all", (COLLAPSE,), {**SMALL, "different_latents": 8}, 20_000, 32),
    ("forty latents in all", (COLLAPSE,), {**LARGE, "different_latents": 40}, 20_000, 32),
    ("generator never moves", DEAD, {**SMALL, "generator_rate": 0.0}, 20_000, 32),
    ("generator a thousand times too slow", DEAD, {**LARGE, "generator_rate": 1e-3}, 20_000, 32),
    ("generator's sign wrong", DEAD, {**SMALL, "wrong_sign": True}, 20_000, 32),
    ("minimax, discriminator far ahead", DEAD, {**SMALL, "loss": "minimax", "generator_rate": 0.1, "discriminator_steps": 5}, 40_000, 32),
    ("generator 50 times too fast", WILD, {**SMALL, "generator_rate": 50.0}, 20_000, 32),
    ("learning rate grows", WILD, {**SMALL, "lr_doubles_every": 1000}, 25_000, 32),
    ("learning rate 0.1", WILD, {**SMALL, "lr": 0.1}, 20_000, 32),
    ("penalty with the wrong sign", (DIVERGENCE, SATURATION, VANISHING), {**SMALL, "drift": -0.1}, 20_000, 32),
    ("data without sneakers and boots", (CLASSES,), {**SMALL, "without": "79"}, 37_500, 32),
    ("data without trousers", (CLASSES,), {**SMALL, "without": "1"}, 37_500, 32),
    ("64 training images", (OVERFITTING,), {**SMALL, "first": 64}, 30_000, 32),
    ("200 training images", (OVERFITTING,), {**LARGE, "first": 200}, 37_500, 32),
    ("discriminator hardly moves", (BLIND, COLLAPSE), {**SMALL, "discriminator_rate": 1e-3}, 20_000, 32),
    ("Adam's momentum 0.99, lr 0.01", WILD, {**SMALL, "beta1": 0.99, "lr": 0.01}, 20_000, 32),
    ("ring, generator too fast", (COLLAPSE, OSCILLATION), {**RING, "generator_lr": 3e-2}, 1_500_000, 256),
    ("grid, eight latents", (COLLAPSE,), {**GRID, "different_latents": 8}, 1_500_000, 256),
    ("ring, minimax, discriminator too fast", (*DEAD, OSCILLATION), {**RING, "loss": "minimax", "generator_lr": 1e-4, "discriminator_lr": 3e-2}, 1_500_000, 256),
]  # fmt: skip

BROKEN_TEST: list[Row] = [
    ("constant prior", (COLLAPSE, BLANK), {**LARGE, "different_latents": 1}, 17_500, 32),
    ("four latents in all", (COLLAPSE,), {**SMALL, "different_latents": 4}, 22_500, 32),
    ("25 latents in all", (COLLAPSE,), {**SMALL, "different_latents": 25}, 22_500, 32),
    ("generator never moves", DEAD, {**LARGE, "generator_rate": 0.0}, 17_500, 32),
    ("generator 300 times too slow", DEAD, {**SMALL, "generator_rate": 1 / 300}, 22_500, 32),
    ("generator's sign wrong, least squares", DEAD, {**SMALL, "wrong_sign": True, "loss": "least-squares"}, 20_000, 32),
    ("minimax, discriminator far ahead", DEAD, {**SMALL, "loss": "minimax", "generator_rate": 0.05, "discriminator_steps": 8}, 62_500, 32),
    ("generator 30 times too fast", WILD, {**LARGE, "generator_rate": 30.0}, 20_000, 32),
    ("learning rate grows", WILD, {**SMALL, "lr_doubles_every": 700}, 20_000, 32),
    ("learning rate 0.2", WILD, {**LARGE, "lr": 0.2}, 17_500, 32),
    ("penalty with the wrong sign", (DIVERGENCE, SATURATION, VANISHING), {**SMALL, "drift": -0.04}, 25_000, 32),
    ("data without bags", (CLASSES,), {**SMALL, "without": "8"}, 40_000, 32),
    ("data without clothes for above", (CLASSES,), {**SMALL, "without": "0246"}, 35_000, 32),
    ("100 training images", (OVERFITTING,), {**SMALL, "first": 100}, 35_000, 32),
    ("150 training images", (OVERFITTING,), {**SMALL, "first": 150, "width": 12}, 40_000, 32),
    ("discriminator never moves", (BLIND, COLLAPSE), {**SMALL, "discriminator_rate": 0.0}, 20_000, 32),
    ("Adam's momentum 0.98, lr 0.02", WILD, {**SMALL, "beta1": 0.98, "lr": 0.02}, 20_000, 32),
    ("grid, generator too fast", (COLLAPSE, OSCILLATION), {**GRID, "generator_lr": 2e-2}, 1_500_000, 256),
    ("ring, three latents", (COLLAPSE,), {**RING, "different_latents": 3}, 1_500_000, 256),
    ("grid, minimax, discriminator too fast", (*DEAD, OSCILLATION), {**GRID, "loss": "minimax", "generator_lr": 2e-4, "discriminator_lr": 2e-2}, 1_500_000, 256),
]  # fmt: skip

HEALTHY_CALIBRATION: list[Row] = [
    ("DCGAN 16", (), {**SMALL}, 30_000, 32),
    ("DCGAN 16, longer", (), {**SMALL}, 62_500, 32),
    ("DCGAN 16, stopped early", (), {**SMALL}, 12_500, 32),
    ("DCGAN 28", (), {**LARGE}, 30_000, 32),
    ("DCGAN 28, longer", (), {**LARGE}, 50_000, 32),
    ("DCGAN 28, wider", (), {**LARGE, "width": 12}, 25_000, 32),
    ("DCGAN 16, least squares", (), {**SMALL, "loss": "least-squares"}, 30_000, 32),
    ("DCGAN 16, hinge", (), {**SMALL, "loss": "hinge"}, 30_000, 32),
    ("DCGAN 16, smoothed labels", (), {**SMALL, "label_smoothing": 0.1}, 30_000, 32),
    ("DCGAN 16, colour", (), {**SMALL, "channels": 3}, 30_000, 32),
    ("DCGAN 16, no average", (), {**SMALL, "ema_halflife": 0.0}, 30_000, 32),
    ("DCGAN 16, batches of 64", (), {**SMALL}, 50_000, 64),
    ("DCGAN 16, two moves", (), {**SMALL, "discriminator_steps": 2}, 50_000, 32),
    ("DCGAN 16, the recipe's rate", (), {**SMALL, "lr": 8e-4}, 37_500, 32),
    ("DCGAN 16, 20 latents", (), {**SMALL, "latents": 20}, 30_000, 32),
    ("DCGAN 16, narrow", (), {**SMALL, "width": 8}, 37_500, 32),
    ("DCGAN 16, minimax", (), {**SMALL, "loss": "minimax"}, 30_000, 32),
    ("DCGAN 28, smoothed labels", (), {**LARGE, "label_smoothing": 0.1}, 30_000, 32),
    ("ring", (), {**RING, "generator_lr": 7e-4, "discriminator_lr": 1.5e-3}, 1_500_000, 256),
    ("ring, wider", (), {**RING, "generator_lr": 7e-4, "discriminator_lr": 1.5e-3, "width": 160}, 1_500_000, 256),
]  # fmt: skip

HEALTHY_TEST: list[Row] = [
    ("DCGAN 16", (), {**SMALL}, 35_000, 32),
    ("DCGAN 16, longer", (), {**SMALL}, 75_000, 32),
    ("DCGAN 28, stopped early", (), {**LARGE}, 15_000, 32),
    ("DCGAN 28", (), {**LARGE}, 35_000, 32),
    ("DCGAN 28, longer", (), {**LARGE, "lr": 1.5e-3}, 55_000, 32),
    ("DCGAN 28, wider", (), {**LARGE, "width": 10}, 30_000, 32),
    ("DCGAN 28, least squares", (), {**LARGE, "loss": "least-squares"}, 30_000, 32),
    ("DCGAN 16, hinge", (), {**SMALL, "loss": "hinge", "lr": 1.5e-3}, 35_000, 32),
    ("DCGAN 16, smoothed labels", (), {**SMALL, "label_smoothing": 0.2}, 35_000, 32),
    ("DCGAN 16, colour", (), {**SMALL, "channels": 3, "width": 12}, 35_000, 32),
    ("DCGAN 16, no average", (), {**SMALL, "ema_halflife": 0.0, "lr": 1.5e-3}, 35_000, 32),
    ("DCGAN 16, batches of 48", (), {**SMALL}, 45_000, 48),
    ("DCGAN 16, three moves", (), {**SMALL, "discriminator_steps": 3}, 67_500, 32),
    ("DCGAN 16, a slow rate", (), {**SMALL, "lr": 1e-3}, 35_000, 32),
    ("DCGAN 16, 50 latents", (), {**SMALL, "latents": 50}, 35_000, 32),
    ("DCGAN 16, narrow", (), {**SMALL, "width": 10}, 35_000, 32),
    ("DCGAN 16, minimax", (), {**SMALL, "loss": "minimax", "width": 12}, 35_000, 32),
    ("ring", (), {**RING, "generator_lr": 7e-4, "discriminator_lr": 1.5e-3, "width": 112}, 1_500_000, 256),
    ("DCGAN 28, hinge", (), {**LARGE, "loss": "hinge", "lr": 1.5e-3}, 30_000, 32),
    ("ring, faster", (), {**RING, "generator_lr": 8e-4, "discriminator_lr": 1.6e-3}, 1_500_000, 256),
]  # fmt: skip

SPLITS = {
    "calibration": (100, [*BROKEN_CALIBRATION, *HEALTHY_CALIBRATION]),
    "test": (200, [*BROKEN_TEST, *HEALTHY_TEST]),
}


def planned() -> list[Planned]:
    """All eighty, in the order in which they are trained: a broken one, a healthy one, ..."""
    runs = [
        Planned(name, split, symptoms, _recipe(fields), fields, seed + i, images, batch)
        for split, (seed, rows) in SPLITS.items()
        for i, (name, symptoms, fields, images, batch) in enumerate(rows)
    ]
    halves = [runs[i : i + 20] for i in range(0, len(runs), 20)]
    return [
        run
        for pair in zip(halves[::2], halves[1::2], strict=True)
        for both in zip(*pair, strict=True)
        for run in both
    ]


def _recipe(fields: dict[str, Any]) -> str:
    return "breakable-points" if "data" in fields else "breakable-dcgan"


def folder_of(run: Planned, root: Path) -> Path:
    """Where a run lies."""
    kind = "broken" if run.symptoms else "healthy"
    return root / run.split / kind / f"{run.seed}"
