"""The figures by name: what is offered for which data, and how each is to be read."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..abilities import (
    Classifies,
    Decodes,
    Encodes,
    Generates,
    HasCodes,
    HasDensity,
    Maps,
    Reconstructs,
    Translates,
)
from ..data.dataset import Dataset
from . import asking, readings, similarity, wasserstein
from .classifier import Classifier, Stacked
from .features import FeatureNet
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
    needs: int = 2  # samples without which it does not exist
    side: int = 0  # pixels of an image without which it does not exist
    labelled: bool = False  # looks at the labels of samples
    trains: bool = False  # trains networks, which takes long for few samples as well


ANY_IMAGES = {
    "frechet_distance": Figure(readings.frechet, least=2_000, quick=True),
    "kernel_distance": Figure(readings.kernel, least=200, quick=True),
    "precision": Figure(readings.precision, HIGHER, least=1_000, needs=4),
    "recall": Figure(readings.recall, HIGHER, least=1_000, needs=4),
    "density": Figure(readings.density, FLOOR, least=1_000, needs=6),
    "coverage": Figure(readings.coverage, HIGHER, least=1_000, needs=6),
    "ms_ssim": Figure(
        readings.ms_ssim, FLOOR, least=1_000, usual=False, needs=4, side=similarity.WINDOW
    ),
    "sliced_wasserstein": Figure(
        readings.sliced_wasserstein, least=2_000, usual=False, side=wasserstein.COARSEST
    ),
    "frechet_at_infinity": Figure(
        readings.frechet_at_infinity, least=2_000, usual=False, needs=40
    ),
    "pixel_distance": Figure(readings.pixel_distance, FLOOR, least=200, usual=False),
    "feature_distance": Figure(readings.feature_distance, FLOOR, least=200, usual=False),
}
CLASSES = {
    "classifier_score": Figure(readings.score, HIGHER, least=500, quick=True, within=False),
    "class_histogram": Figure(readings.histogram, least=500, quick=True, within=False),
}
STACKED = {"stacked_modes": Figure(readings.stacked, HIGHER, least=10_000, within=False)}
TOYS = {"mode_coverage": Figure(readings.modes, HIGHER, least=1_000, quick=True, within=False)}
LABELLED = {
    "classification_accuracy": Figure(
        readings.classification_accuracy,
        HIGHER,
        least=2_000,
        usual=False,
        within=False,
        labelled=True,
        trains=True,
    ),
}
ASKED: dict[type, dict[str, Figure]] = {
    Decodes: {
        "path_length": Figure(asking.path_length, least=500, usual=False, within=False),
    },
    Maps: {
        "path_length_w": Figure(asking.path_length_w, least=500, usual=False, within=False),
    },
    Encodes: {
        "linear_probe": Figure(asking.linear_probe, HIGHER, least=500, usual=False, within=False),
        "neighbour_probe": Figure(asking.neighbour_probe, HIGHER, usual=False, within=False),
    },
    Reconstructs: {"reconstruction": Figure(asking.reconstruction, within=False)},
    HasCodes: {"matched_accuracy": Figure(asking.matched, HIGHER, least=1_000, within=False)},
    Translates: {"translation_error": Figure(asking.translation_error, within=False)},
    HasDensity: {"bits_per_dimension": Figure(asking.bits, within=False)},
    Classifies: {
        "test_accuracy": Figure(
            asking.test_accuracy, HIGHER, least=1_000, quick=True, within=False
        ),
    },
}
"""What a game is asked for, by what it can do."""
EVERY = {**ANY_IMAGES, **CLASSES, **STACKED, **LABELLED, **TOYS}
EVERY |= {name: figure for figures in ASKED.values() for name, figure in figures.items()}


def offered(dataset: Dataset, net: FeatureNet, game: object = None) -> dict[str, Figure]:
    """The figures that such data allow, seen through such a network, of such a game.

    A game that draws no samples is asked, and no more.
    """
    if dataset.images.dim() != 4:
        return TOYS if dataset.modes else {}
    draws = game is None or isinstance(game, Generates)
    figures = _of_samples(dataset, net) if draws else {}
    for ability, more in ASKED.items():
        if isinstance(game, ability) and _can(ability, net, dataset):
            figures |= more
    return figures


def _of_samples(dataset: Dataset, net: FeatureNet) -> dict[str, Figure]:
    figures = dict(ANY_IMAGES)
    if knows(net, dataset):
        figures |= CLASSES
    if knows(net, dataset) and isinstance(net.net, Stacked):
        figures |= STACKED
    if dataset.labels is not None:
        figures |= LABELLED
    return figures


def knows(net: FeatureNet, dataset: Dataset) -> bool:
    """Whether the network's classes are those of the data."""
    return dataset.labels is not None and bool(net.classes) and dataset.classes == net.classes


def cost(told: dict[str, Any]) -> float:
    """How far a figure is from the best there could be."""
    value, floor = told["value"], told["floor"]
    return {LOWER: value, HIGHER: -value, FLOOR: abs(value - (floor or 0))}[told["better"]]


def _can(ability: type, net: FeatureNet, dataset: Dataset) -> bool:
    """Steps on a path are too small for bytes, so they need a network that takes floats."""
    needs = {
        Decodes: isinstance(net.net, Classifier),
        Maps: isinstance(net.net, Classifier),
        Encodes: dataset.labels is not None,
        Classifies: dataset.labels is not None,
        HasCodes: dataset.labels is not None,
        Translates: dataset.pairs is not None,
    }
    return needs.get(ability, True)
