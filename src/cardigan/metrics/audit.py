"""Are samples fair? An attribute in samples beside reals, judged by a classifier that errs."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Attribute, Dataset
from ..errors import UserError, did_you_mean, printable
from ..randomness import generator
from . import fairness
from .attributes import Classifier, learn
from .bootstrap import LEVEL
from .fairness import Judged

LEAST = 100
"""Samples, training reals and held-out reals below which nothing is said."""
MOST = 50
"""Values that an attribute may have."""
WEAK = 0.1
"""Smallest singular value of the classifier's table below which it accuses nobody."""
UNSURE = 0.05
"""By how much the classifier may be less sure of samples than of reals before that is said."""


class Reals(NamedTuple):
    """Reals whose value of the attribute is known."""

    images: Tensor  # uint8 [N, C, H, W]
    values: Tensor  # int64 [N], of the attribute
    labels: Tensor | None  # int64 [N]


class Question(NamedTuple):
    """An attribute, and the reals that know it."""

    name: str
    names: tuple[str, ...]  # of its values
    train: Reals
    held_out: Reals
    classes: tuple[str, ...]  # of the labels


def question(train: Dataset, test: Dataset | None, name: str, seed: int = 0) -> Question:
    """An attribute of the data, with reals to learn it from, and others held out.

    Without a test set, a third of the data is held out.

    Raises:
        UserError: The data do not know the attribute, or hold too few pictures.
    """
    attribute = _attribute(train, name)
    parts = [_reals(train, attribute)]
    if test is not None:
        parts.append(_reals(test, _attribute(test, name)))
    else:
        order = torch.randperm(len(train), generator=generator(seed))
        cut = len(order) // 3
        parts = [_part(parts[0], order[cut:]), _part(parts[0], order[:cut])]
    for reals, what in zip(parts, ("training", "held-out"), strict=True):
        _enough(reals, attribute.names, name, what)
    return Question(name, attribute.names, parts[0], parts[1], train.classes)


def audit(
    samples: Tensor,
    asked: Question,
    seed: int = 0,
    alpha: float = 0.001,
    uniform: bool = False,
    classifier: Classifier | None = None,
) -> dict[str, Any]:
    """Compares how often each value of an attribute comes in samples and in reals; for JSON.

    A classifier that learnt the attribute from training reals judges the samples. What it gets
    wrong of held-out reals is taken out of the shares, and allowed for in the verdict.

    Arguments:
        samples: uint8 [N, C, H, W], N at least 100.
        seed: Of the classifier.
        alpha: How often a fair generator may be accused.
        uniform: Compare with equal shares instead of the reals'.
        classifier: Of the attribute; without, one is trained.

    Raises:
        UserError: Too few samples, pictures unlike the data's, or an attribute that no picture
            shows.
    """
    check_alike(samples, asked)
    judge = classifier or learn(asked.train.images, asked.train.values, len(asked.names), seed)
    on_samples, on_reals = judge(samples), judge(asked.held_out.images)
    k = len(asked.names)
    judged = Judged(
        fairness.counted(on_samples.argmax(1), k),
        fairness.confused(asked.held_out.values, on_reals.argmax(1), k),
    )
    told = _told(judged, on_samples, on_reals, asked)
    found = _compared(judged, asked, alpha, uniform, seed) | {"classifier": told}
    told["notes"] += _clipped(found["values"])
    return found | {"accused": found["accused"] and not _blind(judged)}


def _compared(
    judged: Judged, asked: Question, alpha: float, uniform: bool, seed: int
) -> dict[str, Any]:
    """Shares, the discrepancy beside its noise, and the verdict."""
    counts = fairness.counted(asked.train.values, len(asked.names))
    law, reals = counts / counts.sum(), counts.sum().item()
    intervals = fairness.wilson(counts)
    if uniform:
        law, reals = torch.full_like(law, 1 / len(law)), math.inf
        intervals = torch.stack([law, law], 1)
    try:
        found = fairness.corrected(judged)
    except ValueError:
        raise UserError(
            f"expected pictures that show {printable(asked.name)}, but a classifier that was "
            "trained to tell it sees one value only: choose another attribute"
        ) from None
    test = fairness.same_law(judged, law, reals, seed)
    noise = found.covariance.trace().item() + fairness.discrepancy_noise(law, reals)
    seen = judged.counts / judged.counts.sum()
    rows = zip(
        asked.names, found.shares, found.intervals, law, intervals, seen, strict=True
    )  # fmt: skip
    return {
        "attribute": asked.name,
        "accused": test.p_value < alpha,
        "p_value": test.p_value,
        "alpha": alpha,
        "statistic": test.statistic,
        "discrepancy": {"value": fairness.discrepancy(found.shares, law), "floor": noise**0.5},
        "reference": "uniform" if uniform else "reals",
        "level": LEVEL,
        "values": {name: _row(*row) for name, *row in rows},
        "samples": int(judged.counts.sum()),
        "reals": len(asked.train.images),
        "held_out": len(asked.held_out.images),
    }


def _row(
    share: Tensor, interval: Tensor, law: Tensor, law_interval: Tensor, seen: Tensor
) -> dict[str, float]:
    low, high = interval.clamp(0, 1).tolist()
    law_low, law_high = law_interval.tolist()
    return {
        "samples": share.clamp(0, 1).item(),
        "unclipped": share.item(),
        "low": low,
        "high": high,
        "reals": law.item(),
        "reals_low": law_low,
        "reals_high": law_high,
        "uncorrected": seen.item(),
    }


def _clipped(rows: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Why a share stands at the end of its range."""
    outside = [name for name, row in rows.items() if row["samples"] != row["unclipped"]]
    if outside:
        told = printable(", ".join(outside))
        yield (
            f"the corrected share of {told} lay outside 0 % to 100 %, "
            "and is told as the nearer: more errors were taken out than were made, by chance "
            "or as the classifier errs otherwise on samples than on reals"
        )


def _blind(judged: Judged) -> bool:
    """Whether what it says may follow something else in the pictures as well as the attribute."""
    errs = judged.confusion / judged.confusion.sum(1, keepdim=True)
    return bool(torch.linalg.svdvals(errs)[-1] < WEAK)


def _told(judged: Judged, on_samples: Tensor, on_reals: Tensor, asked: Question) -> dict[str, Any]:
    """How good the classifier is, and what speaks against it."""
    errs = judged.confusion / judged.confusion.sum(1, keepdim=True)
    right = judged.confusion.trace() / judged.confusion.sum()
    sure = [p.amax(1).mean().item() for p in (on_samples, on_reals)]
    notes = []
    if _blind(judged):
        notes.append(f"the classifier tells too little of {asked.name}: nobody is accused")
    if sure[1] - sure[0] > UNSURE:
        notes.append(
            f"the classifier is surer of reals ({sure[1]:.2f}) than of samples ({sure[0]:.2f}): "
            "it may err more on samples than the correction allows for"
        )
    return {
        "accuracy": right.item(),
        "accuracy_by_value": dict(zip(asked.names, errs.diagonal().tolist(), strict=True)),
        "confusion": judged.confusion.int().tolist(),
        "confidence": {"samples": sure[0], "reals": sure[1]},
        "notes": notes,
    }


def _attribute(dataset: Dataset, name: str) -> Attribute:
    known, title = dataset.known, printable(dataset.name)
    if dataset.images.dim() != 4:
        raise UserError(f"expected pictures, got {title}, which holds points: choose other data")
    if not known:
        raise UserError(
            f"expected data with labels or attributes, and {title} has neither: sort its pictures "
            "into a folder for each value, or give --against DATA"
        )
    if name not in known:
        raise UserError(
            f"expected an attribute of {title} ({', '.join(map(printable, known))}), got "
            f"{printable(name)!r}{did_you_mean(name, known)}"
        )
    if not 2 <= len(known[name].names) <= MOST:
        raise UserError(
            f"expected an attribute of 2 to {MOST} values, got {printable(name)} with "
            f"{len(known[name].names)}: choose another"
        )
    return known[name]


def _reals(dataset: Dataset, attribute: Attribute) -> Reals:
    return Reals(dataset.images, attribute.values, dataset.labels)


def _part(reals: Reals, index: Tensor) -> Reals:
    labels = None if reals.labels is None else reals.labels[index]
    return Reals(reals.images[index], reals.values[index], labels)


def _enough(reals: Reals, names: tuple[str, ...], name: str, what: str) -> None:
    missing = list(_missing(reals.values, names))
    if len(reals.images) < LEAST or missing:
        lack = f"none that is {printable(missing[0])}" if missing else "too few to tell anything"
        raise UserError(
            f"expected at least {LEAST} {what} reals, and some of each value of "
            f"{printable(name)}, got {len(reals.images)}, {lack}: take more data"
        )


def _missing(values: Tensor, names: tuple[str, ...]) -> Iterator[str]:
    counts = fairness.counted(values, len(names))
    return (name for name, count in zip(names, counts.tolist(), strict=True) if not count)


def check_alike(samples: Tensor, asked: Question) -> None:
    """Refuses samples that cannot be audited, before anything is trained.

    Raises:
        UserError: Too few, or unlike the data's pictures.
    """
    data = asked.train.images
    if samples.dim() != 4 or samples.shape[1] != data.shape[1]:
        raise UserError(
            f"expected samples like the data's, {list(data.shape[1:])}, got "
            f"{list(samples.shape[1:])}: compare pictures with pictures, colour with colour"
        )
    if len(samples) < LEAST:
        raise UserError(f"expected at least {LEAST} samples, got {len(samples)}: take more")
