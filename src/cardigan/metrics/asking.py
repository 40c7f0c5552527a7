"""What a game says when it is asked for more than samples: figures that need its abilities."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..abilities import TranslatesBack
from ..data.stream import as_bytes, as_floats
from ..levels import spread
from ..progress import track
from ..randomness import seeded
from .bootstrap import Interval, mean_interval
from .classes import share_interval
from .density import bits_per_dimension, pixel_histogram
from .distances import pixel_distance
from .features import extract
from .matching import matched_accuracy
from .path_length import lerp, path_lengths, slerp, unrounded
from .path_length import path_length as trimmed
from .probe import Labelled, by_class, neighbours_right
from .probe import linear_probe as fitted
from .reconstruction import compared, means
from .sets import Sets, drawn, numbered

BATCH = 250


def path_length(sets: Sets) -> dict[str, Any]:
    """In Z, on arcs between latents: anywhere on them, and at their ends."""
    game: Any = sets.game
    return _path_length(sets, _latents(sets, 0), _latents(sets, 1), game.decode, slerp)


def path_length_w(sets: Sets) -> dict[str, Any]:
    """In W, on straight lines between mapped latents."""
    game: Any = sets.game
    starts, ends = (_in_batches(game.map, _latents(sets, i)) for i in (0, 1))
    return _path_length(sets, starts, ends, game.synthesise, lerp)


def linear_probe(sets: Sets) -> dict[str, Any]:
    """The accuracy of logistic regression on codes, beside the same on the network's features."""
    value, floor = (fitted(*pair, seed=sets.seed) for pair in _codes(sets))
    return {
        "value": value.accuracy,
        "floor": floor.accuracy,
        **_bounds(value.interval),
        "permuted": value.permuted,
        "penalty": value.penalty,
        "by_class": _named(value.by_class, sets),
        "floor_by_class": _named(floor.by_class, sets),
    }


def neighbour_probe(sets: Sets) -> dict[str, Any]:
    """The accuracy of the nearest neighbour's class, by codes and by the network's features."""
    right = [neighbours_right(*pair) for pair in _codes(sets)]
    value, floor = (r.mean().item() for r in right)
    return {
        "value": value,
        "floor": floor,
        **_bounds(share_interval(value, len(right[0]))),
        **_by_class(right[0], right[1], sets),
    }


def reconstruction(sets: Sets) -> dict[str, Any]:
    """Mean squared error on held-out reals, values in [0, 1]; floor: the nearest train real."""
    game: Any = sets.game
    originals, train = sets.test.images, torch.cat([draw.images for draw in sets.train])
    rebuilt = _in_batches(lambda x: as_bytes(game.reconstruct(as_floats(x))), originals)
    look = partial(extract, sets.net) if sets.net else None
    by_image = compared(originals, rebuilt, train, look)
    found = {name: means(of) for name, of in by_image.items()}
    mine = found["rebuilt"]
    return {
        "value": mine["mse"].value,
        "floor": found["nearest_image"]["mse"].value,
        **_bounds(mine["mse"].interval),
        "mean_image": found["mean_image"]["mse"].value,
        **{name: mean.value for name, mean in mine.items() if name in SAID},
        **_by_class(by_image["rebuilt"].mse, by_image["nearest_image"].mse, sets),
    }


SAID = ("psnr", "ssim", "agreement", "cosine")


def translation_error(sets: Sets) -> dict[str, Any]:
    """Mean absolute error on held-out pairs, in grey levels; the floor: of leaving them alone."""
    game: Any = sets.game
    pairs = sets.dataset.pairs
    assert pairs is not None, "offered where they are known"

    def error(made: Tensor, true: Tensor = pairs.targets) -> Tensor:
        return pixel_distance(made, true).l1

    def asked(translate: Any, images: Tensor) -> Tensor:
        with seeded(sets.seed, game.device):
            return _in_batches(lambda x: as_bytes(translate(as_floats(x))), images)

    value = error(asked(game.translate, pairs.sources))
    told = {
        "value": value.mean().item(),
        "floor": error(pairs.sources).mean().item(),
        **_bounds(mean_interval(value)),
        "pairs": len(value),
    }
    if not isinstance(game, TranslatesBack):
        return told
    home = asked(game.translate_back, pairs.targets)
    return told | {"back": error(home, pairs.sources).mean().item()}


def bits(sets: Sets) -> dict[str, Any]:
    """Bits per dimension of held-out reals; the floor: a model of each pixel by itself.

    Of a game that tells fewer levels apart also `at_levels`, what it needs for these alone.
    """
    game: Any = sets.game
    images, dimensions = sets.test.images, sets.test.images[0].numel()
    with seeded(sets.seed, game.device):
        value = bits_per_dimension(_in_batches(game.log_prob, images), dimensions)
    histogram = pixel_histogram(torch.cat([draw.images for draw in sets.train]))
    floor = bits_per_dimension(histogram.log_prob(images), dimensions)
    return {
        "value": value.mean().item(),
        "floor": floor.mean().item(),
        **_bounds(mean_interval(value)),
        "levels": game.levels,
        "at_levels": value.mean().item() - spread(game.levels) / math.log(2),
    }


def test_accuracy(sets: Sets) -> dict[str, Any]:
    """The share of held-out reals whose class the game tells; the floor: the network's own.

    Raises:
        UserError: Reals of a class that the game does not know.
    """
    game: Any = sets.game
    truth = _labels(sets.test.labels)
    told = _in_batches(lambda x: game.classify(as_floats(x)).argmax(1), sets.test.images)
    own = numbered(truth, sets.dataset.classes, sets.classes)
    right = (told == own).double()
    share = right.mean().item()
    return {
        "value": share,
        "floor": _known_accuracy(sets, truth),
        **_bounds(share_interval(share, len(right))),
        "by_class": _named(by_class(right, truth), sets),
    }


def _known_accuracy(sets: Sets, truth: Tensor) -> float | None:
    """Of the network that looks at pictures, which learnt from all labels, if it knows classes."""
    if sets.net is None or sets.net.classes != sets.dataset.classes:
        return None
    assert sets.test.probabilities is not None, "it knows the classes"
    return (sets.test.probabilities.argmax(1) == truth).double().mean().item()


def matched(sets: Sets) -> dict[str, Any]:
    """How well the code told of held-out reals agrees with their classes; floor: permuted ones."""
    game: Any = sets.game
    told = _in_batches(lambda x: game.tell(as_floats(x)).argmax(1), sets.test.images)
    labels = _labels(sets.test.labels)
    share = matched_accuracy(told, labels).accuracy
    return {
        "value": share,
        "floor": matched_accuracy(told, labels[drawn(len(told), len(told), sets.seed)]).accuracy,
        **_bounds(share_interval(share, len(told))),
    }


def _path_length(
    sets: Sets, starts: Tensor, ends: Tensor, decode: Any, path: Any
) -> dict[str, Any]:
    assert sets.net is not None
    measure = partial(
        path_lengths, decode, unrounded(sets.net.net), starts, ends, path, seed=sets.seed
    )
    full, end = trimmed(measure(full=True)), trimmed(measure(full=False))
    return {
        "value": full.mean,
        "floor": None,  # reals have no latents
        **_bounds(full.interval),
        "at_ends": end.mean,
        "paths": len(starts),
    }


def _latents(sets: Sets, which: int) -> Tensor:
    game: Any = sets.game
    return game.latents(min(len(sets.samples), 2_000), seed=2 * sets.seed + which)


def _codes(sets: Sets) -> list[tuple[Labelled, Labelled]]:
    """Train and test reals, as the game encodes them and as the network sees them."""
    game: Any = sets.game
    train, test = sets.train, sets.test
    labels = torch.cat([_labels(draw.labels) for draw in train])

    def encoded(images: Tensor) -> Tensor:
        return _in_batches(lambda x: game.encode(as_floats(x)), images)

    return [
        (
            Labelled(encoded(torch.cat([draw.images for draw in train])), labels),
            Labelled(encoded(test.images), _labels(test.labels)),
        ),
        (
            Labelled(torch.cat([draw.features for draw in train]), labels),
            Labelled(test.features, _labels(test.labels)),
        ),
    ]


def _labels(labels: Tensor | None) -> Tensor:
    assert labels is not None, "offered for labelled data only"
    return labels


@torch.no_grad()
def _in_batches(function: Any, x: Tensor) -> Tensor:
    """Asks the game, on its device, for a few at a time; answers lie on the CPU."""
    return torch.cat([function(part).cpu() for part in track(x.split(BATCH), "asking")])


def _by_class(values: Tensor, floors: Tensor, sets: Sets) -> dict[str, dict[str, float]]:
    """Means over the held-out reals of each class, where these are known."""
    if sets.test.labels is None:
        return {}
    means = (_named(by_class(some, sets.test.labels), sets) for some in (values, floors))
    return dict(zip(("by_class", "floor_by_class"), means, strict=True))


def _named(means: dict[int, float], sets: Sets) -> dict[str, float]:
    return {sets.dataset.classes[k]: mean for k, mean in means.items()}


def _bounds(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}
