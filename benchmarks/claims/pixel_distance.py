"""One pixel's shift, in pixel space and in feature space."""

from pathlib import Path

import torch

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.randomness import generator

from .frame import Claim, Rows, Verdict, above, by, means

N = 500
SHIFTS = (0, 1, 2, 3)


def measure(seed: int, folder: Path) -> Rows:
    data, net = catalogue.load("fashion-mnist-mini", "test"), fashion_classifier()
    chosen = torch.randperm(len(data), generator=generator(seed))[:N]
    images, labels = data.images[chosen], data.labels[chosen]
    others = torch.stack([_of_the_same_class(labels, i) for i in range(N)])

    def pixels(x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).double()

    seen = extract(net, images).features
    spread = {
        "pixels": (pixels(images) - pixels(images[others])).norm(dim=1).mean(),
        "features": (seen - seen[others]).norm(dim=1).mean(),
    }
    rows = []
    for shift in SHIFTS:
        moved = images.roll(shift, 3)
        apart = {
            "pixels": (pixels(images) - pixels(moved)).norm(dim=1).mean(),
            "features": (seen - extract(net, moved).features).norm(dim=1).mean(),
        }
        rows.append({"shift": shift} | {k: (apart[k] / spread[k]).item() for k in apart})
    return rows


def _of_the_same_class(labels: torch.Tensor, i: int) -> torch.Tensor:
    same = (labels == labels[i]).nonzero()[:, 0]
    return same[(same > i).nonzero()[0, 0]] if (same > i).any() else same[0]


def judge(rows: Rows) -> Verdict:
    one = [row for row in rows if row["shift"] == 1]
    ratios = [row["pixels"] / row["features"] for row in one]
    return above(ratios, 2.0, "the shift's share in pixel space over that in feature space")


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for space in ("pixels", "features"):
        found = by(rows, "shift", space)
        axes.plot(found.keys(), [sum(v) / len(v) for v in found.values()], "o-", label=space)
    axes.set_xlabel("moved by pixels")
    axes.set_ylabel("distance, over that of two\nimages of one class")
    axes.set_xticks(SHIFTS)
    axes.legend(frameon=False)


CLAIM = Claim(
    says="A shift by one pixel makes the distance of pixels large, and that of features not.",
    how=f"{N} test images of Fashion-MNIST are moved sideways. The distance to the image itself "
    "is divided by the mean distance of two images of one class, in pixels and in the features "
    "of the shipped classifier.",
    rule="The ratio of the two shares at one pixel: confirmed if the interval of its mean over "
    "seeds lies above 2.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "shift", ("pixels", "features")),
    draw=draw,
)
