"""A discriminator that knows its pictures by heart."""

from torch import Tensor

from .evidence import Evidence, Judged
from .finding import Finding, Severity

BY_HEART = 0.5
"""r_v from which held-out reals are judged rather as fakes than as reals."""
CERTAIN = 4.0
"""Standard errors that separate train from held-out reals."""


def overfitting(evidence: Evidence) -> Finding | None:
    """The discriminator takes held-out reals for fakes."""
    judged = evidence.judged
    if judged is None:
        return None
    train, held_out, fake = (part.mean().item() for part in judged)
    error = (_variance(judged.train) + _variance(judged.held_out)) ** 0.5
    r_v = overfitting_share(judged)
    if not (r_v >= BY_HEART and train - held_out > CERTAIN * error):
        return None
    return Finding(
        "overfitting-discriminator",
        Severity.WARNING,
        "The discriminator knows its training images by heart.",
        (
            f"mean logits are {train:.3g} for training reals, {held_out:.3g} for held-out reals "
            f"and {fake:.3g} for fakes",
            f"so held-out reals lie {r_v:.0%} of the way to fakes (r_v of Karras et al. 2020); "
            f"from {BY_HEART:.0%} on they are taken for fakes",
        ),
        {"r_v": r_v, "train": train, "held_out": held_out, "fake": fake},
        (
            "train on more images, or fewer times on each",
            "show the discriminator augmented images, reals and fakes alike",
            "make the discriminator smaller, or slower (--width, --lr)",
        ),
    )


def overfitting_share(judged: Judged) -> float:
    """How far held-out reals lie on the way from train reals to fakes.

        r_v = (E[D_train] - E[D_validation]) / (E[D_train] - E[D_generated])

    0 where the discriminator generalises, 1 where held-out reals are as good as fakes to it; 0,
    too, where train reals are not above fakes. Karras et al. 2020, arXiv:2006.06676, equation 1.
    """
    train, held_out, fake = (part.mean().item() for part in judged)
    return (train - held_out) / (train - fake) if train > fake else 0.0


def _variance(logits: Tensor) -> float:
    """Of the mean."""
    return logits.var().item() / len(logits)
