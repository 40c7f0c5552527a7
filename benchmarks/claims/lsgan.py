"""Least squares against the losses of a sigmoid: gradients, and learning rates."""

from dataclasses import replace
from pathlib import Path

from cardigan.recipes.dcgan import DCGAN

from . import rates, vanishing
from .frame import Claim, Rows, Verdict, all_above, interval, told

RECIPES = {"non-saturating": DCGAN(), "least-squares": replace(DCGAN(), loss="least-squares")}


def measure(seed: int, folder: Path) -> Rows:
    return vanishing.measure(seed, folder) + rates.measured(RECIPES, seed, folder.parent)


def judge(rows: Rows) -> Verdict:
    paths = [r for r in rows if "gradient" in r]
    kept = {
        loss: interval(
            [
                a - b
                for a, b in zip(
                    vanishing.faded(paths, "least-squares"),
                    vanishing.faded(paths, loss),
                    strict=True,
                )
            ]
        )
        for loss in ("minimax", "non-saturating")
    }
    spans = [rates.span(rows, loss) for loss in ("non-saturating", "least-squares")]
    calm = interval([a - b for a, b in zip(*spans, strict=True)])
    return Verdict(
        all_above([*((part, 0.0) for part in kept.values()), (calm, 0.0)]),
        f"least squares keep {told(kept['minimax'])} powers of ten more of the gradient than "
        f"minimax, and {told(kept['non-saturating'])} more than the non-saturating loss; over "
        f"learning rates their distances span {told(calm)} powers of ten less than the latter's",
    )


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
)  # fmt: skip
