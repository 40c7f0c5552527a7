"""Pictures and what a feature network says of them: looked at once, and remembered if real."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from .. import distributed, durable, reading
from ..data import cache
from ..data.dataset import Dataset
from .features import FeatureNet, extract

LARGEST = 2**33  # bytes of what is remembered of a set
DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Looked:
    """N pictures or points, and what is known of them."""

    images: Tensor  # uint8 [N, C, H, W], or points [N, D]
    features: Tensor  # float64 [N, D]; the points themselves
    probabilities: Tensor | None = None  # float64 [N, K], where the network knows classes
    labels: Tensor | None = None  # int64 [N]

    def __len__(self) -> int:
        return len(self.images)

    def pick(self, index: Tensor) -> "Looked":
        """Some of them: index int64 [M], or a mask [N]."""
        parts = (None if part is None else part[index] for part in self.columns)
        return Looked(*parts)  # pyright: ignore[reportArgumentType]

    @property
    def columns(self) -> tuple[Tensor | None, ...]:
        """All that is known, in the order of the fields."""
        return self.images, self.features, self.probabilities, self.labels


def look(images: Tensor, labels: Tensor | None, net: FeatureNet | None, batch: int = 0) -> Looked:
    """Looks at pictures through a network, each process at its share; without one, at points.

    Arguments:
        batch: Pictures at a time; 0 is the network's own. Figures do not depend on it.
    """
    if net is None:
        return Looked(images, images.double(), None, labels)
    mine = images[distributed.rank() :: distributed.world()]
    seen = extract(net, mine, batch, "looking")
    parts = [None if p is None else distributed.interleaved(p, len(images)) for p in seen]
    return Looked(images, *parts, labels=labels)  # pyright: ignore[reportArgumentType]


def look_again(dataset: Dataset, index: Tensor, net: FeatureNet | None, batch: int = 0) -> Looked:
    """Looks at some pictures of a data set, or reads what was seen when it last did.

    What is remembered lies under a key of all that it depends on: the content of the data set,
    the choice, the network's weights and how it is fed. A damaged file is made anew. Nothing is
    remembered of a network whose code nobody knows.
    """
    images = dataset.images[index]
    labels = None if dataset.labels is None else dataset.labels[index]
    if net is None or not net.known or not dataset.fingerprint:
        return look(images, labels, net, batch)
    path = _place(dataset, index, net)
    found = _read(path, len(index))
    if distributed.all_true(found is not None, images.device) and found is not None:
        return Looked(images, *found, labels=labels)
    seen = look(images, labels, net, batch)
    if distributed.rank() == 0:
        _write(path, seen)
    return seen


def _place(dataset: Dataset, index: Tensor, net: FeatureNet) -> Path:
    chosen = cache.digest(index.numpy())
    settings = (net.checksum, net.resize, net.device.type, torch.__version__)
    return cache.home() / "features" / cache.key(dataset.fingerprint, chosen, *settings)


def _read(path: Path, count: int) -> tuple[Tensor, Tensor | None] | None:
    """What was written, if every bit of it still is as it was."""
    try:
        data = reading.content(path, LARGEST)
    except OSError:
        return None
    if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
        return _damaged(path)
    try:
        tensors = load(data[DIGEST:])
    except Exception:  # whatever a parser says to bytes that somebody made up
        return _damaged(path)
    features, probabilities = tensors.get("features"), tensors.get("probabilities")
    if features is None or not all(_fits(t, count) for t in (features, probabilities)):
        return _damaged(path)
    return features, probabilities


def _fits(tensor: Tensor | None, count: int) -> bool:
    if tensor is None:
        return True
    return tensor.dim() == 2 and len(tensor) == count and tensor.dtype == torch.float64


def _damaged(path: Path) -> None:
    durable.tell(f"warning: {path} is damaged: its pictures are looked at again")


def _write(path: Path, seen: Looked) -> None:
    """Remembers, where the disk allows; a figure does not depend on it."""
    tensors = {"features": seen.features.contiguous()}
    if seen.probabilities is not None:
        tensors["probabilities"] = seen.probabilities.contiguous()
    data = save(tensors)
    _try(lambda: os.makedirs(path.parent, exist_ok=True))
    _try(lambda: durable.replace(path, hashlib.sha256(data).digest() + data))


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except (OSError, durable.StorageError):
        return
