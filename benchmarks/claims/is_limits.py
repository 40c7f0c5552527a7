"""One picture a class, seen by the classifier score and by what looks at reals."""

from pathlib import Path

import torch

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.measure import chosen
from cardigan.metrics.measure import measure as measured
from cardigan.randomness import generator

from .frame import Claim, Rows, Verdict, above, by, means

N = 1000
NAMES = ("classifier_score", "frechet_distance", "recall", "coverage")


def measure(seed: int, folder: Path) -> Rows:
    train, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    order = torch.randperm(len(test), generator=generator(seed))
    images, labels = test.images[order], test.labels[order]
    sure = extract(fashion_classifier(), images).probabilities[torch.arange(len(order)), labels]
    best = [torch.where(labels == k, sure, -1).argmax() for k in range(10)]
    cases = {
        "one clear picture a class": images[torch.stack(best)].repeat(N // 10, 1, 1, 1),
        "held-out reals": images[:N],
    }
    rows = []
    for case, samples in cases.items():
        found = measured(samples, train, test, seed, chosen(train, NAMES), intervals=False)
        rows.append({"samples": case} | {name: found[name]["value"] for name in NAMES})
    return rows


def judge(rows: Rows) -> Verdict:
    scores = by(rows, "samples", "classifier_score")
    gains = [
        a - b
        for a, b in zip(scores["one clear picture a class"], scores["held-out reals"], strict=True)
    ]
    return above(gains, 0.0, "by how much ten pictures, repeated, score above held-out reals")


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    found = by(rows, "samples", "classifier_score")
    axes.barh(list(found), [sum(v) / len(v) for v in found.values()], color="#1f5f8b")
    axes.set_xlabel("classifier score (10 is the most)")


CLAIM = Claim(
    says="The Inception score can be gamed by one picture a class, for it ignores reals.",
    how=f"Of 2,000 test images the one of each class that the shipped classifier is surest of is "
    f"repeated to {N} samples, and measured beside {N} held-out reals: the score with the shipped "
    "classifier in Inception's place, and measures that look at reals.",
    rule="The difference of scores: confirmed if the interval of its mean over seeds lies above "
    "0, so that ten pictures beat the data themselves.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "samples", NAMES),
    draw=draw,
)
