"""Samples beside reals: how many of each, which, and in what order."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..errors import UserError, did_you_mean, printable
from ..randomness import generator
from .features import FeatureNet
from .looking import Looked, look, look_again

DRAWS = 5
"""Of train reals, at most."""
LEAST = 2
"""Samples below which there is no covariance."""


class Sets(NamedTuple):
    """Samples beside reals at the same count N, each in an order drawn by the seed."""

    samples: Looked
    train: list[Looked]  # draws that share no picture
    test: Looked  # held-out reals: what takes the samples' place for the floor
    dataset: Dataset
    seed: int
    net: FeatureNet | None = None  # what looked at them
    game: object = None  # what made the samples, if it can be asked
    classes: tuple[str, ...] = ()  # as the game numbers them
    intervals: bool = True  # whether figures bound what they tell
    shared: dict[str, Any] = {}  # work that several figures need; `gathered` gives each its own

    def once(self, what: str, work: Callable[[], Any]) -> Any:
        """What `work` gives, which is done once for all figures of these sets."""
        if what not in self.shared:
            self.shared[what] = work()
        return self.shared[what]

    def of_class(self, k: int) -> "Sets":
        """The part of class `k`, again at one count; draws of train reals become one."""
        merged = _joined(self.train)
        parts = [p.pick(p.labels == k) for p in (self.samples, self.test, merged)]
        count = min(map(len, parts))
        first = [part.pick(torch.arange(count)) for part in parts]
        return self._replace(samples=first[0], test=first[1], train=first[2:], shared={})


def gathered(
    samples: Tensor | int,
    labels: Tensor | None,
    train: Dataset,
    test: Dataset | None,
    net: FeatureNet | None,
    seed: int,
    batch: int,
) -> Sets:
    """Looks at as many samples, train reals and test reals as the smallest of the three has.

    Where the data hold more, train reals are drawn up to five times. If `samples` is a number,
    there are none: that many test reals stand where they would, and no figure looks at them.

    Raises:
        UserError: Fewer than two of something, or points where pictures were expected.
    """
    reals, held_out = _split(train, test, seed)
    given = samples if isinstance(samples, int) else len(samples)
    count = _least(given, len(reals), len(held_out))
    draws = [reals[i] for i in drawn(len(reals), DRAWS * count, seed, 2).split(count)]
    pick = held_out[drawn(len(held_out), count, seed, 1)]
    seen = look_again(test or train, pick, net, batch)
    shown = seen
    if not isinstance(samples, int):
        _check_alike(samples, train)
        chosen = drawn(len(samples), count, seed, 0)
        shown = look(samples[chosen], None if labels is None else labels[chosen], net, batch)
    return Sets(
        samples=shown,
        train=[look_again(train, i, net, batch) for i in draws if len(i) == count],
        test=seen,
        dataset=train,
        seed=seed,
        shared={},
    )


def on_counts(sets: Sets, given: int, halved: bool) -> Iterator[str]:
    """What a reader has to know of the counts."""
    if halved:
        yield "no test set: the floor compares two halves of the data"
    if len(sets.samples) < given and sets.samples is not sets.test:
        yield f"{len(sets.samples)} of {given} samples are used: there are no more reals"


def numbered(labels: Tensor, names: tuple[str, ...], classes: tuple[str, ...]) -> Tensor:
    """Labels int64 [N] that number `names`, as numbers of `classes`: each has its own order.

    Raises:
        UserError: A label whose name is none of the classes.
    """
    if names == classes:
        return labels
    unknown = [names[k] for k in labels.unique().tolist() if names[k] not in classes]
    if unknown:
        raise UserError(
            f"expected classes out of {printable(', '.join(classes))}, got "
            f"{printable(unknown[0])!r}{did_you_mean(unknown[0], classes)}: name the classes of "
            "samples and of data alike"
        )
    return torch.tensor([classes.index(n) if n in classes else -1 for n in names])[labels]


def some(images: Tensor, count: int, *seed: int) -> Tensor:
    """At most `count` of the images, drawn by the seed: files lie sorted by class."""
    return images[drawn(len(images), count, *seed)]


def drawn(total: int, count: int, *seed: int) -> Tensor:
    """Which of `total` are taken, at most `count`, in an order drawn by the seed: int64 [N]."""
    return torch.randperm(total, generator=generator(*seed))[:count]


def _split(train: Dataset, test: Dataset | None, seed: int) -> tuple[Tensor, Tensor]:
    """Which reals to compare with, and which for the floor, with no picture in both."""
    if test is not None:
        return torch.arange(len(train)), torch.arange(len(test))
    order, half = drawn(len(train), len(train), seed), (len(train) + 1) // 2
    return order[:half], order[half:]


def _check_alike(samples: Tensor, train: Dataset) -> None:
    if samples.dim() != train.images.dim():
        raise UserError(
            f"expected samples like the data's, {list(train.images.shape[1:])}, got "
            f"{list(samples.shape[1:])}: compare pictures with pictures, points with points"
        )


def _least(*counts: int) -> int:
    if min(counts) < LEAST:
        raise UserError(
            f"expected at least {LEAST} samples, train reals and test reals to measure, "
            f"got {', '.join(map(str, counts))}: take more pictures"
        )
    return min(counts)


def _joined(parts: list[Looked]) -> Looked:
    columns = zip(*(part.columns for part in parts), strict=True)
    return Looked(*(None if c[0] is None else torch.cat(c) for c in columns))  # pyright: ignore[reportArgumentType]
