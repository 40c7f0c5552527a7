"""Numbers that run away."""

import torch

from .evidence import Evidence
from .finding import Finding, Severity
from .log import FAKE, REAL
from .series import LINES, last, since, smooth

RUNAWAY = 100.0
"""Mean logits. A sigmoid is at 1 - 4e-44 there: no loss of unit scale has anything to gain."""

ADVICE = (
    "lower the learning rates, by a factor of 3 to 10 (--lr)",
    "choose a loss that bounds what there is to gain, or a penalty on the discriminator: "
    "Wasserstein's needs one (--loss non-saturating)",
    "train in full precision (--training.precision float32)",
)


def not_finite(evidence: Evidence) -> Finding | None:
    """The log tells of NaN or infinity."""
    log = evidence.log
    if not log.broken.any():
        return None
    count, first = int(log.broken.sum()), int(log.seen[log.broken][0])
    return Finding(
        "not-finite",
        Severity.FAILURE,
        "Losses or gradients became NaN or infinite.",
        (f"{count} of {len(log.seen)} lines of the log hold such a number",),
        {"lines": count},
        ADVICE,
        first,
    )


def divergence(evidence: Evidence) -> Finding | None:
    """The discriminator's answers grow without bound."""
    log = evidence.log
    if not log.tells(REAL, FAKE) or len(log.seen) < LINES:
        return None
    size = torch.maximum(log.column(REAL).abs(), log.column(FAKE).abs())
    if not last(size) > RUNAWAY:
        return None
    begun = size[: len(size) // 4].nanmedian().item()
    return Finding(
        "divergence",
        Severity.FAILURE,
        "The discriminator's logits run away.",
        (
            f"mean logits reached {last(size):.3g} in the last quarter of the log, after "
            f"{begun:.3g} in the first; healthy ones stay below {RUNAWAY:g}",
        ),
        {"logits": last(size), "logits_begun": begun},
        ADVICE,
        since(log, smooth(size) > RUNAWAY),
    )
