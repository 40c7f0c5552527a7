"""A discriminator that cannot tell what anybody can."""

from .evidence import Evidence
from .finding import Finding, Severity
from .neighbours import to_nearest, to_next
from .series import last, resistance

SILENT = 0.95
"""Of the loss of a discriminator that tells nothing."""
FAR = 0.05
"""Of the samples, at most, that lie near reals."""


def blind(evidence: Evidence) -> Finding | None:
    """The discriminator tells nothing, although samples are nothing like the data."""
    shares, samples, reals = resistance(evidence), evidence.samples, evidence.reals
    if shares is None or samples is None or reals is None or not last(shares) > SILENT:
        return None
    near = near_share(evidence)
    if near > FAR:
        return None
    return Finding(
        "blind-discriminator",
        Severity.FAILURE,
        "The discriminator tells nothing, although samples are nothing like the data.",
        (
            f"its loss is {last(shares):.1%} of what a silent one's would be",
            f"{near:.1%} of samples lie as near to a real as 95% of reals do to another",
        ),
        {"share": last(shares), "near": near},
        (
            "see that the discriminator moves: its learning rate, and what it is shown",
            "give it more moves a round, or a higher learning rate",
            "take weight off its penalties",
        ),
    )


def near_share(evidence: Evidence) -> float:
    """The share of samples that lie as near to a real as 95 of 100 reals do to another."""
    assert evidence.samples is not None and evidence.reals is not None
    usual = to_next(evidence.reals.features).quantile(0.95)
    to_real = to_nearest(evidence.samples.features, evidence.reals.features)
    return (to_real <= usual).double().mean().item()
