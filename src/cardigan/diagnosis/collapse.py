"""Samples that repeat one another."""

from torch import Tensor

from ..metrics.similarity import WINDOW, pair_similarity
from .evidence import Evidence
from .finding import Finding, Severity
from .neighbours import pixel_spread, to_next

CLOSE = 0.25
"""Of the median distance of reals to their nearest: closer than that, two samples are the same."""
REPEATED = 0.2
"""Of the samples, beyond the share among reals, that have such a twin."""
NARROW = 0.1
"""Of the variance of reals' pixels: below it all samples are variants of one."""
ALIKE = 0.5
"""How far MS-SSIM may lie on the way from reals' to 1: it sees only large collapses."""
PAIRS = 200
"""Random pairs of pictures whose MS-SSIM is taken."""

ADVICE = (
    "see that the noise reaches the generator, and that it is drawn anew for every sample",
    "lower the generator's learning rate, or let the discriminator move more often",
    "lower both learning rates (--lr), or go back to the last healthy checkpoint with a new seed",
)


def collapse(evidence: Evidence) -> Finding | None:
    """Mode collapse: samples that have a twin, or that are all variants of one."""
    samples, reals = evidence.samples, evidence.reals
    if samples is None or reals is None:
        return None
    twins, floor = twin_shares(evidence)
    width = pixel_spread(samples.images) / max(pixel_spread(reals.images), 1e-12)
    alike = similarities(samples.images, reals.images)
    if twins - floor <= REPEATED and width >= NARROW and way(*alike) <= ALIKE:
        return None
    return Finding(
        "mode-collapse",
        Severity.FAILURE,
        "The generator repeats itself: different latents give the same samples.",
        (
            f"{twins:.1%} of samples have another that is nearly the same (closer than a "
            f"quarter of what reals keep), against {floor:.1%} of as many reals",
            f"the variance of samples' pixels is {width:.1%} of that of reals",
            f"random pairs of samples have an MS-SSIM of {alike[0]:.2f}, pairs of reals one of "
            f"{alike[1]:.2f}",
        )[: 2 + _pictures(samples.images)],
        {"twins": twins, "twins_reals": floor, "variance": width, "ms_ssim": alike[0],
         "ms_ssim_reals": alike[1]},
        ADVICE,
    )  # fmt: skip


def similarities(samples: Tensor, reals: Tensor) -> tuple[float, float]:
    """The mean MS-SSIM of random pairs of samples, and of reals; 0 where it has no meaning.

    Arguments:
        samples: uint8 [N, C, H, W], or points [N, D].
    """
    if not _pictures(samples):
        return 0.0, 0.0
    return pair_similarity(samples, pairs=PAIRS).mean, pair_similarity(reals, pairs=PAIRS).mean


def way(samples: float, reals: float) -> float:
    """How far an MS-SSIM lies on the way from reals' to 1."""
    return (samples - reals) / max(1 - reals, 1e-12)


def _pictures(images: Tensor) -> bool:
    return images.dim() == 4 and min(images.shape[2:]) >= WINDOW


def twin_shares(evidence: Evidence) -> tuple[float, float]:
    """The share of samples, and of reals, that lie as good as on top of another."""
    assert evidence.samples is not None and evidence.reals is not None
    own, usual = (to_next(s.features) for s in (evidence.samples, evidence.reals))
    bound = CLOSE * usual.median()
    return (own < bound).double().mean().item(), (usual < bound).double().mean().item()
