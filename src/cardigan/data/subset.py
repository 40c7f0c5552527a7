"""Sets made out of a set: a few images whose class is told, and all of them with none told."""

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import UserError
from ..randomness import generator
from .dataset import Attribute, Dataset


def labelled(dataset: Dataset, count: int = 0, seed: int = 0) -> Dataset:
    """A part of `count` images with labels, each class as often as any other; 0 takes them all.

    Arguments:
        seed: Of the choice. What does not divide evenly goes to classes that it draws.

    Raises:
        UserError: Without labels, or with fewer of a class than are wanted.
    """
    if dataset.labels is None:
        raise UserError(f"expected data whose classes are known, got {dataset.name}: name others")
    return pick(dataset, balanced(dataset.labels, count, seed)) if count else dataset


def balanced(labels: Tensor, count: int, seed: int = 0) -> Tensor:
    """Indices [count] of images, each class as often as any other; ascending.

    Raises:
        UserError: With fewer of a class than are wanted.
    """
    draw = generator(seed)
    kinds = labels.unique()
    each = torch.full((len(kinds),), count // len(kinds))
    each[torch.randperm(len(kinds), generator=draw)[: count % len(kinds)]] += 1
    chosen = []
    for kind, wanted in zip(kinds.tolist(), each.tolist(), strict=True):
        (there,) = torch.where(labels == kind)
        if len(there) < wanted:
            raise UserError(
                f"expected {wanted} images of class {kind} for {count} labels, got {len(there)}: "
                "choose fewer --labels"
            )
        chosen.append(there[torch.randperm(len(there), generator=draw)[:wanted]])
    return torch.cat(chosen).sort().values


def numbered(dataset: Dataset) -> Dataset:
    """The same images, each labelled with its number: it is told apart, and its class is not."""
    return replace(dataset, labels=torch.arange(len(dataset)), classes=(), attributes={})


def pick(dataset: Dataset, index: Tensor) -> Dataset:
    """The images of these indices, and what is known of them."""
    labels = None if dataset.labels is None else dataset.labels[index]
    known = {k: Attribute(a.values[index], a.names) for k, a in dataset.attributes.items()}
    return replace(dataset, images=dataset.images[index], labels=labels, attributes=known)
