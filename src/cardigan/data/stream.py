"""Endless batches, in an order that is a function of the seed and of the images seen."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import distributed
from ..randomness import generator
from .dataset import Dataset


class Batch(NamedTuple):
    """What a player looks at in one move."""

    image: Tensor  # [N, C, H, W] in [-1, 1], or points [N, D]
    label: Tensor | None = None  # int64 [N]; or vectors [N, A], or images, that networks are told


class Stream:
    """Draws batches without end; image number i of a run is `permutation(seed, epoch)[i mod N]`.

    The order is the same for every batch size and number of processes, each image comes once
    an epoch, and `seen`, which may be set, is all that a resumed run needs.

    Arguments:
        batch: Images that a process takes at a time.
        device: Where batches are wanted. Images move there for good where they fit.
        labels: What is told of each image, [len(dataset), ...]; by default the data's labels.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        labels: Tensor | None = None,
    ) -> None:
        self.dataset, self.batch, self.seed = dataset, batch, seed
        self.device = torch.empty(0, device=device).device  # cuda is cuda:0 from here on
        self.seen = 0
        fits = _fits(dataset.images, self.device)
        self.images = dataset.images.to(self.device) if fits else dataset.images
        labels = dataset.labels if labels is None else labels
        self.labels = None if labels is None else labels.to(self.device)
        self._ahead: tuple[int, Tensor] | None = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        world, start = distributed.world(), self.seen + distributed.rank() * self.batch
        index = self.order(start, self.batch, self.device)
        images = self._take(start, index)
        label = None if self.labels is None else as_floats(self.labels[index])
        self.seen += self.batch * world
        return Batch(as_floats(images), label)

    def order(self, start: int, count: int, device: torch.device | str = "cpu") -> Tensor:
        """Which images of the set are numbers `start` to `start + count` of the run: [count].

        Where images lie on a device, so does the order: nobody waits for a copy.
        """
        n, parts = len(self.dataset), []
        while count:
            epoch, position = divmod(start, n)
            part = _permutation(self.seed, epoch, n, device)[position : position + count]
            parts.append(part)
            start, count = start + len(part), count - len(part)
        return torch.cat(parts)

    def _take(self, start: int, index: Tensor) -> Tensor:
        """Images that wait outside the device are fetched one batch ahead, out of pinned memory.

        Fetching ahead moves no clock: what was fetched is used only if it is what comes next.
        """
        if self.images.device == self.device:
            return self.images[index]
        ahead, self._ahead = self._ahead, None
        images = ahead[1] if ahead and ahead[0] == start else self._send(start)
        following = start + self.batch * distributed.world()
        self._ahead = (following, self._send(following))
        return images

    def _send(self, start: int) -> Tensor:
        return _sent(self.images[self.order(start, self.batch)], self.device)


def together(first: Stream, **others: Stream) -> "Together":
    """Plays several streams side by side; the first is the clock, the others keep their ratio."""
    return Together(first, others)


class Together:
    """Several streams in a fixed ratio: two domains, labelled beside unlabelled images.

    Each draw is a dictionary: the first stream's batch under `first`, the others by name.
    """

    def __init__(self, first: Stream, others: dict[str, Stream]) -> None:
        self.first, self.others = first, others
        self.batch = first.batch

    @property
    def seen(self) -> int:
        """Images seen of the first stream."""
        return self.first.seen

    @seen.setter
    def seen(self, value: int) -> None:
        self.first.seen = value
        for other in self.others.values():
            other.seen = value // self.first.batch * other.batch

    def __iter__(self) -> Iterator[dict[str, Batch]]:
        return self

    def __next__(self) -> dict[str, Any]:
        return {"first": next(self.first)} | {k: next(s) for k, s in self.others.items()}


def as_floats(images: Tensor) -> Tensor:
    """Bytes to [-1, 1], channels last in memory; what holds no bytes stays as it is."""
    if images.dtype != torch.uint8:
        return images
    return images.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def as_bytes(images: Tensor) -> Tensor:
    """[-1, 1] to bytes, rounded to the nearest: what a picture file would hold."""
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int, device: torch.device | str) -> Tensor:
    return _sent(torch.randperm(n, generator=generator(seed, epoch)), device)


def _sent(tensor: Tensor, device: torch.device | str) -> Tensor:
    """On the device; to a GPU it travels out of pinned memory, and nobody waits for it."""
    if _is_cuda(torch.device(device)):
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _fits(images: Tensor, device: torch.device) -> bool:
    """Whether the images take at most a quarter of the device's free memory."""
    if not _is_cuda(device):
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= free / 4


def _is_cuda(device: torch.device) -> bool:
    return device.type == "cuda"
