"""How far images move, as the network sees them, while a latent takes a small step."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..progress import track
from ..randomness import generator
from .bootstrap import Interval, mean_interval
from .features import seen_by

Path = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Ends [N, Z], [N, Z] and where between them, [N, 1], to points [N, Z]."""


class PathLength(NamedTuple):
    """Squared feature distance by squared step, without the least and the largest hundredth."""

    mean: float
    interval: Interval  # of the trimmed mean
    kept: int


def path_length(lengths: Tensor) -> PathLength:
    """The perceptual path length of `path_lengths` [N], N at least 2.

    Karras et al. 2019 (StyleGAN), arXiv:1812.04948, section 4.1: values outside the 1st and 99th
    percentiles are left out. The interval is Tukey and McLaughlin's (1963), from the spread of
    the values with those outside moved to the percentiles.

    Raises:
        ValueError: Fewer than two lengths, or some that are no numbers.
    """
    lengths = lengths.double()
    if len(lengths) < 2 or not lengths.isfinite().all():
        raise ValueError(f"expected two finite lengths or more, got {len(lengths)} with {lengths}")
    low = lengths.quantile(0.01, interpolation="lower")
    high = lengths.quantile(0.99, interpolation="higher")
    kept = lengths[(low <= lengths) & (lengths <= high)]
    mean, spread = kept.mean().item(), mean_interval(lengths.clamp(low, high))
    reach = (spread.high - spread.low) / 2 / 0.98
    return PathLength(mean, Interval(mean - reach, mean + reach), len(kept))


# |f(G(i(a, b, t))) - f(G(i(a, b, t + eps)))|^2 / eps^2
def path_lengths(
    decode: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    starts: Tensor,
    ends: Tensor,
    path: Path,
    *,
    full: bool = True,
    eps: float = 1e-4,
    batch: int = 64,
    seed: int = 0,
) -> Tensor:
    """The lengths of small steps on paths between latents: float64 [N].

    Karras et al. 2019 (StyleGAN), arXiv:1812.04948, section 4.1, with squared distances of
    `features` where they have LPIPS: compare figures of one `features` at one size of images
    only. Take `slerp` in Gaussian Z and `lerp` in W. A path of twice the length scores four times.

    Arguments:
        decode: Latents [n, Z] to images as floats; the same at every call.
        features: Those images to [n, ...]; images must not be rounded to bytes between the two,
            for the step is far smaller than a grey level (`unrounded`).
        starts: Latents [N, Z].
        ends: Latents [N, Z].
        path: `lerp` or `slerp`.
        full: Steps anywhere on the path; otherwise at its start only.
        eps: The step. In float32 no less than 1e-4: rounding would be measured.
        batch: Latents decoded together.
        seed: Of the places; the global random state is neither read nor changed.

    Raises:
        ValueError: Ends of unlike shapes, or a `decode` that does not repeat itself.
    """
    if starts.shape != ends.shape or starts.dim() != 2 or not len(starts):
        raise ValueError(
            f"expected as many starts as ends [N, Z], got {list(starts.shape)} "
            f"and {list(ends.shape)}"
        )
    _check_repeats(decode, starts[:batch])
    t = torch.rand(len(starts), 1, generator=generator(seed), dtype=torch.float64) * full
    batches = zip(*(part.split(batch) for part in (starts, ends, t)), strict=True)
    count = -(-len(starts) // batch)
    steps = track(batches, "path length", total=count, unit="batches")
    parts = [_step(decode, features, (a, b), path, at, eps) for a, b, at in steps]
    return torch.cat(parts)


def lerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """(1 - t) a + t b: [..., Z]; the straight way, for latents of any law (W)."""
    return (1 - t) * a + t * b


# sin((1 - t) th) / sin(th) a + sin(t th) / sin(th) b, th the angle between a and b
def slerp(a: Tensor, b: Tensor, t: Tensor | float) -> Tensor:
    """The way on the arc between a and b: [..., Z], for Gaussian latents (Shoemake 1985).

    Halfway, `lerp` would leave the shell where Gaussian latents lie (White 2016,
    arXiv:1609.04468). Ends are not rescaled; along one direction it is `lerp`. Angles are taken
    in float64.

    Arguments:
        a: [..., Z].
        b: [..., Z].
        t: In [0, 1]; a number, or [..., 1].

    Raises:
        ValueError: a and b lie opposite, where no arc is the shortest.
    """
    angle = _angle(a.double(), b.double())
    if (torch.pi - angle < 1e-6).any():
        raise ValueError("expected ends with a shortest arc between them, got opposite ones")
    apart = angle > 1e-6
    sine = torch.where(apart, angle.sin(), 1)
    first = torch.where(apart, ((1 - t) * angle).sin() / sine, 1 - t)
    second = torch.where(apart, (t * angle).sin() / sine, t)
    return (first * a + second * b).to(a.dtype)


def unrounded(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a classifier sees in images in [-1, 1] that were never bytes: float64 [N, D].

    It looks in float64, on a copy, so that differences of small steps survive.

    Arguments:
        net: As `Classifier`: grey pictures in [0, 1] to features and logits.
    """
    return torch.no_grad()(seen_by(copy.deepcopy(net).double()))


@torch.no_grad()
def _step(
    decode: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    ends: tuple[Tensor, Tensor],
    path: Path,
    t: Tensor,
    eps: float,
) -> Tensor:
    a, b = (end.double() for end in ends)
    here, there = (
        features(decode(path(a, b, at.to(a.device)).to(ends[0].dtype))).double().flatten(1)
        for at in (t, t + eps)
    )
    return ((here - there) / eps).square().sum(1).cpu()


@torch.no_grad()
def _check_repeats(decode: Callable[[Tensor], Tensor], latents: Tensor) -> None:
    if not torch.equal(decode(latents), decode(latents)):
        raise ValueError("expected the same images at every call of decode, got others: fix noise")


# Kahan's: exact for small angles too, where the cosine is flat
def _angle(a: Tensor, b: Tensor) -> Tensor:
    """Between vectors, [..., 1]; 0 where one is the origin."""
    u = a * b.norm(dim=-1, keepdim=True)
    v = b * a.norm(dim=-1, keepdim=True)
    apart, along = ((u + sign * v).norm(dim=-1, keepdim=True) for sign in (-1, 1))
    return 2 * torch.atan2(apart, along)
