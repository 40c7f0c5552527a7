"""dcgan under other losses over learning rates, shared by claims: who minds the rate?"""

from collections.abc import Mapping
from dataclasses import replace
from math import log10
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from cardigan.recipes.dcgan import DCGAN

from . import models
from .frame import Rows, by

IMAGES = 30_000
RATES = (2e-4, 8e-4, 3.2e-3, 1.28e-2)
LOST = 1_000.0
"""Floors that a run counts with that came to numbers that are not finite: those of noise."""


def measured(recipes: Mapping[str, DCGAN], seed: int, work: Path) -> Rows:
    """Fréchet distances in multiples of the floor, a row a recipe and rate."""
    return [
        {"loss": name, "lr": lr, "floors": _floors(replace(recipe, lr=lr), seed, work)}
        for name, recipe in recipes.items()
        for lr in RATES
    ]


def _floors(recipe: DCGAN, seed: int, work: Path) -> float:
    try:
        return models.scores("dcgan", seed, work, (IMAGES,), recipe)[0]["floors"]
    except models.LOST:
        return LOST


def span(rows: Rows, loss: str) -> list[float]:
    """By seed, powers of ten between the worst rate's distance and the best's."""
    found = by([r for r in rows if r.get("lr") and r["loss"] == loss], "seed", "floors")
    return [log10(max(floors) / min(floors)) for floors in found.values()]


def tabled(rows: Rows) -> list[list[str]]:
    """Floors, a line a loss and a column a rate."""
    rows = [r for r in rows if r.get("lr")]
    lines = [["floors after 30,000 images, by rate", *(f"{lr:g}" for lr in RATES)]]
    for loss in by(rows, "loss", "lr"):
        found = by([r for r in rows if r["loss"] == loss], "lr", "floors")
        lines.append([str(loss), *(f"{geometric_mean(found[lr]):.0f}" for lr in RATES)])
    return lines


def drawn(rows: Rows, axes: Any) -> None:
    """A line a loss through geometric means, a dot a seed."""
    rows = [r for r in rows if r.get("lr")]
    for i, loss in enumerate(by(rows, "loss", "lr")):
        chosen = [r for r in rows if r["loss"] == loss]
        line = by(chosen, "lr", "floors")
        axes.plot(
            list(line), [geometric_mean(v) for v in line.values()], "-", color=f"C{i}", label=loss
        )
        axes.plot(
            [r["lr"] for r in chosen], [r["floors"] for r in chosen], "o", color=f"C{i}", alpha=0.5
        )
    axes.set(
        xscale="log", yscale="log", xlabel="learning rate of both players",
        ylabel="Fréchet distance, multiples of the floor",
    )  # fmt: skip
    axes.legend(frameon=False)
