"""Every symptom, over the checkpoints that are kept: what is wrong, and since when."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ..data.dataset import Dataset
from ..errors import UserError
from ..metrics.about import Made, about
from ..progress import track
from ..run import Run
from ..subjects import check_kind, held_out, reals
from . import log as logs
from .balance import saturation, vanishing
from .blank import blank
from .blind import blind
from .classes import lost_classes
from .collapse import collapse
from .divergence import divergence, not_finite
from .evidence import Evidence
from .finding import Finding, Symptom
from .gathering import Reference, chosen
from .log import Log
from .modes import lost_modes
from .oscillation import oscillation
from .overfitting import overfitting
from .series import LINES

IN_LOG: tuple[Symptom, ...] = (not_finite, divergence, saturation, vanishing, oscillation)
IN_SAMPLES: tuple[Symptom, ...] = (collapse, lost_modes, blank, lost_classes, overfitting, blind)

EARLIER = 8
"""Checkpoints before the newest that are looked at, at most: each is drawn from."""


class Diagnosis(NamedTuple):
    """What is wrong with a run, or with somebody's images."""

    seen: int | None  # the clock of the newest samples, or else of the last line of the log
    findings: list[Finding]  # the worst first
    healthy: int | None  # the newest checkpoint of those kept with nothing wrong, if one is wrong
    checkpoints: list[int]  # those that were looked at
    looked_at: list[str]  # what there was to see
    notes: list[str]  # what could not be looked at, and why
    about: dict[str, Any]  # what all of it depends on


def of_run(
    path: str | Path, count: int = 1000, seed: int = 0, device: str = "cpu", against: str = ""
) -> Diagnosis:
    """Reads a run's log and draws from the checkpoints that are kept.

    What a run does not have is passed over, and told in `notes`.

    Arguments:
        path: A run's folder, or one of its checkpoints: then nothing after it is looked at.
        count: Samples that are drawn from each checkpoint.
        device: Where they are drawn, as torch names devices.
        against: Data to compare with; by default what the run was trained on.

    Raises:
        UserError: There is no run, or `against` is nothing to compare with.
    """
    run, notes = Run(path), []
    log = logs.read(run.path / "log.jsonl")
    places = _places(run)
    if run.chosen is not None:
        log = log.until(int(run.chosen.name))
    found, made = [Evidence(log)], Made(None, seed, device)
    try:
        reference = _reference(run, count, seed, device, against)
        made = _made(reference)
        found = [*_at(places, reference, log, notes)] or found
    except UserError as error:
        if against:  # what somebody asked for is not passed over
            raise
        notes.append(f"samples were not looked at: {error}")
    if not places:
        notes.append("samples were not looked at: there is no checkpoint")
    return _concluded(found, log, notes, made)


def of_images(samples: Dataset, against: str, count: int = 1000, seed: int = 0) -> Diagnosis:
    """Looks at somebody's images beside data: at what samples alone can tell."""
    images = samples.images
    check_kind(samples.name, images.dim() == 2, against)
    shape = (images.shape[-1], images.shape[1]) if images.dim() == 4 else (0, 0)
    reference = Reference(*reals(against, *shape), count, seed, 1, torch.device("cpu"))
    evidence = reference.evidence(logs.table([]), chosen(samples, count, seed))
    return _concluded([evidence], evidence.log, [], _made(reference))


def findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """What is wrong at the last of these checkpoints, and since which of them."""
    found = [*_all(IN_LOG, evidence[-1]), *_dated(evidence)]
    return sorted(found, key=lambda finding: -finding.severity)


def last_healthy(evidence: Sequence[Evidence]) -> int | None:
    """The newest of these checkpoints with nothing wrong in samples, nor in the log by then."""
    begun = [f.since for f in _all(IN_LOG, evidence[-1]) if f.since is not None]
    clean = [
        e.seen
        for e in evidence
        if e.seen is not None and not _all(IN_SAMPLES, e) and all(e.seen < s for s in begun)
    ]
    return clean[-1] if clean else None


def _made(reference: Reference) -> Made:
    data = reference.test or reference.train
    return Made(data, reference.seed, str(reference.device), reference.net())


def _concluded(evidence: list[Evidence], log: Log, notes: list[str], made: Made) -> Diagnosis:
    found, lines = findings(evidence), len(log.seen)
    shown = {"samples": evidence[-1].samples, "reals": evidence[-1].reals}
    counts = {name: 0 if some is None else len(some) for name, some in shown.items()}
    clocks = [e.seen for e in evidence if e.seen is not None]
    if lines < LINES and clocks:
        notes.append(f"the log was not judged: it has {lines} lines, and {LINES} are needed")
    return Diagnosis(
        clocks[-1] if clocks else int(log.seen[-1]) if lines else None,
        found,
        last_healthy(evidence) if found else None,
        clocks,
        list(_looked_at(evidence[-1])),
        notes,
        about(counts, made),
    )


def _all(symptoms: tuple[Symptom, ...], evidence: Evidence) -> list[Finding]:
    return [found for symptom in symptoms if (found := symptom(evidence))]


def _dated(evidence: Sequence[Evidence]) -> Iterator[Finding]:
    """With the checkpoint from which on each was always there, if an earlier one is kept."""
    for symptom in IN_SAMPLES:
        if found := symptom(evidence[-1]):
            free = [i for i, e in enumerate(evidence) if symptom(e) is None]
            yield found._replace(since=evidence[free[-1] + 1].seen if free else None)


def _places(run: Run) -> list[Path]:
    """The checkpoints to look at, the newest last."""
    by_clock = {int(p.name): p for p in run.checkpoints.glob("*") if p.name.isdecimal()}
    last = max(by_clock, default=0) if run.chosen is None else int(run.chosen.name)
    kept = [by_clock[clock] for clock in sorted(by_clock) if clock <= last]
    return kept[-1 - EARLIER :]


def _reference(run: Run, count: int, seed: int, device: str, against: str) -> Reference:
    recipe = run.recipe
    batch = recipe.training.microbatch or recipe.training.batch
    train = recipe.dataset()
    test = held_out(lambda: recipe.dataset("test"))
    if against:
        check_kind(run.path.name, recipe.points, against, recipe.data)
        others = reals(against, recipe.size, recipe.channels)
        test = others.test or others.train
    return Reference(train, test, count, seed, batch, torch.device(device))


def _at(
    places: list[Path], reference: Reference, log: Log, notes: list[str]
) -> Iterator[Evidence]:
    """The evidence of each checkpoint that is whole; the newest comes with the whole log."""
    for place in track(places, "looking", unit="checkpoints"):
        try:
            game = Run(place).load().to(reference.device)
        except UserError as error:
            notes.append(f"a checkpoint was not looked at: {error}")
            continue
        known = log if place == places[-1] else log.until(game.seen)
        yield reference.evidence(known, reference.draw(game), game)


def _looked_at(evidence: Evidence) -> Iterator[str]:
    if lines := len(evidence.log.seen):
        yield f"{lines:,} lines of the log"
    if evidence.samples is not None and evidence.reals is not None:
        yield f"{len(evidence.samples):,} samples beside {len(evidence.reals):,} reals"
    if evidence.judged is not None:
        yield "what the discriminator says of training images, of held-out ones and of samples"
