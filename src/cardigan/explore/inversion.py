"""The latent of a given image: what the generator would have to be given to draw it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import cos, pi
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..abilities import Decodes, Encodes, Reconstructs
from ..game import Game
from ..progress import Progress
from ..randomness import generator
from .spaces import Space, conditions

Look = Callable[[Tensor], Tensor]
"""Images [N, C, H, W] in [-1, 1] to what is compared of them, [N, ...], with gradients."""
Tell = Callable[[int, Tensor], None]  # steps made, distances

DRAWN = 1024
"""Points that tell where a space lies, and among which starts are chosen."""
TOGETHER = 256  # points that are moved at once


@dataclass(frozen=True)
class Search:
    """How a latent is looked for.

    Attributes:
        look: Distances are between what it sees.
        power: p of the distance sum |a - b|^p that is descended.
        starts: Points that are tried for each image: the nearest of those drawn and their mean.
        steps: Of Adam.
        rate: The learning rate, in deviations of the space's points.
        noise: On points at the first step, in deviations; none in the last quarter.
        seed: Of the points drawn and of the noise.
    """

    look: Look
    power: float = 2.0
    starts: int = 4
    steps: int = 300
    rate: float = 0.1
    noise: float = 0.05
    seed: int = 0


class Found(NamedTuple):
    """Inversions of N images."""

    points: Tensor  # [N, ...]
    conditions: Tensor | None  # [N, ...]
    images: Tensor  # [N, C, H, W]
    mean_images: Tensor  # [N, C, H, W], of the mean point under the same conditions


class Cloud(NamedTuple):
    """Points of a space, of which the last are their mean, and what is known of them."""

    points: Tensor  # [M, ...]
    conditions: Tensor | None  # [M, ...]
    seen: Tensor  # [M, F], of their samples
    deviation: float  # root mean square over points and entries
    keep: Callable[[Tensor], Tensor]  # brings points back to where others lie


class Starts(NamedTuple):
    """Where N images are begun with."""

    points: Tensor  # [N, S, ...]
    conditions: Tensor | None  # [N, S, ...]


def invert(
    game: Game,
    space: Space,
    images: Tensor,
    search: Search,
    labels: Tensor | None = None,
    begin: Tensor | None = None,
) -> Found:
    """The points of a space whose samples are nearest to images [N, C, H, W] in [-1, 1].

        argmin_u sum |f(G(u)) - f(x)|^p

    by Adam from several starts. Of all points on the way, the nearest is taken. Points of Z stay
    within the range of those that are drawn, where alone the generator was trained.

    Arguments:
        labels: The images' classes, int64 [N], where the game has classes; without, each start
            keeps the class that it was drawn with, so that the nearest class wins.
        begin: Where to begin, [N, ...], in place of drawn points; of games that are told nothing.
    """
    cloud = gathered(game, space, search, labels)
    wanted = _looked(search.look, images)
    starts = _nearest(cloud, wanted, search, labels)
    if begin is not None:
        starts = Starts(begin[:, None], None)
    size = max(1, TOGETHER // starts.points.shape[1])
    groups: Any = list(zip(*(_split(part, size) for part in (*starts, wanted)), strict=False))
    with Progress(search.steps * len(groups), label="inverting", unit="steps") as progress:

        def tell(step: int, distance: Tensor) -> None:
            progress.update(step, {"distance": distance.mean().item()})

        parts = [
            _descended(space, cloud, Starts(points, told), aim, search, k * search.steps, tell)
            for k, (points, told, aim) in enumerate(groups)
        ]
    points, told = (None if c[0] is None else torch.cat(c) for c in zip(*parts, strict=True))
    assert points is not None
    mean = cloud.points[-1:].expand_as(points)
    with torch.no_grad():
        return Found(points, told, space.decode(points, told), space.decode(mean, told))


def as_they_are(game: Game, space: Space, points: Tensor, search: Search) -> Found:
    """What points [N, ...] of a game that is told nothing draw, without any search."""
    mean = gathered(game, space, search).points[-1:].expand_as(points)
    with torch.no_grad():
        return Found(points, None, space.decode(points, None), space.decode(mean, None))


def gathered(game: Game, space: Space, search: Search, labels: Tensor | None = None) -> Cloud:
    """Draws points of a space, of the classes `labels` or of all.

    The mean is there once for each class.
    """
    kinds = max(1, game.classes) if labels is None else len(labels.unique())
    n = max(DRAWN, 2 * search.starts * kinds)
    label = None if labels is None else labels.unique()[torch.arange(n) % kinds]
    told = conditions(game, n, search.seed, label)
    with torch.no_grad():
        points = space.draw(n, search.seed, told)
        mean = points.mean(0, keepdim=True)
        deviation = (points - mean).square().mean().sqrt().item()
        keep = _within(points) if space.bounded else _anywhere
        told = None if told is None else torch.cat([told, told[:kinds]])
        points = torch.cat([points, mean.expand(kinds, *mean.shape[1:])])
        return Cloud(
            points, told, _looked(search.look, space.decode(points, told)), deviation, keep
        )


def encoded(game: Game, images: Tensor) -> Tensor | None:
    """Codes of images, if they are latents of the game's own generator; None otherwise."""
    if not isinstance(game, Encodes) or not isinstance(game, Decodes):
        return None
    codes = game.encode(images)
    if codes.shape[1:] != game.latents(1, 0).shape[1:]:
        return None
    if isinstance(game, Reconstructs):  # a game may hold another generator for its encoder
        rebuilt, made = game.reconstruct(images[:2]), game.decode(codes[:2])
        return codes if torch.allclose(rebuilt, made, atol=1e-5) else None
    return codes


def balanced(looks: Sequence[Look], samples: Tensor) -> Look:
    """Looks side by side, each scaled so that samples [M, C, H, W] vary by 1 in it: [N, F]."""

    def spread(look: Look) -> Tensor:
        seen = _looked(look, samples)
        return (seen - seen.mean(0)).square().sum(1).mean().sqrt().clamp(min=1e-12)

    scaled = [(look, 1 / spread(look)) for look in looks]
    return lambda x: torch.cat([scale * look(x).flatten(1) for look, scale in scaled], 1)


def distances(look: Look, a: Tensor, b: Tensor) -> Tensor:
    """Euclidean, between what is seen of images [N, C, H, W] and of others: [N]."""
    return (_looked(look, a) - _looked(look, b)).norm(dim=1)


# t in [0, 1):  min(1, t / 0.05), and half a cosine over the last quarter
def pace(t: float) -> float:
    """The share of the learning rate (Karras et al. 2020, arXiv:1912.04958, in their code)."""
    return min(1.0, t / 0.05) * (0.5 - 0.5 * cos(pi * min(1.0, (1 - t) / 0.25)))


def _descended(
    space: Space,
    cloud: Cloud,
    starts: Starts,
    wanted: Tensor,
    search: Search,
    done: int,
    tell: Tell,
) -> tuple[Tensor, Tensor | None]:
    """The nearest point of each image, and its condition.

    Adam's steps are elementwise, so points that move together do not meet.
    """
    n, s = starts.points.shape[:2]
    u = starts.points.detach().flatten(0, 1).clone().requires_grad_()
    told = None if starts.conditions is None else starts.conditions.flatten(0, 1)
    aim = wanted.repeat_interleave(s, 0)
    adam, draw = torch.optim.Adam([u]), generator(search.seed, 1)
    nearest, least = u.detach().clone(), torch.full((n * s,), torch.inf, device=u.device)
    for i in range(search.steps):
        t = (i + 1) / search.steps
        noise = search.noise * cloud.deviation * max(0.0, 1 - t / 0.75) ** 2
        with torch.enable_grad():
            at = cloud.keep(u + noise * torch.randn(u.shape, generator=draw).to(u))
            seen = search.look(space.decode(at, told)).flatten(1)
            distance = (seen - aim).abs().pow(search.power).sum(1)
            (u.grad,) = torch.autograd.grad(distance.sum(), u)
        nearer = distance.detach() < least
        nearest[nearer], least[nearer] = at.detach()[nearer], distance.detach()[nearer]
        adam.param_groups[0]["lr"] = search.rate * cloud.deviation * pace(t)
        adam.step()
        with torch.no_grad():
            u.copy_(cloud.keep(u))
        tell(done + i + 1, least)
    best = least.view(n, s).argmin(1) + s * torch.arange(n, device=u.device)
    return nearest[best], None if told is None else told[best]


def _nearest(cloud: Cloud, wanted: Tensor, search: Search, labels: Tensor | None) -> Starts:
    """The points of a cloud whose samples are nearest to what is wanted [N, F], of its classes."""
    apart = torch.cdist(wanted, cloud.seen, p=search.power)
    if labels is not None:
        assert cloud.conditions is not None, "the game has classes"
        apart[labels.to(apart.device)[:, None] != cloud.conditions] = torch.inf
    chosen = apart.topk(search.starts, largest=False).indices
    told = None if cloud.conditions is None else cloud.conditions[chosen]
    return Starts(cloud.points[chosen], told)


def _within(points: Tensor) -> Callable[[Tensor], Tensor]:
    """No entry leaves the range that points [M, ...] have, and no point lies further out."""
    low, high, far = points.amin(0), points.amax(0), points.flatten(1).norm(dim=1).amax()

    def keep(u: Tensor) -> Tensor:
        inside = torch.maximum(torch.minimum(u, high), low)
        norms = inside.flatten(1).norm(dim=1).clamp(min=1e-12)
        return inside * (far / norms).clamp(max=1).view(-1, *[1] * (u.ndim - 1))

    return keep


def _anywhere(u: Tensor) -> Tensor:
    return u


@torch.no_grad()
def _looked(look: Look, images: Tensor) -> Tensor:
    return torch.cat([look(part).flatten(1) for part in images.split(TOGETHER)])


def _split(part: Tensor | None, size: int) -> Iterable[Tensor | None]:
    return repeat(None) if part is None else part.split(size)
