"""A small classifier, trained on the spot: which value of an attribute does a picture show?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..progress import track
from ..randomness import generator, mix, seeded
from .features import checksum, resized

SIDE = 32  # to which pictures are brought
SEEN = 20_000  # images that it is trained on, however few there are
BATCH = 128

Classifier = Callable[[Tensor], Tensor]
"""Bytes [N, C, H, W] to probabilities float64 [N, K]."""


@dataclass(frozen=True)
class Learnt:
    """A `Classifier` that was trained on the spot.

    Attributes:
        net: Of prepared pictures, on the CPU.
    """

    net: nn.Module
    name: str = "trained on the spot"
    resize: str = f"to {SIDE} pixels, bilinear, antialiased"

    def __call__(self, images: Tensor) -> Tensor:
        """Probabilities float64 [N, K] of bytes [N, C, H, W]."""
        return _look(self.net, images)

    @property
    def checksum(self) -> str:
        """SHA-256 of its weights."""
        return checksum(self.net.state_dict())


def learn(images: Tensor, values: Tensor, count: int, seed: int = 0) -> Learnt:
    """Trains a classifier: three convolutions, as the place of a part matters, and a layer.

    Adam with a learning rate that falls to nothing; 20,000 images in batches of 128, in an order
    that the seed decides, and so do the first weights.

    Arguments:
        images: uint8 [N, C, H, W], grey or colour, of any size.
        values: int64 [N], from 0 to `count` - 1.

    Raises:
        ValueError: What comes are not pictures, or no value for each.
    """
    if images.dim() != 4 or images.dtype != torch.uint8 or len(images) != len(values) or count < 2:
        raise ValueError(
            f"expected uint8 images [N, C, H, W] with N of at least 2 values, got {images.dtype} "
            f"{list(images.shape)} with {len(values)} of {count} values"
        )
    with seeded(mix(seed, 0), torch.device("cpu")), torch.enable_grad():
        net = _network(images.shape[1], count)
        _train(net, images, values, seed)
    net.eval()
    return Learnt(net)


def _network(channels: int, count: int, width: int = 32) -> nn.Sequential:
    return nn.Sequential(
        *_block(channels, width),
        *_block(width, 2 * width),
        *_block(2 * width, 2 * width),
        nn.Flatten(),
        nn.Linear(2 * width * (SIDE // 8) ** 2, count),
    ).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _block(inside: int, outside: int) -> tuple[nn.Module, ...]:
    """Halves the side."""
    convolution = nn.Conv2d(inside, outside, 3, 2, 1, bias=False)
    return convolution, nn.BatchNorm2d(outside), nn.ReLU()


def _train(net: nn.Module, images: Tensor, values: Tensor, seed: int) -> None:
    steps = SEEN // BATCH
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, steps)
    order, draw = torch.empty(0, dtype=torch.long), generator(seed, 1)
    for _ in track(range(steps), "training a classifier"):
        while len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(images), generator=draw)])
        index, order = order[:BATCH], order[BATCH:]
        loss = F.cross_entropy(net(_inputs(images[index])), values[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def _look(net: nn.Module, images: Tensor) -> Tensor:
    parts = [net(_inputs(part)).double().softmax(1) for part in images.split(500)]
    return torch.cat(parts)


def _inputs(images: Tensor) -> Tensor:
    """Bytes of any size to [N, C, 32, 32] in [-1, 1]."""
    unit = resized(images.float() / 127.5 - 1, SIDE)
    return unit.contiguous(memory_format=torch.channels_last)
