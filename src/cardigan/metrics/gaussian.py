"""Features as a Gaussian: their count, mean and covariance, from one piece or from many."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

ROWS = 8192
"""Features taken into float64 at a time: 134 MB at 2,048 of them."""


class Gaussian(NamedTuple):
    """The Gaussian that is fitted to features."""

    count: int  # of features that it was fitted to
    mean: Tensor  # float64 [D]
    covariance: Tensor  # float64 [D, D], divided by count - 1

    @classmethod
    def of(cls, features: Tensor) -> "Gaussian":
        """Of features [N, D].

        Raises:
            ValueError: Not [N, D], N below 2, or NaN or infinity among them.
        """
        return Moments().add(features).gaussian()


class Moments:
    """Count, mean and scatter, sum (x - mean)(x - mean)^T, of features that come in parts.

    Each part is centred before it is squared, so that features far from the origin do not
    cancel. Parts are merged by Chan, Golub and LeVeque 1983 (The American Statistician 37:
    242-247): how the features were cut changes last bits at most.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.empty(0)  # float64 [D] from the first part on,
        self.scatter = torch.empty(0)  # as is this: [D, D]

    def add(self, features: Tensor) -> Self:
        """Takes features [N, D] in.

        Raises:
            ValueError: Not [N, D], another D than before, or NaN or infinity among them.
        """
        for part in checked(features, 0).split(ROWS):
            self.merge(_moments(part.cpu().double()))
        return self

    def merge(self, other: "Moments") -> Self:
        """Takes in what another has seen."""
        if not other.count:
            return self
        if not self.count:
            self.mean, self.scatter = torch.zeros_like(other.mean), torch.zeros_like(other.scatter)
        same_width(self.mean, other.mean)
        total = self.count + other.count
        gap = other.mean - self.mean
        self.scatter += other.scatter
        self.scatter.addr_(gap, gap, alpha=self.count * other.count / total)
        self.mean = self.mean + gap * (other.count / total)
        self.count = total
        return self

    def gaussian(self) -> Gaussian:
        """What was seen, as a Gaussian.

        Raises:
            ValueError: Fewer than two features were seen.
        """
        if self.count < 2:
            raise ValueError(f"expected at least 2 features for a covariance, got {self.count}")
        return Gaussian(self.count, self.mean, self.scatter / (self.count - 1))


def checked(features: Tensor, least: int = 2) -> Tensor:
    """The features, if they are what a measure can take.

    Raises:
        ValueError: Not [N, D] of real numbers, N below `least`, or NaN or infinity among them.
    """
    if features.dim() != 2 or not features.is_floating_point() or not features.shape[1]:
        got = f"{features.dtype} {list(features.shape)}"
        raise ValueError(f"expected features as floating-point numbers [N, D], got {got}")
    if len(features) < least:
        raise ValueError(f"expected at least {least} features [N, D], got {len(features)}")
    if not features.sum(dtype=torch.float64).isfinite():  # faster than to look at each
        bad = int((~features.isfinite()).any(1).sum())
        raise ValueError(f"expected finite features, got NaN or infinity in {bad} of them")
    return features.detach()


def same_width(a: Tensor, b: Tensor) -> None:
    """Whether the last dimensions agree.

    Raises:
        ValueError: They do not.
    """
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"expected features of one width, got {a.shape[-1]} and {b.shape[-1]}")


def gram(x: Tensor) -> Tensor:
    """x^T x on the CPU: NumPy sees its symmetry and computes one half, PyTorch does not."""
    rows = x.numpy()
    return torch.from_numpy(rows.T @ rows)


def _moments(part: Tensor) -> Moments:
    found = Moments()
    if len(part):
        found.count, found.mean = len(part), part.mean(0)
        found.scatter = gram(part - found.mean)
    return found
