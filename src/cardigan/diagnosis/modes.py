"""Modes of a toy that nobody draws."""

from ..metrics.modes import mode_coverage
from .collapse import ADVICE
from .evidence import Evidence
from .finding import Finding, Severity

FOUND = 0.8
"""Of a toy's modes that ten samples or more must hit."""


def lost_modes(evidence: Evidence) -> Finding | None:
    """Points miss the Gaussians that they should come from."""
    samples, modes = evidence.samples, evidence.modes
    if samples is None or modes is None:
        return None
    count = len(modes.centres)
    covered = mode_coverage(samples.images, modes)
    if covered.captured >= FOUND * count:
        return None
    return Finding(
        "lost-modes",
        Severity.FAILURE,
        f"Samples hit {covered.captured} of {count} modes.",
        (
            f"{covered.captured} modes have ten samples or more within 3 std, and "
            f"{covered.touched} have one; {covered.high_quality:.1%} of samples hit any",
        ),
        {"captured": covered.captured, "touched": covered.touched, "modes": count,
         "high_quality": covered.high_quality},
        ADVICE,
    )  # fmt: skip
