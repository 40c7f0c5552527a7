"""A game that one side has won."""

from .evidence import Evidence
from .finding import Finding, Severity
from .log import FAKE, GRADIENT, REAL
from .series import LINES, last, resistance, since, smooth

WON = 0.05
"""Of the loss of a discriminator that tells nothing: below it the generator resists no more."""
VANISHED = 0.01
"""Of the largest gradient that the generator ever got."""

WEAKER = (
    "slow the discriminator down: a lower learning rate for it, or fewer moves a round",
    "see that the generator moves at all: its learning rate, and the sign of its loss",
    "smooth the labels (--label_smoothing 0.1)",
    "use the non-saturating loss, whose gradient does not vanish (--loss non-saturating)",
)


def saturation(evidence: Evidence) -> Finding | None:
    """The discriminator wins outright."""
    shares = resistance(evidence)
    if shares is None or not last(shares) < WON:
        return None
    log, scale = evidence.log, evidence.scale
    assert scale is not None
    real, fake = last(log.column(REAL)), last(log.column(FAKE))
    return Finding(
        "saturated-discriminator",
        Severity.FAILURE,
        "The discriminator has won: it tells fakes from reals without effort, and the generator "
        "gains nothing on it.",
        (
            f"its loss is {last(shares):.2%} of what it would be if it told nothing, in the "
            f"last quarter of the log; below {WON:.0%} nothing resists it",
            f"mean logits are {real:.3g} for reals and {fake:.3g} for fakes",
        ),
        {"share": last(shares), "real": real, "fake": fake},
        WEAKER,
        since(log, smooth(shares) < WON),
    )


def vanishing(evidence: Evidence) -> Finding | None:
    """The generator's gradient has died away."""
    log = evidence.log
    if not log.tells(GRADIENT) or len(log.seen) < LINES:
        return None
    norms = smooth(log.column(GRADIENT))
    largest = norms.nan_to_num(0.0).max().item()
    bound = VANISHED * largest
    now = last(log.column(GRADIENT))
    if now > bound or now != now:
        return None
    return Finding(
        "vanishing-gradient",
        Severity.FAILURE,
        "The generator's gradient has vanished: it learns nothing any more.",
        (f"its norm is {now:.3g} in the last quarter of the log, and was {largest:.3g}",),
        {"gradient": now, "gradient_largest": largest},
        WEAKER[::-1],
        since(log, norms <= bound),
    )
