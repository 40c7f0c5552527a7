"""What a classifier learns from samples: does it treat groups of real pictures alike?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from . import groups
from .attributes import learn
from .audit import Question
from .bootstrap import bootstrap

GAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "demographic_parity_difference": groups.demographic_parity_difference,
    "demographic_parity_ratio": groups.demographic_parity_ratio,
    "equalised_odds_difference": groups.equalised_odds_difference,
    "equal_opportunity_difference": groups.equal_opportunity_difference,
}
RATES: dict[str, Callable[[Tensor], Tensor]] = {
    "selection_rate": groups.selection_rate,
    "true_positive_rate": groups.true_positive_rate,
    "false_positive_rate": groups.false_positive_rate,
}


def treated(samples: Tensor, labels: Tensor, asked: Question, seed: int = 0) -> dict[str, Any]:
    """Audits a classifier that learnt the classes from samples, on held-out reals; for JSON.

    Each figure is that of the class for which it is worst, beside its floor: what a classifier
    gets that learnt from as many training reals. None is what cannot be known, as nobody in some
    group has that class. Groups are the values of the attribute.

    Arguments:
        samples: uint8 [N, C, H, W].
        labels: The class that each sample shows, int64 [N], numbered as the data number them.

    Raises:
        ValueError: The data have no labels.
    """
    train, held_out = asked.train, asked.held_out
    if train.labels is None or held_out.labels is None:
        raise ValueError(f"expected data with labels, got none beside {asked.name}")
    order = torch.randperm(len(train.images), generator=torch.Generator().manual_seed(seed))
    few = order[: len(samples)]
    predicted = _predicted(samples, labels, asked, seed)
    floor = _table(_predicted(train.images[few], train.labels[few], asked, seed), asked)
    counts = _table(predicted, asked)
    figures = {name: _figure(name, predicted, floor, asked) for name in GAPS}
    rates = {name: rate(counts) for name, rate in RATES.items()}
    by_group = {
        group: {
            kind: {c: _known(rate[a, k]) for k, c in enumerate(asked.classes)}
            for kind, rate in rates.items()
        }
        for a, group in enumerate(asked.names)
    }
    accuracy = {"value": _accuracy(counts), "floor": _accuracy(floor)}
    return {"accuracy": accuracy, **figures, "groups": by_group, "learnt_from": len(samples)}


def _predicted(images: Tensor, labels: Tensor, asked: Question, seed: int) -> Tensor:
    classifier = learn(images, labels, len(asked.classes), seed)
    return classifier(asked.held_out.images).argmax(1)


def _figure(name: str, predicted: Tensor, floor: Tensor, asked: Question) -> dict[str, Any]:
    gaps, worst = GAPS[name], _worst(name)

    def statistic(weight: Tensor) -> float:
        return worst(gaps(_table(predicted, asked, weight))).item()

    low, high = bootstrap(statistic, len(predicted), times=200)
    values = gaps(_table(predicted, asked))
    index = int(((values == worst(values)) | values.isnan()).int().argmax())
    return {
        "value": _known(worst(values)),
        "low": _known(torch.tensor(low).clamp(0, 1)),
        "high": _known(torch.tensor(high).clamp(0, 1)),
        "floor": _known(worst(gaps(floor))),
        "class": asked.classes[index],
    }


def _worst(name: str) -> Callable[[Tensor], Tensor]:
    """The largest gap, but the smallest ratio."""
    return {"demographic_parity_ratio": torch.amin}.get(name, torch.amax)


def _table(predicted: Tensor, asked: Question, weight: Tensor | None = None) -> Tensor:
    reals, sizes = asked.held_out, (len(asked.names), len(asked.classes))
    assert reals.labels is not None, "`treated` has looked"
    return groups.table(reals.values, reals.labels, predicted, *sizes, weight)


def _accuracy(counts: Tensor) -> float:
    return (counts.diagonal(dim1=1, dim2=2).sum() / counts.sum()).item()


def _known(value: Tensor) -> float | None:
    return None if value.isnan() else value.item()
