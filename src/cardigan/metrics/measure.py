"""Every figure about a generator's samples, each beside what real data would get."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..errors import UserError, did_you_mean
from ..randomness import generator
from .features import FeatureNet, extract, fashion_classifier
from .figures import Figure, Sets, has_clothes, offered

DRAWS = 5
"""Of train reals, at most."""
LEAST = 2
"""Samples below which there is no covariance."""
ALIASES = {"fid": "frechet_distance", "kid": "kernel_distance"}
"""What people type; the features are the classifier's all the same, never Inception's."""


def measure(
    samples: Tensor,
    train: Dataset,
    test: Dataset | None = None,
    seed: int = 0,
    figures: Mapping[str, Figure] | None = None,
) -> dict[str, Any]:
    """Measures samples against the data; what comes back is ready for JSON.

    Each figure is `{"value": ..., "floor": ..., ...}`. The floor is what held-out real data get
    in the samples' place, at the same counts: as many samples, train reals and test reals are
    used as the smallest of the three sets has. Where the data hold more, distances are means over
    up to five draws of train reals. `about` tells all that a figure depends on.

    Arguments:
        samples: uint8 [N, C, H, W], or points [N, D].
        test: Held-out reals; without them, `train` is halved by the seed.
        seed: Of the choice and order of samples and reals.
        figures: What to measure, as `chosen` gives it; without, all that the data allow.

    Raises:
        UserError: Fewer than two samples or reals, or points where pictures were expected.
    """
    figures = chosen(train) if figures is None else figures
    parts = _alike(samples, *_reals(train, test, seed), seed)
    count = len(parts[0])
    seen, about = _looked_at(parts, fashion_classifier()) if samples.dim() == 4 else (parts, {})
    sets = Sets(samples=seen[0], train=seen[2:], test=seen[1], dataset=train)
    notes = list(_notes(train, test, count, len(samples)))
    return {name: figure(sets) for name, figure in figures.items()} | {
        "about": {**_about(count, len(sets.train), seed), **about, "notes": notes}
    }


def chosen(dataset: Dataset, names: Sequence[str] = ()) -> dict[str, Figure]:
    """The figures of these names, or all that the data allow where no name is given.

    Raises:
        UserError: A figure that is unknown, or that such data do not allow.
    """
    figures = offered(dataset, fashion_classifier().classes)
    names = [ALIASES.get(name, name) for name in names] or list(figures)
    for name in names:
        if name not in figures:
            raise UserError(
                f"expected measures of {dataset.name} out of {', '.join(figures) or 'none'}, "
                f"got {name}{did_you_mean(name, [*figures, *ALIASES])}"
            )
    return {name: figures[name] for name in names}


def some(images: Tensor, count: int, *seed: int) -> Tensor:
    """At most `count` of the images, drawn by the seed: files lie sorted by class."""
    return images[torch.randperm(len(images), generator=generator(*seed))[:count]]


def _reals(train: Dataset, test: Dataset | None, seed: int) -> tuple[Tensor, Tensor]:
    """Reals to compare with and reals for the floor, with no picture in both."""
    if test is not None:
        return train.images, test.images
    order = torch.randperm(len(train), generator=generator(seed))
    first, second = order.chunk(2)
    return train.images[first], train.images[second]


def _alike(samples: Tensor, train: Tensor, test: Tensor, seed: int) -> list[Tensor]:
    """Samples, test reals and draws of train reals, all at one count."""
    if samples.dim() != train.dim():
        raise UserError(
            f"expected samples like the data's, {list(train.shape[1:])}, got "
            f"{list(samples.shape[1:])}: compare pictures with pictures, points with points"
        )
    counts = len(samples), len(train), len(test)
    if min(counts) < LEAST:
        raise UserError(
            f"expected at least {LEAST} samples, train reals and test reals, "
            f"got {', '.join(map(str, counts))}: take more"
        )
    count = min(counts)
    draws = some(train, DRAWS * count, seed, 2).split(count)
    kept = [draw for draw in draws if len(draw) == count]
    return [some(samples, count, seed, 0), some(test, count, seed, 1), *kept]


def _looked_at(parts: Sequence[Tensor], net: FeatureNet) -> tuple[list[Any], dict[str, Any]]:
    about = {
        "network": net.name,
        "network_sha256": net.checksum,
        "device": "cpu",
        "precision": "features in float32, statistics in float64",
    }
    return [extract(net, part) for part in parts], about


def _about(count: int, draws: int, seed: int) -> dict[str, Any]:
    return {
        "samples": count,
        "reals": count,
        "draws": draws,
        "seed": seed,
        "cardigan": version("cardigan"),
        "torch": torch.__version__,
    }


def _notes(train: Dataset, test: Dataset | None, count: int, given: int) -> Iterator[str]:
    if test is None:
        yield "no test set: the floor compares two halves of the data"
    if count < given:
        yield f"{count} of {given} samples are used: there are no more reals"
    if train.images.dim() == 4 and not has_clothes(train, fashion_classifier().classes):
        yield "features of a classifier of clothes stand in: they rank runs, and no more"
