"""Every figure about a generator's samples, each beside what real data would get."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..data.dataset import Dataset
from ..errors import UserError, did_you_mean, printable
from .about import Made, about
from .features import FeatureNet
from .figures import EVERY, Figure, knows, offered
from .networks import network_for
from .sets import LEAST, Sets, gathered, numbered, on_counts

ALIASES = {
    "fid": "frechet_distance",
    "kid": "kernel_distance",
    "swd": "sliced_wasserstein",
    "ppl": "path_length",
    "cas": "classification_accuracy",
}
"""What people type; the features are those of the network that a result names, whatever it is."""


def measure(
    samples: Tensor | int,
    train: Dataset,
    test: Dataset | None = None,
    seed: int = 0,
    figures: Mapping[str, Figure] | None = None,
    *,
    labels: Tensor | None = None,
    classes: tuple[str, ...] = (),
    game: object = None,
    net: FeatureNet | None = None,
    by_class: bool = False,
    intervals: bool = True,
    batch: int = 0,
) -> dict[str, Any]:
    """Measures samples against the data; what comes back is ready for JSON.

    Each figure is `{"value": ..., "floor": ..., "low": ..., "high": ..., "better": ...}`. The
    floor is what held-out real data get in the samples' place, at the same counts: as many
    samples, train reals and test reals are used as the smallest of the three sets has. Where the
    data hold more, distances are means over up to five draws of train reals. `low` and `high`
    bound the value, were other samples drawn, at 95 %. `about` tells all that a figure depends on.

    Arguments:
        samples: uint8 [N, C, H, W], or points [N, D]; of a game that draws none, how many
            held-out reals to ask it about.
        test: Held-out reals; without them, `train` is halved by the seed.
        seed: Of the choice and order of samples and reals.
        figures: What to measure, as `chosen` gives it; without, all that the data allow.
        labels: Of the samples, int64 [N], where they are known.
        classes: What `labels` number, and the game's answers, by name; without, the data's.
        game: What made the samples, for figures that ask more of it (`cardigan.abilities`).
        net: What looks at pictures; without, the network that suits the data.
        by_class: Whether to measure each class by itself, too.
        intervals: Whether `low` and `high` are wanted, which take most of the time.
        batch: Pictures that the network looks at together; 0 is its own choice.

    Raises:
        UserError: Fewer than two samples or reals, points where pictures were expected, labels
            that are wanted and whose names the data do not know, or `by_class` without labels
            and a network that knows the classes.
    """
    net = net or network_for(train)
    figures = chosen(train, (), net, game) if figures is None else figures
    classes = classes or train.classes
    if labels is not None and train.labels is not None:
        wanted = by_class or any(figure.labelled for figure in figures.values())
        labels = numbered(labels, classes, train.classes) if wanted else None
    sets = gathered(samples, labels, train, test, _eyes(train, net), seed, batch)
    sets = sets._replace(net=net, game=game, classes=classes, intervals=intervals)
    figures, too_few = _possible(figures, len(sets.samples))
    found = {name: _told(figure, sets) for name, figure in figures.items()}
    if by_class:
        found["classes"] = {
            name: told | _asked_of(name, found) for name, told in _by_class(sets, figures, net)
        }
    notes = [
        *on_counts(sets, samples if isinstance(samples, int) else len(samples), test is None),
        *too_few,
        *_notes(sets, figures, net),
        *_on_classes(found.get("classes", {}), figures),
    ]
    counts = {
        "samples": 0 if sets.samples is sets.test else len(sets.samples),
        "reals": len(sets.test),
        "draws": len(sets.train),
    }
    made = Made(train, seed, str(net.device), _eyes(train, net))
    return found | {"about": {**about(counts, made), "notes": notes}}


def chosen(
    dataset: Dataset,
    names: Sequence[str] = (),
    net: FeatureNet | None = None,
    game: object = None,
) -> dict[str, Figure]:
    """The figures of these names; without, all that the data allow and that take no training.

    Raises:
        UserError: A figure that is unknown, or that such data do not allow.
    """
    figures = offered(dataset, net or network_for(dataset), game)
    names = [ALIASES.get(name, name) for name in names]
    for name in names:
        if name not in figures:
            raise UserError(
                f"expected measures of {dataset.name} out of {', '.join(figures) or 'none'}, "
                f"got {name}{did_you_mean(name, [*figures, *ALIASES])}"
            )
    return {n: f for n, f in figures.items() if (n in names if names else f.usual)}


def known(names: Sequence[str]) -> None:
    """Lets pass what some data and some game allow: what can be said before either is there.

    Raises:
        UserError: A figure that does not exist.
    """
    for name in names:
        if ALIASES.get(name, name) not in EVERY:
            raise UserError(
                f"expected measures out of {', '.join(EVERY)}, got {printable(name)!r}"
                f"{did_you_mean(name, [*EVERY, *ALIASES])}"
            )


def _possible(figures: Mapping[str, Figure], count: int) -> tuple[dict[str, Figure], list[str]]:
    """The figures that exist for so few samples, and a note on those that do not.

    Raises:
        UserError: None of them does.
    """
    possible = {name: figure for name, figure in figures.items() if figure.needs <= count}
    out = {name: figure.needs for name, figure in figures.items() if figure.needs > count}
    if not out:
        return possible, []
    told = ", ".join(f"{name} (at least {needs})" for name, needs in out.items())
    if not possible:
        raise UserError(f"expected more samples and reals for {told}, got {count}: take more")
    return possible, [f"{count} samples are too few for {told}, left out"]


def _eyes(dataset: Dataset, net: FeatureNet) -> FeatureNet | None:
    """Points are taken as they are."""
    return net if dataset.images.dim() == 4 else None


def _told(figure: Figure, sets: Sets) -> dict[str, Any]:
    return figure.of(sets) | {"better": figure.better}


def _by_class(
    sets: Sets, figures: Mapping[str, Figure], net: FeatureNet
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each class by itself, where it has two samples and two reals at least."""
    sets = sets._replace(samples=replace(sets.samples, labels=_labels(sets, net)))
    for k, name in enumerate(sets.dataset.classes):
        part = sets.of_class(k)
        count = {"samples": len(part.samples)}
        if len(part.samples) < LEAST:
            yield name, count
        else:
            inner = {n: f for n, f in figures.items() if f.within and f.needs <= len(part.samples)}
            yield name, count | {n: _told(f, part) for n, f in inner.items()}


def _asked_of(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What figures that need all classes at once say of one: accuracies, and what is rebuilt."""
    return {
        figure: {
            "value": told["by_class"][name],
            "floor": told.get("floor_by_class", {}).get(name),
            "better": told["better"],
        }
        for figure, told in found.items()
        if name in told.get("by_class", {})
    }


def _labels(sets: Sets, net: FeatureNet) -> Tensor:
    """Of the samples: their own, or what the network takes them for."""
    if sets.dataset.labels is None:
        raise UserError(
            f"expected data with labels to measure by class, got {sets.dataset.name}, which has "
            "none: leave --by_class out"
        )
    if sets.samples.labels is not None:
        return sets.samples.labels
    if sets.samples.probabilities is None or not knows(net, sets.dataset):
        raise UserError(
            f"expected samples with labels, or a network that knows the classes of "
            f"{sets.dataset.name}, to measure by class: leave --by_class out"
        )
    return sets.samples.probabilities.argmax(1)


def _notes(sets: Sets, figures: Mapping[str, Figure], net: FeatureNet) -> Iterator[str]:
    if sets.dataset.images.dim() == 4 and not knows(net, sets.dataset):
        yield f"features of {net.name} stand in: they rank samples of such data, and no more"
    yield from _few(f"{len(sets.samples)} samples are", len(sets.samples), figures)


def _on_classes(classes: Mapping[str, Any], figures: Mapping[str, Figure]) -> Iterator[str]:
    """Where there are enough samples, but not within a class."""
    counts = [told["samples"] for told in classes.values()]
    inner = {name: figure for name, figure in figures.items() if figure.within}
    if counts:
        many = f"{min(counts)} to {max(counts)} samples of a class are"
        yield from _few(many, min(counts), inner)


def _few(them: str, count: int, figures: Mapping[str, Figure]) -> Iterator[str]:
    """Figures that are not to be trusted at so few samples, and from how many on they are."""
    for least in sorted({f.least for f in figures.values() if f.least > count}, reverse=True):
        few = [name for name, figure in figures.items() if figure.least == least]
        it = "it" if len(few) == 1 else "them"
        yield f"{them} few for {', '.join(few)}: trust {it} from {least:,} on"
