"""How alike samples are to one another: of varied ones, random pairs have little in common."""

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from ..progress import track
from ..randomness import generator
from .bootstrap import Interval, mean_interval

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of five scales, the finest first (Wang et al. 2003, section 4)."""
WINDOW = 11
"""Pixels across the Gaussian window, whose std is 1.5."""
BATCH = 250


class Similarity(NamedTuple):
    """Over random pairs of distinct images; no image is in two pairs."""

    mean: float  # from 0 (unlike) to 1 (equal)
    interval: Interval  # of the mean
    pairs: int
    weights: tuple[float, ...]  # of the scales, the finest first: figures of unlike ones differ
    classes: dict[int, float]  # means by label, where pairs lie within classes


def pair_similarity(
    images: Tensor, labels: Tensor | None = None, pairs: int = 10_000, seed: int = 0
) -> Similarity:
    """The mean MS-SSIM of random pairs: the lower, the more varied; compare it with reals'.

    Odena et al. 2017 (AC-GAN), arXiv:1610.09585, section 4.2, pair images of one class;
    Karras et al. 2018, arXiv:1710.10196, take pairs of any two. It never looks at the data:
    noise has the best figure of all.

    Arguments:
        images: uint8 [N, C, H, W], sides at least 11 pixels.
        labels: int64 [N]; with them, pairs lie within classes.
        pairs: At most; N images have N / 2 disjoint pairs, and an interval needs two.
        seed: Of the pairs; the global random state is neither read nor changed.

    Raises:
        ValueError: Not bytes, too small, or fewer than two pairs.
    """
    chosen = _pairs(len(images), labels, seed)[:pairs]
    if len(chosen) < 2:
        raise ValueError(f"expected images for two pairs or more, got {len(images)} images")
    left, right = (images[side] for side in chosen.T)
    values = ms_ssim(left, right)
    return Similarity(
        mean=values.mean().item(),
        interval=mean_interval(values),
        pairs=len(chosen),
        weights=scales(min(images.shape[2:])),
        classes={} if labels is None else _by_class(values, labels[chosen[:, 0]]),
    )


# prod_{j < M} cs_j^{w_j} ssim_M^{w_M}
def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Multi-scale structural similarity of images to those at the same place: float64 [N].

    Wang et al. 2003, "Multi-scale structural similarity for image quality assessment": K1 = 0.01,
    K2 = 0.03, 2 x 2 means between scales, colours averaged. Contrast that is turned round counts
    as 0. As many scales are taken as their window fits into (`scales`). The coarsest is compared
    up to its border, which is mirrored, as torchmetrics does it; Wang stops where the window
    ends. In float32, off by less than 1e-4.

    Arguments:
        x: uint8 [N, C, H, W].
        y: uint8 [N, C, H, W].

    Raises:
        ValueError: Not bytes, of unlike shapes, or smaller than 11 pixels.
    """
    if x.dtype != torch.uint8 or y.dtype != torch.uint8 or x.dim() != 4 or x.shape != y.shape:
        raise ValueError(
            f"expected two uint8 [N, C, H, W] of one shape, got {x.dtype} {list(x.shape)} "
            f"and {y.dtype} {list(y.shape)}"
        )
    similarity = partial(
        multiscale_structural_similarity_index_measure,
        betas=scales(min(x.shape[2:])),
        data_range=255.0,
        normalize="relu",  # a power of a negative contrast would not be a number
        reduction="none",
    )
    batches = track(range(0, len(x), BATCH), "MS-SSIM", unit="batches")
    parts = [similarity(x[i : i + BATCH].float(), y[i : i + BATCH].float()) for i in batches]
    return torch.cat(parts).double().cpu()


def scales(side: int) -> tuple[float, ...]:
    """Weights of the scales for images of this side: Wang's first ones, rescaled to sum to 1.

    Where halving leaves fewer than 11 pixels it ends: two scales from 22 pixels on, three from
    44, four from 99 (torchmetrics' bound), all five from 176.

    Raises:
        ValueError: Fewer than 11 pixels.
    """
    fitting = [m for m in range(1, len(WEIGHTS) + 1) if _fits(side, m)]
    if not fitting:
        raise ValueError(f"expected images of {WINDOW} pixels or more for MS-SSIM, got {side}")
    weights = WEIGHTS[: max(fitting)]
    return tuple(weight / math.fsum(weights) for weight in weights)


def _fits(side: int, count: int) -> bool:
    return side >= WINDOW * 2 ** (count - 1) and side // max(1, count - 1) ** 2 >= WINDOW


def _pairs(count: int, labels: Tensor | None, seed: int) -> Tensor:
    """Disjoint pairs of distinct places, in random order: [P, 2]."""
    draw = generator(seed)
    order = torch.randperm(count, generator=draw)
    if labels is None:
        return order[: count // 2 * 2].view(-1, 2)
    members = [order[labels[order] == label] for label in labels.unique()]
    pairs = torch.cat([some[: len(some) // 2 * 2].view(-1, 2) for some in members])
    return pairs[torch.randperm(len(pairs), generator=draw)]


def _by_class(values: Tensor, labels: Tensor) -> dict[int, float]:
    return {int(k): values[labels == k].mean().item() for k in labels.unique()}
