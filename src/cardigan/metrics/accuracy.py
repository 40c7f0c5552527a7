"""What a classifier that never saw a real image learns about real ones from samples."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..progress import track
from ..randomness import generator, seeded
from .classifier import SIDE, Classifier
from .features import grey, resized

WIDTHS = (8, 16, 64)
"""Channels of the small network: a quarter of the work of the measures' own."""
SEEDS = (0, 1, 2)
IMAGES = 15_000
"""That a classifier learns from, repeats counted; more where that would not be all of them."""
BATCH = 32


class Shown(NamedTuple):
    """Images, and what they are said to show."""

    images: Tensor  # uint8 [N, C, H, W], grey or colour
    labels: Tensor  # int64 [N]


class LearntAccuracy(NamedTuple):
    """Of classifiers that learnt from one set, on another; shares from 0 to 1."""

    top1: float  # mean over seeds
    std: float  # of top1 over seeds
    top5: float | None  # mean over seeds, where there are more than five classes
    by_class: dict[int, float]  # top1 by label in the test set, mean over seeds
    by_seed: tuple[float, ...]  # top1


def learnt_accuracy(
    train: Shown, test: Shown, seeds: Sequence[int] = SEEDS, images: int = IMAGES
) -> LearntAccuracy:
    """The accuracy on test images of small classifiers trained from scratch on train images.

    - Labelled samples, then reals: the classification accuracy score (Ravuri and Vinyals 2019,
      arXiv:1905.10887). Give as many samples as there are real training images, and compare
      with what real ones score: copies of them score the same.
    - Reals, then samples: GAN-test (Shmelkov et al. 2018, arXiv:1807.09499): are they clear?
    - Reals and samples joined, then reals: do samples add anything (Ravuri and Vinyals 2019)?

    All train for one fixed schedule: neither real images nor test images stop or choose anything.
    Colour is turned grey, and images are resized to 28 pixels, as the measures' network has them.

    Arguments:
        seeds: Of the classifiers, one each; the global random state is left alone.
        images: That each learns from, repeats counted: by default 5,000 are seen three times,
            and 15,000 or more once. Compare train sets of one size only.

    Raises:
        ValueError: Images and labels that do not fit one another, or a single class.
    """
    classes = _classes(train, test)
    images = max(images, len(train.images))
    runs = [_logits(_trained(train, classes, images, seed), test.images) for seed in seeds]
    top1 = torch.stack([_among(logits, test.labels, 1) for logits in runs])  # [S, N]
    top5 = torch.stack([_among(logits, test.labels, min(5, classes)) for logits in runs])
    each = top1.mean(1)
    return LearntAccuracy(
        top1=each.mean().item(),
        std=each.std().item() if len(each) > 1 else math.nan,
        top5=top5.mean().item() if classes > 5 else None,
        by_class={int(k): top1[:, test.labels == k].mean().item() for k in test.labels.unique()},
        by_seed=tuple(each.tolist()),
    )


def _trained(train: Shown, classes: int, images: int, seed: int) -> nn.Module:
    steps = math.ceil(images / BATCH)
    with seeded(seed, torch.device("cpu")):
        net = Classifier(classes, WIDTHS).train()
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    order = _order(len(train.labels), steps * BATCH, seed)
    for index in track(order.split(BATCH), f"classifier of seed {seed}", unit="steps"):
        _, logits = net(_inputs(train.images[index]))
        optimizer.zero_grad()
        F.cross_entropy(logits, train.labels[index]).backward()
        optimizer.step()
        schedule.step()
    return net


def _order(count: int, length: int, seed: int) -> Tensor:
    """Places of images: one shuffled pass after the other, cut off at `length`."""
    draw = generator(seed)
    passes = [torch.randperm(count, generator=draw) for _ in range(math.ceil(length / count))]
    return torch.cat(passes)[:length]


@torch.no_grad()
def _logits(net: nn.Module, images: Tensor) -> Tensor:
    net.eval()
    return torch.cat([net(_inputs(part))[1] for part in images.split(256)])


def _inputs(images: Tensor) -> Tensor:
    return resized(grey(images), SIDE)


def _among(logits: Tensor, labels: Tensor, k: int) -> Tensor:
    """Whether the label is among the k likeliest: float64 [N]."""
    return (logits.topk(k).indices == labels[:, None]).any(1).double()


def _classes(train: Shown, test: Shown) -> int:
    for images, labels in (train, test):
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                f"expected a label for each image, got {len(labels)} for {len(images)}"
            )
    if len(train.labels.unique()) < 2:
        raise ValueError("expected two classes or more to learn, got one")
    return int(max(train.labels.max(), test.labels.max())) + 1
