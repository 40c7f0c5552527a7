"""The Wasserstein loss against the original one, on clothes and on avatars."""

from dataclasses import replace
from math import log
from pathlib import Path

from cardigan.data import catalogue
from cardigan.metrics.frechet import frechet_distance
from cardigan.subjects import draw as drawn

from .faces import AVATARS, CLOTHES, IMAGES, SEEN, SIZE, STYLED
from .frame import (
    CONFIRMED,
    REFUTED,
    UNDECIDED,
    Claim,
    Rows,
    Verdict,
    by,
    interval,
    means,
    paired,
    panels,
    show,
    stored,
    told,
)
from .models import trained

ORIGINAL, WASSERSTEIN = "original", "Wasserstein"
LOSSES = {ORIGINAL: "non-saturating", WASSERSTEIN: "wasserstein"}
N, SHOWN = 2000, 8
WORDS = {-1: CONFIRMED, 0: UNDECIDED, 1: REFUTED}
"""By the product of the sides of two intervals: one loss on each set, unclear, one on both."""


def measure(seed: int, folder: Path) -> Rows:
    rows = []
    for data, seen in SEEN.items():
        reals = seen(catalogue.load(data, size=SIZE).images[:N])
        others = seen(catalogue.load(data, "test", size=SIZE).images[:N])
        for loss, name in LOSSES.items():
            recipe = replace(STYLED, data=data, loss=name)
            game = trained("stylegan", seed, folder.parent, IMAGES, recipe)
            images = drawn(game, N, seed).images
            distance = frechet_distance(reals, seen(images))
            rows.append(
                {
                    "data": data, "loss": loss, "case": f"{data}, {loss}",
                    "frechet": distance, "log": log(distance),
                    "floor": frechet_distance(reals, others),
                    "samples": stored(images[:SHOWN], SHOWN),
                }
            )  # fmt: skip
    return rows


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, the log of the Wasserstein loss's distance over the original's, on each set."""
    return {
        data: paired([r for r in rows if r["data"] == data], "loss", WASSERSTEIN, ORIGINAL, "log")
        for data in SEEN
    }


def side(values: list[float]) -> int:
    """Where the interval of the mean lies: 1 above 0, -1 below, 0 on both sides."""
    _, low, high = interval(values)
    return (low > 0) - (high < 0)


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    clothes, avatars = found.values()
    between = [a - b for a, b in zip(clothes, avatars, strict=True)]
    said = " and ".join(f"{told(values)} on {data}" for data, values in found.items())
    return Verdict(
        WORDS[side(clothes) * side(avatars)],
        f"the log of the Wasserstein loss's distance over the original's is {said}, with 95 % "
        "intervals over seeds, which were to lie on different sides of 0; their difference is "
        f"{told(between)}",
    )


def table(rows: Rows) -> list[list[str]]:
    return means(rows, "case", ("frechet", "floor"))


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, strips = panels(axes, 1.0)
    for data in SEEN:
        for k, seed in enumerate(by(rows, "seed", "log")):
            own = [r for r in rows if (r["seed"], r["data"]) == (seed, data)]
            ratios = [r["frechet"] / r["floor"] for r in own]
            axes.plot([r["loss"] for r in own], ratios, "o-", alpha=0.6, label=None if k else data,
                      color={CLOTHES: "C0", AVATARS: "C1"}[data])  # fmt: skip
    axes.set(ylabel="Fréchet distance, floors; less is better", yscale="log")
    axes.margins(x=0.3)
    axes.legend(frameon=False)
    strips.set_axis_off()
    first = [r for r in rows if r["seed"] == rows[0]["seed"]]
    for place, row in enumerate(first):
        panel = strips.inset_axes((0, 0.77 - 0.25 * place, 1, 0.17))
        show(panel, row["samples"], row["case"])


CLAIM = Claim(
    says="The Wasserstein loss and the original one each suit other data in a StyleGAN.",
    how=f"`stylegan` after {IMAGES:,} images at 32 pixels, where it is at full size after 60,000, "
    "on Fashion-MNIST and on avatars: with the original, non-saturating loss and R1, and with the "
    "Wasserstein loss, a price on slopes other than 1 and a small drift; slopes weigh 10 in both. "
    f"Fréchet distances of {N:,} samples to {N:,} reals: of clothes in the features of the "
    "shipped classifier, of avatars in the last maps, averaged over places, of six classifiers "
    "of attributes trained on the spot.",
    rule="By seed and data, the log of the Wasserstein loss's distance over the original's. "
    "Confirmed if the interval lies above 0 on one set and below 0 on the other; refuted if both "
    "lie on one side; undecided if one holds 0. Their difference is reported alone.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
