"""What a fixed network sees in pictures: the measures compare features, never pixels."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain
from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError
from ..progress import track
from .classifier import SIDE, Classifier

Prepare = Callable[[Tensor], Tensor]
"""From bytes [N, C, H, W] of any size, grey or colour, to the floats that a network wants."""


class Features(NamedTuple):
    """What a network says about N pictures, on the CPU, where statistics are taken."""

    features: Tensor  # float64 [N, D], before the last layer
    probabilities: Tensor  # float64 [N, K]; K is 0 for a network that names no classes


@dataclass(frozen=True)
class FeatureNet:
    """A fixed network that looks at pictures: always in eval mode, float32, without gradients.

    It is no module, so that nothing that walks over modules sets it to training.

    Attributes:
        name: What it is called in results.
        checksum: SHA-256 of its weights: figures of unlike networks are never compared.
        classes: What its probabilities stand for; none where it gives no probabilities.
        resize: How pictures are prepared, for the record.
        prepare: What does so, on the network's device.
        net: What was prepared, to features [N, D] and logits [N, K].
        batch: Pictures at a time that are quick, and fit the memory of small machines.
        known: Whether its checksum tells all that it computes, so that what it saw of reals may
            be remembered under it.
    """

    name: str
    checksum: str
    classes: tuple[str, ...]
    resize: str
    prepare: Prepare
    net: nn.Module
    batch: int = 256
    known: bool = True

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features:
        """Looks at bytes [N, C, H, W] of any size, grey or colour, all at once.

        Raises:
            ValueError: What came is not bytes, or neither grey nor colour.
            UserError: A feature is NaN or infinite.
        """
        device = self.device
        with torch.autocast(device.type, enabled=False), _exact():
            outputs = self.net.eval()(self.prepare(images.to(device)))
        features, logits = (output.double().cpu() for output in outputs)
        self._all_finite(torch.cat([features, logits], 1))
        return Features(features, logits.softmax(1))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        state = chain(self.net.parameters(), self.net.buffers())
        return next(state, torch.empty(0)).device

    def _all_finite(self, outputs: Tensor) -> None:
        bad = int((~outputs.isfinite()).any(1).sum())
        if bad:
            raise UserError(
                f"expected finite features from {self.name}, got NaN or infinity for {bad} of "
                f"{len(outputs)} pictures: its weights are damaged, or too large for float32"
            )


def extract(net: FeatureNet, images: Tensor, batch: int = 0, label: str = "") -> Features:
    """Features and probabilities of bytes [N, C, H, W], N at least 1, `batch` at a time.

    The batch changes figures in their last bits at most: by less than 1e-5 of the largest.

    Arguments:
        batch: 0 is the network's own.
        label: What a bar that shows progress is called; without, there is none.
    """
    batches = images.split(batch or net.batch)
    parts = [net(part) for part in (track(batches, label, unit="batches") if label else batches)]
    return Features(*(torch.cat(column) for column in zip(*parts, strict=True)))


@cache
def fashion_classifier(device: torch.device | str = "cpu") -> FeatureNet:
    """The classifier of Fashion-MNIST that ships with the package; docs/measures.md has its table.

    Raises:
        UserError: The installed weights are not those that were published.
    """
    return _shipped("fashion_classifier", device)


@cache
def digits_classifier(device: torch.device | str = "cpu") -> FeatureNet:
    """The classifier of MNIST that ships with the package; docs/feature-networks.md has its table.

    Raises:
        UserError: The installed weights are not those that were published.
    """
    return _shipped("digits_classifier", device)


def grey(images: Tensor) -> Tensor:
    """Bytes [N, 1 or 3, H, W] to lightness [N, 1, H, W] in [0, 1] (ITU-R BT.601 luma).

    Raises:
        ValueError: Not bytes, or neither grey nor colour.
    """
    unit = _checked(images).float() / 255
    if images.shape[1] == 1:
        return unit
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    return (unit * weights[:, None, None]).sum(1, keepdim=True)


def colour(images: Tensor) -> Tensor:
    """Bytes [N, 1 or 3, H, W] to bytes [N, 3, H, W]: grey is red, green and blue alike.

    Raises:
        ValueError: Not bytes, or neither grey nor colour.
    """
    return _checked(images).expand(-1, 3, -1, -1)


def seen_by(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a classifier sees in images in [-1, 1] that were never bytes: [N, C, H, W] to [N, D].

    In eval mode and in the precision of the network's weights; gradients flow to the images.

    Arguments:
        net: As `Classifier`: grey pictures in [0, 1] to features and logits.
    """
    luma = {1: [1.0], 3: [0.299, 0.587, 0.114]}
    kind = next(net.eval().parameters())

    def features(images: Tensor) -> Tensor:
        weights = kind.new_tensor(luma[images.shape[1]])
        unit = images.to(kind).clamp(-1, 1).add(1).div(2)
        seen, _ = net(resized(torch.einsum("nchw,c->nhw", unit, weights)[:, None], SIDE))
        return seen

    return features


def resized(images: Tensor, size: int) -> Tensor:
    """To a square of `size` pixels, bilinear, averaged over the pixels that fall together."""
    if images.shape[2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def checksum(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values of a module's state, in whatever layout."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _checked(images: Tensor) -> Tensor:
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"expected uint8 images [N, 1 or 3, H, W], got {images.dtype} {list(images.shape)}"
        )
    return images


def _shipped(name: str, device: torch.device | str) -> FeatureNet:
    folder = resources.files("cardigan.metrics") / "assets"
    table = json.loads((folder / f"{name}.json").read_text())
    weights = (folder / f"{name}.safetensors").read_bytes()
    sha256 = hashlib.sha256(weights).hexdigest()
    if sha256 != table["sha256"]:
        raise UserError(
            f"the weights of {name} should have SHA-256 {table['sha256'][:12]}..., "
            f"got {sha256[:12]}...: install cardigan anew"
        )
    net = Classifier()
    net.load_state_dict(load(weights))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return FeatureNet(
        name,
        sha256,
        tuple(table["classes"]),
        f"bilinear antialiased to {SIDE}, grey",
        lambda images: resized(grey(images), SIDE),
        net.to(device),
    )


@contextmanager
def _exact() -> Iterator[None]:
    """TF32 would round to 10 bits on a GPU; cuDNN's search would choose by the clock."""
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False, fp32_precision="ieee"
    ):
        products.fp32_precision = "ieee"
        try:
            yield
        finally:
            products.fp32_precision = before
