"""The Fréchet distance: its error at few samples, and what it cannot see."""

from pathlib import Path

import torch

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import bias, frechet_distance
from cardigan.metrics.gaussian import Gaussian
from cardigan.metrics.kernel import discrepancy
from cardigan.metrics.manifold import manifold, overlap
from cardigan.randomness import generator

from .frame import CONFIRMED, REFUTED, UNDECIDED, Claim, Rows, Verdict, interval, means

COUNTS = (250, 500, 1000, 2000, 4000)
KEYS = ("frechet", "expected", "kernel", "precision", "coverage")


def measure(seed: int, folder: Path) -> Rows:
    data = catalogue.load("fashion-mnist-mini")
    order = torch.randperm(len(data), generator=generator(seed))[:8000]
    seen = extract(fashion_classifier(), data.images[order]).features
    law = Gaussian.of(seen)
    rows = [_row(f"reals, N = {n}", seen[:n], seen[4000 : 4000 + n], law) for n in COUNTS]
    return [*rows, _row("Gaussian twin, N = 4000", seen[:4000], _twin(seen, seed), law)]


def _row(case: str, real: torch.Tensor, fake: torch.Tensor, law: Gaussian) -> dict:
    found = overlap(manifold(real), manifold(fake))
    return {
        "samples": case,
        "frechet": frechet_distance(real, fake),
        "expected": 2 * bias(law.covariance, len(real)),
        "kernel": discrepancy(real, fake).value,
        "precision": found.precision,
        "coverage": found.coverage,
    }


def _twin(seen: torch.Tensor, seed: int) -> torch.Tensor:
    """Draws of a Gaussian, moved and turned so that mean and covariance are those of reals."""
    real = seen[4000:]
    noise = torch.randn(real.shape, generator=generator(seed, 1), dtype=torch.float64)
    noise = noise - noise.mean(0)
    values, vectors = torch.linalg.eigh(real.T.cov())
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    whiten = torch.linalg.inv(torch.linalg.cholesky(noise.T.cov())).T
    return noise @ whiten @ root + real.mean(0)


def judge(rows: Rows) -> Verdict:
    def of(case: str, key: str) -> list[float]:
        return [row[key] for row in rows if row["samples"] == case]

    last = f"reals, N = {COUNTS[-1]}"
    few = [a / b for a, b in zip(of(f"reals, N = {COUNTS[0]}", "frechet"), of(last, "frechet"), strict=True)]  # fmt: skip  # noqa: E501
    blind = [a / b for a, b in zip(of("Gaussian twin, N = 4000", "frechet"), of(last, "frechet"), strict=True)]  # fmt: skip  # noqa: E501
    lost = [a - b for a, b in zip(of(last, "precision"), of("Gaussian twin, N = 4000", "precision"), strict=True)]  # fmt: skip  # noqa: E501
    parts = [interval(few)[1] > 2, interval(blind)[2] < 1.5, interval(lost)[1] > 0.1]
    opposite = [interval(few)[2] < 2, interval(blind)[1] > 1.5, interval(lost)[2] < 0.1]
    words = CONFIRMED if all(parts) else REFUTED if any(opposite) else UNDECIDED
    return Verdict(
        words,
        f"250 reals get {interval(few)[0]:.3g} times the distance of 4,000; a Gaussian with the "
        f"reals' mean and covariance gets {interval(blind)[0]:.3g} times what reals get, though "
        f"{interval(lost)[0]:.3g} more of it lies outside the reals' manifold",
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for key, style in (("frechet", "o"), ("expected", "-")):
        ys = [[r[key] for r in rows if r["samples"] == f"reals, N = {n}"] for n in COUNTS]
        label = {"o": "reals against reals", "-": "tr(S) / N + ... (closed form)"}[style]
        axes.plot(COUNTS, [sum(y) / len(y) for y in ys], style, label=label)
    twin = [r["frechet"] for r in rows if r["samples"].startswith("Gaussian")]
    axes.plot([4000], [sum(twin) / len(twin)], "s", label="Gaussian of equal moments")
    axes.set(xlabel="N", ylabel="Fréchet distance", xscale="log", yscale="log")
    axes.legend(frameon=False)


CLAIM = Claim(
    says="The Fréchet distance needs many samples, and sees mean and covariance only.",
    how="Reals of Fashion-MNIST against other reals, in the 128 features of the shipped "
    "classifier, at several counts, beside the closed form of the error; and draws of a Gaussian "
    "with exactly the reals' mean and covariance of features in the samples' place.",
    rule="Confirmed if, by the intervals over seeds, 250 reals get more than twice the distance "
    "of 4,000, the Gaussian less than 1.5 times what reals get, and its precision is lower than "
    "theirs by more than 0.1; refuted if one of these is refuted.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "samples", KEYS),
    draw=draw,
)
