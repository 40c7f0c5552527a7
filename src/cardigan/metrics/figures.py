"""The figures by name: each a function of the samples and of reals that take their place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Dataset
from .classes import class_shares, classifier_score, divergence, law
from .features import FeatureNet
from .frechet import frechet_distance
from .kernel import kernel_distance
from .modes import mode_coverage
from .sets import Sets

LOWER, HIGHER, FLOOR = "lower", "higher", "floor"
"""What is better: a low value, a high one, or one that is near what reals get."""


class Figure(NamedTuple):
    """A measure, and how it is to be read."""

    of: Callable[[Sets], dict[str, Any]]  # `value`, `floor` and what else there is, for JSON
    better: str = LOWER
    least: int = 2  # samples below which it is not to be trusted
    usual: bool = True  # measured if nobody says what to measure
    quick: bool = False  # cheap enough beside training
    within: bool = True  # makes sense within one class


def cost(told: dict[str, Any]) -> float:
    """How far a figure is from the best there could be."""
    value, floor = told["value"], told["floor"]
    return {LOWER: value, HIGHER: -value, FLOOR: abs(value - floor)}[told["better"]]


def knows(net: FeatureNet, dataset: Dataset) -> bool:
    """Whether the network's classes are those of the data."""
    return dataset.labels is not None and bool(net.classes) and dataset.classes == net.classes


def offered(dataset: Dataset, net: FeatureNet, game: object = None) -> dict[str, Figure]:
    """The figures that such data allow, seen through such a network."""
    if dataset.images.dim() != 4:
        return TOYS if dataset.modes else {}
    return ANY_IMAGES | CLASSES if knows(net, dataset) else ANY_IMAGES


def _frechet(sets: Sets) -> dict[str, Any]:
    """The mean over draws of reals: one draw's luck moves the floor by half."""

    def against(features: Tensor) -> Tensor:
        return torch.tensor([frechet_distance(real.features, features) for real in sets.train])

    values, floors = against(sets.samples.features), against(sets.test.features)
    return {
        "value": values.mean().item(),
        "floor": floors.mean().item(),
        "std": values.std(correction=0).item(),
        "floor_std": floors.std(correction=0).item(),
        "draws": len(values),
    }


def _kernel(sets: Sets) -> dict[str, Any]:
    real = torch.cat([draw.features for draw in sets.train])
    size = max(2, min(1000, len(sets.test.features) // 2))  # alike subsets would have no spread
    value = kernel_distance(real, sets.samples.features, size=size)
    floor = kernel_distance(real, sets.test.features, size=size)
    return {
        "value": value.mean,
        "floor": floor.mean,
        "std": value.std,
        "floor_std": floor.std,
        "subset_size": size,
    }


def _score(sets: Sets) -> dict[str, Any]:
    value, floor = (_known(s.probabilities) for s in _measured(sets))
    return {"value": classifier_score(value), "floor": classifier_score(floor)}


def _histogram(sets: Sets) -> dict[str, Any]:
    names = sets.dataset.classes
    expected = law(_known(sets.dataset.labels), len(names))
    shares, floor = (class_shares(_known(s.probabilities)) for s in _measured(sets))
    return {
        "value": divergence(shares, expected).item(),
        "floor": divergence(floor, expected).item(),
        "shares": dict(zip(names, shares.tolist(), strict=True)),
    }


def _modes(sets: Sets) -> dict[str, Any]:
    modes = _known(sets.dataset.modes)
    value, floor = (mode_coverage(s.images, modes) for s in _measured(sets))
    return {
        "value": value.captured,
        "floor": floor.captured,
        "modes": len(modes.centres),
        "touched": value.touched,
        "touched_floor": floor.touched,
        "high_quality": value.high_quality,
        "high_quality_floor": floor.high_quality,
        "kl": value.kl,
        "kl_floor": floor.kl,
    }


def _measured(sets: Sets) -> tuple[Any, Any]:
    return sets.samples, sets.test


def _known(part: Any) -> Any:
    assert part is not None, "offered only where it is known"
    return part


ANY_IMAGES: dict[str, Figure] = {
    "frechet_distance": Figure(_frechet, least=2_000, quick=True),
    "kernel_distance": Figure(_kernel, least=200, quick=True),
}
CLASSES: dict[str, Figure] = {
    "classifier_score": Figure(_score, HIGHER, least=500, quick=True, within=False),
    "class_histogram": Figure(_histogram, least=500, quick=True, within=False),
}
TOYS: dict[str, Figure] = {"mode_coverage": Figure(_modes, HIGHER, least=1_000, quick=True)}
