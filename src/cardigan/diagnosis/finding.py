"""What a symptom says when it is there."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from .evidence import Evidence


class Severity(IntEnum):
    """How much a finding matters; findings are told from the worst down."""

    WARNING = 1  # samples can be used; something is missing or will go wrong
    FAILURE = 2  # nothing that is learnt from here on is worth keeping


class Finding(NamedTuple):
    """Something that goes wrong in a run, in words that need no manual."""

    name: str  # stable, for programs: `mode-collapse`
    severity: Severity
    what: str  # a sentence
    evidence: tuple[str, ...]  # sentences with numbers
    numbers: dict[str, float]  # the same numbers, for programs
    advice: tuple[str, ...]  # what to try, the likeliest first
    since: int | None = None  # images seen; None where nothing tells


Symptom = Callable[[Evidence], Finding | None]
"""Looks at the evidence for one thing that can go wrong; None if it is not there."""
