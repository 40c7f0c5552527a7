"""Least squares against the losses of a sigmoid: gradients, and learning rates."""

from dataclasses import replace
from pathlib import Path

from cardigan.recipes.dcgan import DCGAN

from . import rates, vanishing
from .frame import Claim, Rows, Verdict, every, told

RECIPES = {"non-saturating": DCGAN(), "least-squares": replace(DCGAN(), loss="least-squares")}


def measure(seed: int, folder: Path) -> Rows:
    return vanishing.measure(seed, folder) + rates.measured(RECIPES, seed, folder.parent)


def judge(rows: Rows) -> Verdict:
    paths = [r for r in rows if "gradient" in r]
    minimax, sigmoid, squares = (
        vanishing.faded(paths, loss) for loss in ("minimax", "non-saturating", "least-squares")
    )
    kept = [_less(squares, other) for other in (minimax, sigmoid)]
    calm = _less(*(rates.span(rows, loss) for loss in RECIPES))
    return Verdict(
        every((part, 0.0) for part in (*kept, calm)),
        f"least squares keep {told(kept[0])} powers of ten more of the gradient than minimax, and "
        f"{told(kept[1])} more than the non-saturating loss; over learning rates their distances "
        f"span {told(calm)} powers of ten less than the latter's",
    )


def _less(one: list[float], other: list[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


CLAIM = Claim(
    says="Least squares avoid the vanishing gradients of a sigmoid, and train more stably.",
    how="Gradients as [vanishing](vanishing.md) measures them. Stability: dcgan with the "
    f"non-saturating loss and with least squares (codes 0, 1, 1), {rates.IMAGES:,} images of "
    "Fashion-MNIST, at four learning rates; how many powers of ten lie between the Fréchet "
    "distances of the best and the worst.",
    rule="By seed: log10 of the last gradient over the largest, of least squares less that of "
    "minimax, and less that of the non-saturating loss; and the span over rates of the "
    "non-saturating loss less that of least squares. Confirmed if all three intervals lie above "
    "0; refuted if one lies below.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=rates.tabled,
    draw=rates.drawn,
    remark="A narrow span is no stability here: after 30,000 images least squares had not got off "
    "the ground at any rate, 575 floors away at its best, where the non-saturating loss came to "
    "82. It is slow, not lost: [`lsgan`](../recipes/lsgan.md) comes to 47 after 100,000.",
)  # fmt: skip
