"""Looks at every file of a folder or zip, and says what is wrong and what becomes of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from ..errors import UserError
from . import folder
from .archive import Files, opened
from .findings import (
    BROKEN_SET,
    DUPLICATE,
    HANDLED,
    LEFT_OUT,
    REFUSED,
    TOO_FEW,
    Finding,
    counted,
    verdict,
)
from .images import decode
from .threads import each

SMALL = 8  # the side to which pictures are decoded here, to be thrown away
MEASURED = 4  # pictures: two to compare samples with, and two held out; no test set halves them


@dataclass(frozen=True)
class Report:
    """What was found in a data set.

    Attributes:
        path: The folder or zip.
        good: Pictures that can be used.
        shape: Side and channels that training takes by itself; zeros where nothing is good.
        classes: Of the labels.
        findings: All faults, the worst first.
    """

    path: str
    good: int
    shape: folder.Shape
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether training would be refused."""
        return any(finding.kind.severity is REFUSED for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values, to be kept stable."""
        return {
            "path": self.path,
            "refused": self.refused,
            "good": self.good,
            "size": self.shape.size,
            "channels": self.shape.channels,
            "classes": list(self.classes),
            "findings": [
                {
                    "file": finding.file,
                    "fault": finding.kind.name,
                    "severity": finding.kind.severity,
                    "detail": finding.detail,
                    "advice": finding.kind.advice,
                }
                for finding in self.findings
            ],
        }


def check(path: str | Path, limit: float = 0.01) -> Report:
    """Decodes every picture and compares every file.

    Arguments:
        limit: The share of bad files above which training is refused.
    """
    try:
        files = opened(path)
        seen = folder.survey(path)
    except UserError as error:
        nothing = folder.Shape(0, 0)
        return Report(str(path), 0, nothing, (), (Finding(str(path), BROKEN_SET, str(error)),))
    names = [name for part in seen.splits.values() for name in part]
    decoded = list(_decoded(files, names))
    broken = {finding.file for finding in decoded}
    good = [name for name in names if name not in broken]
    findings = [f for f in seen.findings if f.file not in broken]
    findings += [*decoded, *_duplicates(files, good)]
    reason = verdict(str(path), counted(findings), len(good), limit)
    findings += [reason] if reason else []
    if not any(finding.kind.severity is REFUSED for finding in findings):
        findings += _few(str(path), seen.splits, broken)
    headers = [seen.headers[name] for name in good]
    shape = folder.shape_of(headers, folder.Shape(0, 0)) if good else folder.Shape(0, 0)
    return Report(str(path), len(good), shape, seen.classes, tuple(sorted(findings, key=_worst)))


def _decoded(files: Files, names: Sequence[str]) -> Iterator[Finding]:
    task = partial(decode, size=SMALL, channels=3)
    for _, found in each(partial(folder.attempt, files, task), names, "Decoding pictures"):
        if isinstance(found, Finding):
            yield found


def _few(path: str, splits: Mapping[str, list[str]], broken: set[str]) -> Iterator[Finding]:
    counts = [len({*names} - broken) for names in splits.values()]
    needed = MEASURED // len(counts)
    if min(counts) < needed:
        yield Finding(path, TOO_FEW, f"{min(counts)} of at least {needed}")


def _duplicates(files: Files, names: Sequence[str]) -> Iterator[Finding]:
    """Files whose bytes came before, under another name; only files of one size are compared."""
    sizes: dict[int, list[str]] = {}
    wanted = set(names)
    for entry in files.entries():
        if entry.name in wanted:
            sizes.setdefault(entry.size, []).append(entry.name)
    alike = [name for group in sizes.values() if len(group) > 1 for name in group]
    first: dict[str, str] = {}
    for name, found in each(partial(folder.attempt, files, _digest), alike, "Comparing files"):
        if isinstance(found, str) and first.setdefault(found, name) != name:
            yield Finding(name, DUPLICATE, f"of {first[found]}")


def _digest(file: IO[bytes], name: str) -> str:
    return hashlib.sha256(file.read()).hexdigest()


def _worst(finding: Finding) -> tuple[int, str, str]:
    order = (REFUSED, LEFT_OUT, HANDLED)
    return order.index(finding.kind.severity), finding.kind.name, finding.file
