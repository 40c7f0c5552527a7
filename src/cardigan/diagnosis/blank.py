"""Pictures with nothing in them."""

from torch import Tensor

from .evidence import Evidence
from .finding import Finding, Severity

FLAT = 0.25
"""Of the contrast of a median real picture: below it a picture is as good as blank."""
MANY = 0.5
"""Of the samples."""


def blank(evidence: Evidence) -> Finding | None:
    """Samples are flat: one shade, or nearly so."""
    samples, reals = evidence.samples, evidence.reals
    if samples is None or reals is None or samples.images.dim() != 4:
        return None
    usual = contrast(reals.images).median()
    flat = (contrast(samples.images) < FLAT * usual).double().mean().item()
    if flat < MANY:
        return None
    found = contrast(samples.images).median().item()
    return Finding(
        "blank-samples",
        Severity.FAILURE,
        "Samples are blank: one shade, or nearly so.",
        (
            f"{flat:.1%} of samples have less than a quarter of the contrast of a real picture; "
            f"the median contrast is {found:.1f} of 255 levels, against {usual:.1f} in reals",
        ),
        {"blank": flat, "contrast": found, "contrast_reals": usual.item()},
        (
            "train longer, if it has only begun: a generator begins grey",
            "see that the generator moves: its learning rate, and the sign of its loss",
            "slow the discriminator down, if it has won",
        ),
    )


def contrast(images: Tensor) -> Tensor:
    """The standard deviation of each picture's pixels [N, C, H, W], in levels: [N]."""
    return images.flatten(1).double().std(1)
