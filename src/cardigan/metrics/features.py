"""What a fixed network sees in pictures: the measures compare features, never pixels."""

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UserError
from .classifier import Classifier


class Features(NamedTuple):
    """What a network says about N pictures, on the CPU, where statistics are taken."""

    features: Tensor  # float64 [N, D], before the last layer
    probabilities: Tensor  # float64 [N, K]


@dataclass(frozen=True)
class FeatureNet:
    """A fixed network that looks at pictures: always in eval mode, float32, without gradients.

    It is no module, so that nothing that walks over modules sets it to training.

    Attributes:
        name: What it is called in results.
        checksum: SHA-256 of its weights: figures of unlike networks are never compared.
        classes: What its probabilities stand for.
        size: Height and width that it wants.
        net: Grey pictures [N, 1, size, size] in [0, 1] to features [N, D] and logits [N, K].
    """

    name: str
    checksum: str
    classes: tuple[str, ...]
    size: int
    net: nn.Module

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features:
        """Looks at bytes [N, C, H, W] of any size, grey or colour."""
        device = next(self.net.parameters()).device
        inputs = resized(grey(images.to(device)), self.size)
        with torch.autocast(device.type, enabled=False), _exact_convolutions():
            features, logits = self.net.eval()(inputs)
        return Features(features.double().cpu(), logits.double().softmax(1).cpu())


@cache
def fashion_classifier(device: torch.device | str = "cpu") -> FeatureNet:
    """The classifier of Fashion-MNIST that ships with the package; docs/measures.md has its table.

    Raises:
        UserError: The installed weights are not those that were published.
    """
    folder = resources.files("cardigan.metrics") / "assets"
    table = json.loads((folder / "fashion_classifier.json").read_text())
    weights = (folder / "fashion_classifier.safetensors").read_bytes()
    checksum = hashlib.sha256(weights).hexdigest()
    if checksum != table["sha256"]:
        raise UserError(
            f"the classifier's weights should have SHA-256 {table['sha256'][:12]}..., "
            f"got {checksum[:12]}...: install cardigan anew"
        )
    net = Classifier()
    net.load_state_dict(load(weights))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return FeatureNet("fashion_classifier", checksum, tuple(table["classes"]), 28, net.to(device))


def extract(net: FeatureNet, images: Tensor, batch: int = 256) -> Features:
    """Features and probabilities of bytes [N, C, H, W], N at least 1, `batch` at a time.

    The batch changes figures in their last bits at most: by less than 1e-5 of the largest.
    """
    parts = [net(part) for part in images.split(batch)]
    return Features(*(torch.cat(column) for column in zip(*parts, strict=True)))


def grey(images: Tensor) -> Tensor:
    """Bytes [N, C, H, W] to lightness [N, 1, H, W] in [0, 1] (ITU-R BT.601 luma).

    Raises:
        ValueError: Not bytes, or neither grey nor colour.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"expected uint8 images [N, 1 or 3, H, W], got {images.dtype} {list(images.shape)}"
        )
    unit = images.float() / 255
    if images.shape[1] == 1:
        return unit
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    return (unit * weights[:, None, None]).sum(1, keepdim=True)


def resized(images: Tensor, size: int) -> Tensor:
    """To a square of `size` pixels, bilinear, averaged over the pixels that fall together."""
    if images.shape[2:] == (size, size):
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def _exact_convolutions() -> AbstractContextManager[None]:
    """TF32 would round to 10 bits on a GPU; cuDNN's search would choose by the clock."""
    return torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
