"""Two domains: images to translate, and images like those that should come out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

from ..errors import UserError, printable
from ..randomness import mix
from . import cache, catalogue
from .dataset import Attribute, Dataset, Pairs
from .stream import Stream, Together, together

Arrange = Callable[[Dataset, Dataset], tuple[Dataset, Dataset]]


def load(
    names: tuple[str, str],
    split: str,
    size: int,
    channels: int,
    arrange: Arrange,
    pairs: bool = True,
) -> Dataset:
    """The second domain, with the first as its `sources`.

    Arguments:
        arrange: Which images are trained on: `apart`, `aligned` or `as_they_are`.
        pairs: Whether held-out images of one name tell what should come out.

    Raises UserError.
    """
    arrange = {"train": arrange}.get(split, as_they_are)
    both = arrange(*_both(names, split, size, channels))
    return joined(*both, _held_out(names, size, channels) if pairs else None)


def joined(sources: Dataset, targets: Dataset, pairs: Pairs | None = None) -> Dataset:
    """One data set of two; a change of either changes its fingerprint."""
    fingerprint = cache.key(sources.fingerprint, targets.fingerprint)
    return replace(targets, sources=sources, pairs=pairs, fingerprint=fingerprint)


def drawn(targets: Stream, aligned: bool) -> Together:
    """The targets, and under `sources` as many sources.

    Arguments:
        aligned: Whether the two at one place come together; else each set has its own order.
    """
    dataset, seed = targets.dataset.sources, targets.seed
    assert dataset is not None, "two domains"
    order = seed if aligned else mix(seed, 1)
    return together(targets, sources=Stream(dataset, targets.batch, order, targets.device))


def apart(sources: Dataset, targets: Dataset) -> tuple[Dataset, Dataset]:
    """Leaves each thing that both sets show to one of them: no pair is ever trained on."""
    shared = {*map(_thing, sources.names)} & {*map(_thing, targets.names)}

    def kept(dataset: Dataset, half: int) -> Dataset:
        things = [*map(_thing, dataset.names)]
        mine = [i for i, t in enumerate(things) if t not in shared or _half(t) == half]
        return pick(dataset, mine) if shared else dataset

    return kept(sources, 0), kept(targets, 1)


def aligned(sources: Dataset, targets: Dataset) -> tuple[Dataset, Dataset]:
    """The pairs: images of one name at one place. Raises UserError if there are fewer than two."""
    places = {name: i for i, name in enumerate(targets.names)}
    there = [(i, places[n]) for i, n in enumerate(sources.names) if n in places]
    if len(there) < 2:
        raise UserError(
            f"expected pairs, images of one name in {printable(sources.name)} and "
            f"{printable(targets.name)}, got {len(there)}: name the files of a pair alike"
        )
    return pick(sources, [i for i, _ in there]), pick(targets, [k for _, k in there])


def as_they_are(sources: Dataset, targets: Dataset) -> tuple[Dataset, Dataset]:
    """All of both."""
    return sources, targets


def pick(dataset: Dataset, index: Sequence[int]) -> Dataset:
    """Some of a set's images, and what is known of them."""
    index = [*index]
    return replace(
        dataset,
        images=dataset.images[index],
        labels=None if dataset.labels is None else dataset.labels[index],
        attributes={n: Attribute(a.values[index], a.names) for n, a in dataset.attributes.items()},
        names=tuple(dataset.names[i] for i in index),
        fingerprint=cache.key(dataset.fingerprint, index),
    )


def _both(names: tuple[str, str], split: str, size: int, channels: int) -> tuple[Dataset, Dataset]:
    first, second = names
    load = catalogue.load
    return load(first, split, size, channels), load(second, split, size, channels)


def _held_out(names: tuple[str, str], size: int, channels: int) -> Pairs | None:
    """None where the sets have no test split, or no pairs in it."""
    try:
        sources, targets = aligned(*_both(names, "test", size, channels))
    except UserError:
        return None
    return Pairs(sources.images, targets.images)


def _thing(name: str) -> str:
    return name.partition("#")[0]


def _half(thing: str) -> int:
    return sha256(f"half {thing}".encode()).digest()[0] % 2
