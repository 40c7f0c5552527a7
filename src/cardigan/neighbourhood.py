"""Samples among the reals: which lie nearest, in pixels and in features, and what that tells."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from .data.dataset import Dataset
from .metrics.copying import copying, nearer_than_reals
from .metrics.features import FeatureNet, extract
from .metrics.looking import look_again
from .metrics.memorisation import (
    FALSE_ALARM,
    Evidence,
    Verdict,
    authentic,
    duplicates,
    support,
    verdict,
)
from .metrics.nearest import Neighbours, nearest
from .metrics.sets import some
from .subjects import Reals

SHOWN = 3  # training images that are sought for a sample
LARGEST = 64  # the side above which pixels of smaller pictures are compared


class Space(NamedTuple):
    """One way to look at pictures, and the nearest that way."""

    samples: Tensor  # [M, D]
    train: Tensor  # [N, D]
    held_out: Tensor | None  # [H, D]
    unit: float  # that distances are told in
    nearest_train: Neighbours  # [M, SHOWN], of the training images
    nearest_held_out: Neighbours | None  # [M, 1]


class Neighbourhood(NamedTuple):
    """What was found out about samples."""

    spaces: dict[str, Space]
    verdict: Verdict | None  # none without held-out reals
    duplicates: int  # pairs of samples that are alike to the byte


def look(samples: Tensor, reals: Reals, net: FeatureNet) -> Neighbourhood:
    """Looks at images uint8 [M, C, H, W] beside training and held-out ones of their shape."""

    seen = extract(net, samples, label="looking").features
    spaces = {
        "pixels": _space(pixels(samples), reals, lambda data: pixels(data.images)),
        "features": _space(seen, reals, lambda data: _seen(data, net)),
    }
    # Of root mean squares, so that they are told as bytes.
    spaces["pixels"] = spaces["pixels"]._replace(unit=spaces["pixels"].samples.shape[1] ** 0.5)
    sets = {
        name: (space.samples, space.train, space.held_out)
        for name, space in spaces.items()
        if space.held_out is not None
    }
    alike = duplicates(samples.flatten(1))
    return Neighbourhood(spaces, verdict(sets) if sets else None, alike)


def pixels(images: Tensor) -> Tensor:
    """Bytes in a row, [N, D]; of large pictures smaller ones, in which a copy is one as well."""
    if max(images.shape[2:]) <= LARGEST:
        return images.flatten(1)
    size = [min(LARGEST, side) for side in images.shape[2:]]
    parts = [interpolate(part.float(), size, mode="area") for part in images.split(256)]
    return torch.cat([part.round().byte().flatten(1) for part in parts])


def figures(found: Neighbourhood, seed: int) -> dict[str, Any]:
    """All that is known, ready for JSON; each figure beside that of held-out reals."""
    count, told = len(found.spaces["pixels"].samples), found.verdict
    pairs = found.duplicates
    return {
        "copier": told.copier if told else None,
        "p": told.p if told else None,
        "false_alarm": told.false_alarm if told else FALSE_ALARM,
        "spaces": {
            name: _figures(space, told.evidence[name] if told else None, seed)
            for name, space in found.spaces.items()
        },
        "duplicates": {"pairs": pairs, "support": support(pairs, count) if pairs else None},
    }


def suspects(found: Neighbourhood) -> Tensor:
    """The samples [M], first those whose nearest training image stands out most in some space."""
    ratios = []
    for space in found.spaces.values():
        near = space.nearest_train.distances
        others = near if space.nearest_held_out is None else space.nearest_held_out.distances
        ratios.append(torch.where(near[:, 0] > 0, near[:, 0] / others[:, -1], 0.0))
    return torch.stack(ratios).amin(0).argsort(stable=True)


def _seen(data: Dataset, net: FeatureNet) -> Tensor:
    return look_again(data, torch.arange(len(data)), net).features


def _space(points: Tensor, reals: Reals, see: Callable[[Dataset], Tensor]) -> Space:
    train = see(reals.train)
    near = nearest(points, train, min(SHOWN, len(train)))
    if reals.test is None:
        return Space(points, train, None, 1.0, near, None)
    held_out = see(reals.test)
    return Space(points, train, held_out, 1.0, near, nearest(points, held_out))


def _figures(space: Space, evidence: Evidence | None, seed: int) -> dict[str, Any]:
    far = space.nearest_train.distances[:, 0]
    own = share = middle = None
    reals = None if space.held_out is None else some(space.held_out, len(far), seed)
    if reals is not None:
        own = nearest(reals, space.train).distances[:, 0]
        middle, share = _middle(own, space), _share(authentic(reals, space.train))
    beside = {
        "distance": {"value": _middle(far, space), "held_out": middle},
        "authenticity": {
            "value": _share(authentic(space.samples, space.train)), "held_out": share,
        },
    }  # fmt: skip
    if reals is None or own is None or evidence is None:
        return beside
    half = len(reals) // 2
    return beside | {
        "nearer_than_reals": {
            "value": nearer_than_reals(far, own),
            "held_out": nearer_than_reals(own[:half], own[half:]),
        },
        "c_t": {
            "value": _c_t(space.samples, space.train, reals, seed),
            "held_out": _c_t(reals[:half], space.train, reals[half:], seed),
        },
        "nearest_is_trained_on": evidence._asdict(),
    }


def _middle(distances: Tensor, space: Space) -> float:
    return distances.median().item() / space.unit


def _share(flags: Tensor) -> float:
    return flags.double().mean().item()


def _c_t(samples: Tensor, train: Tensor, held_out: Tensor, seed: int) -> float | None:
    """JSON has no NaN."""
    statistic = copying(samples, train, held_out, seed=seed).statistic
    return statistic if statistic == statistic else None
