"""Precision and recall of three families, along the truncation."""

from pathlib import Path

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.manifold import manifold, overlap
from cardigan.subjects import draw as drawn

from .frame import Claim, Rows, Verdict, by, every, means, told
from .models import IMAGES, trained

N = 2000
TRUNCATIONS = (1.0, 0.8, 0.6, 0.4)
BOUND = 0.05


def measure(seed: int, folder: Path) -> Rows:
    net = fashion_classifier()
    train, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    real = manifold(extract(net, train.images[:N]).features)
    rows = [_row("reals", 1.0, overlap(real, manifold(extract(net, test.images[:N]).features)))]
    for name in IMAGES:
        game = trained(name, seed, folder.parent)
        for truncation in TRUNCATIONS:
            samples = drawn(game, N, seed, truncation).images
            found = overlap(real, manifold(extract(net, samples).features))
            rows.append(_row(name, truncation, found))
    return rows


def _row(model: str, truncation: float, found) -> dict:  # noqa: ANN001
    return {
        "model": f"{model} at {truncation:g}",
        "of": model,
        "truncation": truncation,
        "precision": found.precision,
        "recall": found.recall,
    }


def judge(rows: Rows) -> Verdict:
    def change(key: str, sign: int) -> list[float]:
        """By seed, the mean over families of how far a figure moves as latents are drawn in."""
        ends = [
            {"seed": r["seed"], "by": sign * r[key] * (1 if r["truncation"] == 0.4 else -1)}
            for r in rows
            if r["of"] in IMAGES and r["truncation"] in (1.0, 0.4)
        ]
        return [sum(v) / len(IMAGES) for v in by(ends, "seed", "by").values()]

    whole = [
        {"seed": r["seed"], "by": r["recall"] - r["precision"]}
        for r in rows
        if r["of"] in IMAGES and r["truncation"] == 1.0
    ]
    better = [sum(v) / len(v) for v in by(whole, "seed", "by").values()]
    parts = [better, change("precision", 1), change("recall", -1)]
    first, second, third = map(told, parts)
    return Verdict(
        every((part, BOUND) for part in parts),
        f"recall less precision is {first}; from truncation 1 to 0.4 precision gains {second} "
        f"and recall loses {third}, as means over families with 95 % intervals over seeds; each "
        f"was to lie above {BOUND}",
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for model in ("reals", *IMAGES):
        points = []
        for t in TRUNCATIONS:
            chosen = [r for r in rows if r["of"] == model and r["truncation"] == t]
            if chosen:
                points.append(
                    [sum(r[k] for r in chosen) / len(chosen) for k in ("recall", "precision")]
                )
                axes.annotate(f"{t:g}", points[-1], xytext=(4, 4), textcoords="offset points")
        axes.plot(*zip(*points, strict=True), "o-", label=model)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.05))
    axes.legend(frameon=False)


CLAIM = Claim(
    says="Models are better at recall than at precision, and truncation controls precision.",
    how=f"{', '.join(f'{k} after {v:,} images' for k, v in IMAGES.items())} of Fashion-MNIST: "
    f"precision and recall (k = 5) of {N:,} samples against {N:,} reals in the features of the "
    "shipped classifier, with latents scaled by 1, 0.8, 0.6 and 0.4.",
    rule="Three numbers, each a mean over families, by seed: recall less precision at 1, what "
    "precision gains from 1 to 0.4, and what recall loses. Confirmed if the intervals of all "
    f"three lie above {BOUND}; refuted if one lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "model", ("precision", "recall")),
    draw=draw,
)
