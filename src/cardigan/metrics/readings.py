"""What samples beside reals say: each reading takes sets and gives a figure, ready for JSON."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from .accuracy import SEEDS, Shown, learnt_accuracy
from .bootstrap import Interval, mean_interval
from .classes import (
    class_shares,
    classifier_score,
    divergence,
    divergence_interval,
    law,
    score_interval,
    score_over_splits,
    share_interval,
)
from .frechet import frechet_at_infinity as at_infinity
from .frechet import frechet_distance, frechet_interval
from .kernel import kernel_distance
from .looking import Looked
from .manifold import (
    Manifold,
    Overlap,
    coverage_interval,
    expected_coverage,
    manifold,
    overlap,
    recall_interval,
)
from .modes import (
    ENOUGH,
    captured_interval,
    mode_coverage,
    placed,
    stacked_coverage,
    stacked_places,
)
from .nearest import nearest
from .sets import Sets
from .similarity import pair_similarity
from .wasserstein import patch_distance

WIDE = 256  # features from which a covariance is dear
BLOCKS = 5  # of samples, whose spread tells that of a figure which has no interval of its own
PATCHES = 32  # of an image at each level: a quarter of the paper's, in a quarter of the time
STUDENT = {3: 4.303, 5: 2.776}  # 97.5 % of Student's t, by blocks: one less are free


def frechet(sets: Sets) -> dict[str, Any]:
    """The mean over draws of reals: one draw's luck moves the floor by half."""

    def against(features: Tensor) -> Tensor:
        return torch.tensor([frechet_distance(real.features, features) for real in sets.train])

    features = sets.samples.features
    values, floors = against(features), against(sets.test.features)

    def bounds() -> Interval:
        times = 200 if features.shape[1] <= WIDE else 20
        found = frechet_interval(sets.train[0].features, features, times, sets.seed)
        return _around(values.mean().item(), (found.high - found.low) / 2)

    return {
        "value": values.mean().item(),
        "floor": floors.mean().item(),
        **_told(sets, bounds),
        "std": values.std(correction=0).item(),
        "floor_std": floors.std(correction=0).item(),
        "draws": len(values),
    }


def frechet_at_infinity(sets: Sets) -> dict[str, Any]:
    """What endless samples would get; the error of the reals' own count is left in."""
    real = torch.cat([draw.features for draw in sets.train])
    value = at_infinity(real, sets.samples.features, seed=sets.seed)
    floor = at_infinity(real, sets.test.features, times=2, seed=sets.seed)
    low, high = value.interval
    return {
        "value": value.value, "floor": floor.value, "low": low, "high": high,
        "slope": value.slope, "floor_slope": floor.slope,
    }  # fmt: skip


def kernel(sets: Sets) -> dict[str, Any]:
    """Over subsets, against all draws of reals."""
    real = torch.cat([draw.features for draw in sets.train])
    size = max(2, min(1000, len(sets.test) // 2))  # alike subsets would have no spread
    value = kernel_distance(real, sets.samples.features, size=size, seed=sets.seed)
    floor = kernel_distance(real, sets.test.features, size=size, seed=sets.seed)
    return {
        "value": value.mean,
        "floor": floor.mean,
        **_told(sets, lambda: value.interval),
        "std": value.std,
        "floor_std": floor.std,
        "subset_size": size,
    }


def precision(sets: Sets) -> dict[str, Any]:
    """Of balls with 3 neighbours, as Kynkäänniemi et al. 2019 have it."""
    return _overlapping(sets, "precision", 3)


def recall(sets: Sets) -> dict[str, Any]:
    """Of balls with 3 neighbours."""
    return _overlapping(sets, "recall", 3)


def density(sets: Sets) -> dict[str, Any]:
    """Of balls with 5 neighbours, as Naeem et al. 2020 have it; 1 for the data's own law."""
    return _overlapping(sets, "density", 5)


def coverage(sets: Sets) -> dict[str, Any]:
    """Of balls with 5 neighbours; `expected` for samples of the data's law."""
    n = len(sets.samples)
    return _overlapping(sets, "coverage", 5) | {"expected": expected_coverage(n, n, 5)}


def ms_ssim(sets: Sets) -> dict[str, Any]:
    """Among samples, beside the same among reals."""
    try:
        value, floor = (pair_similarity(s.images, seed=sets.seed) for s in _measured(sets))
    except ValueError as error:
        raise UserError(f"{error}: leave ms_ssim out") from None
    low, high = value.interval
    return {
        "value": value.mean, "floor": floor.mean, "low": low, "high": high,
        "pairs": value.pairs, "scales": len(value.weights),
    }  # fmt: skip


def sliced_wasserstein(sets: Sets) -> dict[str, Any]:
    """Of patches, against the first draw of reals."""
    real = sets.train[0].images

    def distance(images: Tensor, against: Tensor = real) -> float:
        return patch_distance(against, images, PATCHES, seed=sets.seed).mean

    try:
        value = patch_distance(real, sets.samples.images, PATCHES, seed=sets.seed)
    except ValueError as error:
        raise UserError(f"{error}: leave sliced_wasserstein out") from None

    def bounds() -> Interval:
        parts = zip(sets.samples.images.chunk(BLOCKS), real.chunk(BLOCKS), strict=True)
        return _by_blocks(value.mean, [distance(fake, some) for fake, some in parts])

    return {
        "value": value.mean,
        "floor": distance(sets.test.images),
        **_told(sets, bounds),
        "patches": PATCHES,
        "levels": {str(side): level for side, level in value.levels.items()},
    }


def pixel_distance(sets: Sets) -> dict[str, Any]:
    """From a sample to the nearest real of the first draw: root mean square, in grey levels."""
    return _nearness(sets, lambda s: s.images.flatten(1).double(), sets.samples.images[0].numel())


def feature_distance(sets: Sets) -> dict[str, Any]:
    """From a sample to the nearest real of the first draw, in feature space."""
    return _nearness(sets, lambda s: s.features, 1)


def score(sets: Sets) -> dict[str, Any]:
    """In one split, and over ten, as papers give it, where there are enough samples."""
    value, floor = (_known(s.probabilities) for s in _measured(sets))
    told = {
        "value": classifier_score(value),
        "floor": classifier_score(floor),
        **_told(sets, lambda: score_interval(value, seed=sets.seed)),
    }
    if len(value) < 10:
        return told
    splits = score_over_splits(value, seed=sets.seed)
    return told | {"mean_of_10": splits.mean, "std_of_10": splits.std}


def histogram(sets: Sets) -> dict[str, Any]:
    """The divergence of the samples' classes from the labels' law, and each share."""
    names, n = sets.dataset.classes, len(sets.samples)
    expected = law(_known(sets.dataset.labels), len(names))
    shares, floor = (class_shares(_known(s.probabilities)) for s in _measured(sets))
    return {
        "value": divergence(shares, expected).item(),
        "floor": divergence(floor, expected).item(),
        **_told(sets, lambda: divergence_interval(shares, expected, n)),
        "shares": dict(zip(names, shares.tolist(), strict=True)),
    }


def modes(sets: Sets) -> dict[str, Any]:
    """Of a toy's Gaussians, how many are found, and how cleanly."""
    known = _known(sets.dataset.modes)
    value, floor = (mode_coverage(s.images, known) for s in _measured(sets))

    def bounds() -> Interval:
        places = placed(sets.samples.images, known)
        return captured_interval(places, len(known.centres), ENOUGH, sets.seed)

    return {
        "value": value.captured,
        "floor": floor.captured,
        **_told(sets, bounds),
        "modes": len(known.centres),
        "touched": value.touched,
        "touched_floor": floor.touched,
        "high_quality": value.high_quality,
        "high_quality_floor": floor.high_quality,
        "kl": value.kl,
        "kl_floor": floor.kl,
    }


def stacked(sets: Sets) -> dict[str, Any]:
    """Of stacked digits: modes of a thousand, and the divergence from the uniform law."""

    def digits(looked: Looked) -> Tensor:
        mode = _known(looked.probabilities).argmax(1)
        return torch.stack([mode // 100, mode // 10 % 10, mode % 10], 1)

    def bounds() -> Interval:
        return captured_interval(stacked_places(digits(sets.samples), 10), 1_000, 1, sets.seed)

    value, floor = (stacked_coverage(digits(s), 10) for s in _measured(sets))
    return {
        "value": value.captured,
        "floor": floor.captured,
        **_told(sets, bounds),
        "modes": value.modes,
        "kl": value.kl,
        "kl_floor": floor.kl,
        "kl_expected": value.floor,
    }


def classification_accuracy(sets: Sets) -> dict[str, Any]:
    """On held-out reals, of classifiers that learnt from labelled samples; the floor, from reals.

    Its interval comes from other classifiers, each of a seed and a part of the samples of its own:
    so both other samples and other seeds count.

    Raises:
        UserError: Samples without labels, or samples or reals of one class alone.
    """
    samples, real = sets.samples, sets.train[0]
    if samples.labels is None:
        raise UserError(
            "expected samples with labels for classification_accuracy, of a game with classes or "
            "a folder whose subfolders are classes: leave it out"
        )
    test = Shown(sets.test.images, _known(sets.test.labels))
    shown = Shown(samples.images, samples.labels)
    try:
        value = learnt_accuracy(shown, test)
        floor = learnt_accuracy(Shown(real.images, _known(real.labels)), test)
    except ValueError as error:
        raise UserError(f"{error}: leave classification_accuracy out") from None
    names = sets.dataset.classes
    return {
        "value": value.top1,
        "floor": floor.top1,
        **_told(sets, lambda: _learnt_bounds(value.top1, shown, test)),
        "std": value.std,
        "top5": value.top5,
        "floor_top5": floor.top5,
        "by_class": {names[k]: share for k, share in value.by_class.items()},
    }


def _learnt_bounds(value: float, shown: Shown, test: Shown) -> Interval:
    """By a classifier of each seed, which learns from every class of its own part of the samples.

    No part may lack all classes but one: then nothing is bounded.
    """
    order = shown.labels.argsort(stable=True)
    picks = [order[i :: len(SEEDS)] for i in range(len(SEEDS))]
    parts = [Shown(shown.images[pick], shown.labels[pick]) for pick in picks]
    if any(len(part.labels.unique()) < 2 for part in parts):
        return Interval(0.0, 1.0)
    pairs = zip(parts, SEEDS, strict=True)
    return _by_blocks(value, [learnt_accuracy(part, test, [seed]).top1 for part, seed in pairs])


def _overlapping(sets: Sets, name: str, k: int) -> dict[str, Any]:
    """One of four figures, which come from one look at all pairs."""
    real, value, floor = sets.once(f"overlap {k}", lambda: _overlaps(sets, k))
    bounds = {
        "precision": lambda: share_interval(value.precision, len(value.balls)),
        "recall": lambda: recall_interval(real, sets.samples.features, value.recall, sets.seed),
        "density": lambda: mean_interval(value.balls.double() / k),
        "coverage": lambda: coverage_interval(value),
    }
    return {
        "value": getattr(value, name),
        "floor": getattr(floor, name),
        **_told(sets, bounds[name]),
        "neighbours": k,
    }


def _overlaps(sets: Sets, k: int) -> tuple[Manifold, Overlap, Overlap]:
    real = manifold(sets.train[0].features, k)
    value, floor = (overlap(real, manifold(s.features, k)) for s in _measured(sets))
    return real, value, floor


def _nearness(sets: Sets, of: Callable[[Looked], Tensor], scale: int) -> dict[str, Any]:
    real = of(sets.train[0])
    value, floor = (nearest(of(s), real).distances[:, 0] for s in _measured(sets))
    root = math.sqrt(scale)
    return {
        "value": value.mean().item() / root,
        "floor": floor.mean().item() / root,
        **_told(sets, lambda: mean_interval(value / root)),
    }


def _by_blocks(value: float, blocks: list[float]) -> Interval:
    """Value +- t s / sqrt(b), with s the spread over b blocks of samples."""
    spread = torch.tensor(blocks, dtype=torch.float64).std().item()
    return _around(value, STUDENT[len(blocks)] * spread / math.sqrt(len(blocks)))


def _around(value: float, reach: float) -> Interval:
    return Interval(value - reach, value + reach)


def _told(sets: Sets, bounds: Callable[[], Interval]) -> dict[str, float]:
    return _interval(bounds()) if sets.intervals else {}


def _interval(bounds: Interval) -> dict[str, float]:
    return {"low": bounds.low, "high": bounds.high}


def _measured(sets: Sets) -> tuple[Looked, Looked]:
    return sets.samples, sets.test


def _known(part: Any) -> Any:
    assert part is not None, "offered only where it is known"
    return part
