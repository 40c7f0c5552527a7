"""The figures by name: each a function of the samples and of reals that take their place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Dataset
from .classes import class_shares, classifier_score, divergence, law
from .frechet import frechet_distance
from .kernel import kernel_distance
from .modes import mode_coverage


class Sets(NamedTuple):
    """Samples beside reals at the same count: draws to compare with, and held-out ones.

    Features of pictures, or points [N, D]; in an order drawn by the seed.
    """

    samples: Any
    train: list[Any]  # draws that share no picture
    test: Any  # what takes the samples' place for the floor
    dataset: Dataset


Figure = Callable[[Sets], dict[str, Any]]
"""Gives `value`, `floor` and what else belongs to the figure; ready for JSON."""


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
    return {
        "value": classifier_score(sets.samples.probabilities),
        "floor": classifier_score(sets.test.probabilities),
    }


def _histogram(sets: Sets) -> dict[str, Any]:
    names = sets.dataset.classes
    expected = law(_labels(sets.dataset), len(names))
    shares, floor = (class_shares(s.probabilities) for s in _measured(sets))
    return {
        "value": divergence(shares, expected).item(),
        "floor": divergence(floor, expected).item(),
        "shares": dict(zip(names, shares.tolist(), strict=True)),
    }


def _modes(sets: Sets) -> dict[str, Any]:
    modes = sets.dataset.modes
    assert modes is not None, "offered for toys only"
    value, floor = (mode_coverage(points, modes) for points in _measured(sets))
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


def _labels(dataset: Dataset) -> Tensor:
    assert dataset.labels is not None, "offered for labelled data only"
    return dataset.labels


ANY_IMAGES: dict[str, Figure] = {"frechet_distance": _frechet, "kernel_distance": _kernel}
CLOTHES: dict[str, Figure] = {"classifier_score": _score, "class_histogram": _histogram}
TOYS: dict[str, Figure] = {"mode_coverage": _modes}


def has_clothes(dataset: Dataset, classes: tuple[str, ...]) -> bool:
    """Whether a classifier of these classes knows what it sees."""
    return dataset.labels is not None and dataset.classes == classes


def offered(dataset: Dataset, classes: tuple[str, ...]) -> dict[str, Figure]:
    """The figures that such data allow, through a classifier of these classes."""
    if dataset.images.dim() != 4:
        return TOYS if dataset.modes else {}
    return ANY_IMAGES | CLOTHES if has_clothes(dataset, classes) else ANY_IMAGES
