"""How many modes a generator finds where they can be counted: Gaussians, stacked digits."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Modes
from ..progress import track
from .bootstrap import Interval, bootstrap
from .classes import divergence

CEILING = 1 - math.exp(-4.5)
"""Mass of a 2-D isotropic Gaussian within 3 std: what real points score, 0.98889."""
ENOUGH = 10
"""Points of high quality from which on a mode is captured."""


class ModeCoverage(NamedTuple):
    """What n points say about K modes."""

    captured: int  # modes with at least ten points of high quality
    touched: int  # modes with at least one
    high_quality: float  # share of points within 3 std of the nearest centre
    kl: float  # nats, from the histogram of the points of high quality to the uniform law


def mode_coverage(points: Tensor, modes: Modes, enough: int = ENOUGH) -> ModeCoverage:
    """Counts the modes that points [N, D] capture.

    A point is of high quality within 3 std of its nearest centre. In two dimensions real points
    are so with probability 1 - exp(-4.5) = 0.98889 (`CEILING`): more means shrunken modes. The
    divergence of n real points is about (K - 1) / (2 n); all points at one mode give ln K. Where
    no point is of high quality it is given as ln K, the worst.

    Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, count a mode from one point on
    (`touched`); ten (`captured`) are not reached by accident.
    """
    places = placed(points, modes)
    good = places >= 0
    counts = torch.bincount(places[good], minlength=len(modes.centres))
    return ModeCoverage(
        captured=int((counts >= enough).sum()),
        touched=int((counts >= 1).sum()),
        high_quality=good.double().mean().item(),
        kl=_kl_to_uniform(counts),
    )


def placed(points: Tensor, modes: Modes) -> Tensor:
    """The mode of each point of high quality, and -1 of others: int64 [N]."""
    distance, nearest = torch.cdist(points.double(), modes.centres.double()).min(1)
    return torch.where(distance <= 3 * modes.std, nearest, -1)


def captured_interval(places: Tensor, modes: int, enough: int, seed: int = 0) -> Interval:
    """Where the number of modes with `enough` items lies, were other items drawn: a bootstrap.

    Modes that no item shows cannot come up in it, so it is too narrow for fewer items than modes.

    Arguments:
        places: The mode of each item, int64 [N]; below 0 for none.
        seed: Of the draws; the global random state is neither read nor changed.
    """
    there = places >= 0

    def captured(weight: Tensor) -> float:
        counts = torch.bincount(places[there], weight[there], minlength=modes)
        return (counts >= enough).sum().item()

    return bootstrap(captured, len(places), seed=seed)


class StackedModes(NamedTuple):
    """What n stacked images say about K^3 modes."""

    captured: int  # modes with at least one image
    modes: int  # K^3
    kl: float  # nats, from the histogram of modes to the uniform law
    floor: float  # nats, what a perfect generator's n images have on average
    least: float  # nats, what no histogram on so few modes goes below


def stacked_modes(
    images: Tensor, probabilities: Callable[[Tensor], Tensor], batch: int = 256
) -> StackedModes:
    """Counts the modes of images that hold one picture of K classes in each colour.

    Stacked MNIST: three digits, 1,000 modes (Metz et al. 2017, arXiv:1611.02163; Srivastava et
    al. 2017, VEEGAN, arXiv:1705.07761). A classifier reads channel by channel; if it is right
    with probability p, a triple is with p^3. Reals through the same classifier are the floor
    that counts where it errs.

    Arguments:
        images: uint8 [N, 3, H, W].
        probabilities: Of the classes, by a fixed classifier: uint8 [n, 1, H, W] to [n, K].

    Raises:
        ValueError: Not bytes, or not of three channels.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(
            f"expected uint8 images [N, 3, H, W], got {images.dtype} {list(images.shape)}"
        )
    channels = track(images.flatten(0, 1)[:, None].split(batch), "modes", unit="batches")
    seen = torch.cat([probabilities(part).cpu() for part in channels])
    return stacked_coverage(seen.argmax(1).view(-1, 3), seen.shape[1])


# ln(K / m) <= KL(histogram || uniform) on m of K modes; its mean for a perfect generator
# is about (K - 1) / (2 n)
def stacked_coverage(labels: Tensor, classes: int) -> StackedModes:
    """The same from the classes in each channel, int64 [N, 3]."""
    counts = torch.bincount(stacked_places(labels, classes), minlength=classes**3)
    captured = int((counts > 0).sum())
    return StackedModes(
        captured=captured,
        modes=len(counts),
        kl=_kl_to_uniform(counts),
        floor=(len(counts) - 1) / (2 * len(labels)),
        least=math.log(len(counts) / captured),
    )


def stacked_places(labels: Tensor, classes: int) -> Tensor:
    """The mode of each triple of classes [N, 3], 0 to K^3 - 1: int64 [N]."""
    return labels @ classes ** torch.arange(2, -1, -1, device=labels.device)


def _kl_to_uniform(counts: Tensor) -> float:
    if not counts.any():
        return math.log(len(counts))
    uniform = torch.full(counts.shape, 1 / len(counts), dtype=torch.float64)
    return divergence(counts / counts.sum().double(), uniform).item()
