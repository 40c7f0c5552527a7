"""`cardigan diagnose`: what goes wrong in a run, in plain words."""

import json as to_text
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .arguments import check

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding

LEAST = 100
"""Samples below which shares say nothing."""


def diagnose(
    run: str,
    against: str = "",
    n: int = 1000,
    seed: int = 0,
    json: bool = False,
    device: str = "auto",
) -> None:
    """Says what goes wrong in a run, by what evidence, since when, and what to try.

    Reads the log, and draws samples from the checkpoints that are kept.

    Args:
        run: A run's folder, one of its checkpoints, or a folder or zip of images.
        against: Data to compare with: a catalogue name, folder or zip; a run's own by default.
        n: How many samples to draw from each checkpoint, or of the images to take.
        seed: Of the samples and of the choice of reals.
        json: Print JSON instead of text.
        device: Where samples are drawn: auto, cpu, cuda, cuda:1, mps.
    """
    if not LEAST <= n <= 100_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n from {LEAST} to 100,000 and a --seed of 0 or more, got {n} and {seed}"
        )
    check(device)

    from .. import device as devices
    from ..diagnosis import of_run
    from ..run import Run

    if Run(run).exists:
        found = of_run(run, n, seed, str(devices.pick(device)), against)
    else:
        found = _of_folder(run, against, n, seed)
    print(to_text.dumps(as_dict(found), indent=2)) if json else show(found)


def _of_folder(path: str, against: str, n: int, seed: int) -> "Diagnosis":
    from ..data import catalogue
    from ..diagnosis import of_images

    if not against:
        raise UserError(
            f"expected a run's folder, or images and what to compare them with, got {path}: "
            "add --against DATA"
        )
    return of_images(catalogue.load(path), against, n, seed)


def as_dict(diagnosis: "Diagnosis") -> dict[str, Any]:
    """A diagnosis as JSON holds it."""
    found = [
        finding._asdict() | {"severity": finding.severity.name.lower()}
        for finding in diagnosis.findings
    ]
    return diagnosis._asdict() | {"findings": found}


def show(diagnosis: "Diagnosis") -> None:
    """Prints a diagnosis, the worst first."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for finding in diagnosis.findings:
        _show(console, finding)
    if not diagnosis.findings:
        console.print("Nothing found.", style="bold green")
    if diagnosis.findings and diagnosis.checkpoints:
        console.print(_healthy(diagnosis), style="bold")
    told = ", ".join(diagnosis.looked_at) or "nothing"
    for note in (f"looked at: {told}", *diagnosis.notes):
        console.print(note, style="dim")


def _show(console: Any, finding: "Finding") -> None:
    style = {"FAILURE": "bold red", "WARNING": "bold yellow"}[finding.severity.name]
    console.print(f"{finding.what} [{finding.name}]", style=style)
    if finding.since is not None:
        console.print(f"  since      {finding.since:,} images seen")
    for title, lines in (("evidence", finding.evidence), ("try", finding.advice)):
        for i, line in enumerate(lines):
            console.print(f"  {'' if i else title:<9}  {line}", soft_wrap=True)
    console.print()


def _healthy(diagnosis: "Diagnosis") -> str:
    if diagnosis.healthy is None:
        return "None of the checkpoints that are kept is healthy."
    return f"The last healthy checkpoint that is kept: {diagnosis.healthy:09}."
