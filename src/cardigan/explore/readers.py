"""Which layers of a generator read its latent, with what weights, and what they make of it.

Networks are not asked for their layers by name. A few latents go through, and whoever is seen to
be given them, whole or in part, alone or beside a condition, reads them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils.parametrize import is_parametrized

from ..randomness import generator

Draw = Callable[[Tensor], Tensor]
"""Points [N, D] to samples."""
PROBES = 4
BATCH = 250  # points at a time; decoders split batches that are larger than 256


def weights(draw: Draw, like: Tensor) -> list[Tensor]:
    """Of each layer that reads the points, by how much its outputs follow them: [F, D] each.

    In the order in which layers are called; none where no layer reads points as they are.

    Arguments:
        like: Points [N, D] of the space.
    """
    probes = _probes(like)
    calls = _calls(draw, probes)
    return [_weight(layer, x, reads) for layer, x in calls if (reads := _reads(x, probes)).any()]


@torch.no_grad()
def first_features(draw: Draw, points: Tensor) -> Tensor | None:
    """What the first layer makes of points [N, D], as the next layer reads it: [N, F].

    That is behind the norm and the activation. None where no layer reads points as they are.
    """
    probes = _probes(points)
    read = [bool(_reads(x, probes).any()) for _, x in _calls(draw, probes)]
    if True not in read or False not in read[read.index(True) :]:
        return None
    place = read.index(False, read.index(True))
    parts = [_calls(draw, part)[place][1].flatten(1) for part in points.split(BATCH)]
    return torch.cat(parts)


def _probes(like: Tensor) -> Tensor:
    """Points of root mean square 1: a layer that scales points to that leaves them alone."""
    drawn = torch.randn(PROBES, like.shape[1], generator=generator(0))
    return (drawn / drawn.square().mean(1, keepdim=True).sqrt()).to(like)


def _calls(draw: Draw, points: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """Layers with a matrix in the order of their calls, each with what it was given.

    Examples of reference, where a network has any, go before the points.
    """
    calls = []

    def note(layer: nn.Module, args: tuple[object, ...], output: object) -> None:
        if len(args) == 1 and isinstance(args[0], Tensor) and _has_matrix(layer):
            calls.append((layer, args[0][-len(points) :].clone()))

    with _watched(note), torch.no_grad():
        draw(points)
    return calls


@contextmanager
def _watched(note: Callable[[nn.Module, tuple[object, ...], object], None]) -> Iterator[None]:
    handle = register_module_forward_hook(note)  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        handle.remove()


def _has_matrix(layer: nn.Module) -> bool:
    whole = is_parametrized(layer) or next(layer.children(), None) is None
    return whole and any(p.ndim > 1 for p in layer.parameters())


def _reads(x: Tensor, points: Tensor) -> Tensor:
    """Which entries of x [N, I] or [N, I, 1, 1] are entries of the points: bool [I, D]."""
    flat = x.dim() > 1 and x[0].numel() == x.shape[1]
    if not flat or len(x) != len(points):
        return points.new_zeros(0, points.shape[1], dtype=torch.bool)
    return torch.isclose(x.flatten(1)[:, :, None], points[:, None], rtol=1e-3).all(0)


@torch.no_grad()
def _weight(layer: nn.Module, x: Tensor, reads: Tensor) -> Tensor:
    """By asking, so that weights scaled as they are used are as they are used."""
    basis = reads.to(x).T.reshape(-1, *x.shape[1:])  # [D, I, ...]
    return (layer(basis) - layer(torch.zeros_like(basis))).flatten(1).T
