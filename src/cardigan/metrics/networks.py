"""Feature networks by name, which one suits a data set, and how to bring your own."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from ..data.cache import key as cache_key
from ..data.dataset import Dataset
from ..errors import UserError, did_you_mean, printable
from ..randomness import generator
from . import inception_weights
from .classifier import SIDE, Classifier, Stacked
from .features import (
    FeatureNet,
    checksum,
    colour,
    digits_classifier,
    extract,
    fashion_classifier,
    grey,
    resized,
)
from .inception_weights import inception

Device = torch.device | str
Maker = Callable[[Dataset, Device], FeatureNet]

LOOKS = 256
"""Labelled pictures of a data set by which a classifier is tried."""
RIGHT = 0.8
"""The share of them that it must name right."""
SHADES = {1: "grey", 3: "colour"}
ALIKE = 1e-4
"""By how much of the largest feature a picture's may change with the pictures beside it."""


def network(name: str, dataset: Dataset, device: Device = "cpu") -> FeatureNet:
    """The network of that name, or the one that suits the data if there is no name.

    Arguments:
        name: `fashion`, `digits`, `inception`, or `inception:WEIGHTS` with a file.

    Raises:
        UserError: No network has that name, or its weights are not there.
    """
    return maker(name)(dataset, device)


def maker(name: str) -> Maker:
    """What makes the network of that name, or the one that suits the data; no data are needed.

    Raises:
        UserError: No network has that name.
    """
    if not name:
        return network_for
    if name in NETWORKS:
        return NETWORKS[name]
    kind, _, file = name.partition(":")
    if file and kind in FROM_FILE:
        return lambda dataset, device: FROM_FILE[kind](file, device)
    raise UserError(
        f"expected a feature network ({', '.join(NETWORKS)}, or inception:WEIGHTS), "
        f"got {printable(name)!r}{did_you_mean(kind, NETWORKS)}"
    )


def network_for(dataset: Dataset, device: Device = "cpu") -> FeatureNet:
    """The network that suits a data set: a classifier that knows its pictures, or a stand-in.

    Inception stands in where its weights are on this machine, the classifier of clothes elsewhere.
    """
    for make in (fashion_classifier, digits_classifier, stacked_digits_classifier):
        if recognises(net := make(device), dataset):
            return net
    return inception(device=device) if inception_weights.is_here() else fashion_classifier(device)


def classifier_for(dataset: Dataset | None, device: Device = "cpu") -> FeatureNet:
    """The shipped classifier of digits where it knows the pictures, and that of clothes elsewhere.

    Both look at grey pictures of any size, and gradients flow through them.
    """
    digits = digits_classifier(device)
    known = dataset is not None and recognises(digits, dataset)
    return digits if known else fashion_classifier(device)


def recognises(net: FeatureNet, dataset: Dataset) -> bool:
    """Whether a classifier's classes are those of the data, and it can tell them.

    Names are not enough: the house numbers of SVHN are called 0 to 9 too. So it must name four
    out of five pictures right, of 256 taken evenly over the set.
    """
    if dataset.labels is None or not net.classes or dataset.classes != net.classes:
        return False
    index = torch.linspace(0, len(dataset) - 1, min(LOOKS, len(dataset))).long()
    guesses = extract(net, dataset.images[index]).probabilities.argmax(1)
    return (guesses == dataset.labels[index]).double().mean().item() >= RIGHT


@cache
def stacked_digits_classifier(device: Device = "cpu") -> FeatureNet:
    """The classifier of digits at red, green and blue apart: 384 features, 1,000 classes."""
    single = digits_classifier(device)
    assert isinstance(single.net, Classifier)
    return FeatureNet(
        "stacked_digits_classifier",
        single.checksum,
        tuple(a + b + c for a in single.classes for b in single.classes for c in single.classes),
        f"bilinear antialiased to {SIDE}, each channel by itself",
        lambda images: resized(_unit_colour(images), SIDE),
        Stacked(single.net),
    )


def from_module(
    net: nn.Module,
    size: int,
    channels: int = 3,
    name: str = "",
    classes: tuple[str, ...] = (),
) -> FeatureNet:
    """A network of your own, for the measures to look through.

    It is copied, so that training it further changes nothing, and the copy is always in eval mode
    and in float32. It gets float pictures [N, channels, size, size] in [0, 1]; what else it wants,
    such as other means, belongs into the module. Its checksum is of its weights, its classes and
    of what it sees in noise along a random direction, to three digits: no proof that other code
    is another network, so nothing that it sees is remembered.

    Arguments:
        net: Gives features [N, D], or features and logits ([N, D], [N, K]).
        size: Height and width that it wants; pictures are resized, bilinear with antialiasing.
        channels: 1 for grey, 3 for colour.
        name: What it is called in results; by default as its class.
        classes: The names of its K classes. Without, logits are left unread.

    Raises:
        ValueError: It gives something else, or a picture's features hang on chance or on the
            pictures beside it.
        UserError: It gives NaN or infinity.
    """
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"expected a size from 1 and 1 or 3 channels, got {size} and {channels}")
    name, shade = name or type(net).__name__, {1: grey, 3: _unit_colour}[channels]
    copied = _Outputs(deepcopy(net).float().requires_grad_(False), name, len(classes))
    made = FeatureNet(
        name,
        "",
        tuple(classes),
        f"bilinear antialiased to {size}, {SHADES[channels]}",
        lambda images: resized(shade(images), size),
        copied,
        known=False,
    )
    features = _tried(made, size, channels)
    direction = torch.randn(features.shape[1], generator=generator(0), dtype=features.dtype)
    seen = [f"{length:.3g}" for length in features @ direction]
    key = cache_key(checksum(copied.inner.state_dict()), list(classes), seen)
    return replace(made, checksum=key)


class _Outputs(nn.Module):
    """A module whose outputs are features and logits, whichever it gives by itself."""

    def __init__(self, inner: nn.Module, name: str, classes: int) -> None:
        super().__init__()
        self.inner, self.name, self.classes = inner, name, classes

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, C, H, W] to features [N, D] and logits [N, K]."""
        n, given = len(images), self.inner(images)
        outputs = list(given) if isinstance(given, tuple | list) else [given]
        if outputs and not self.classes:
            outputs = [outputs[0], images.new_zeros(n, 0)]
        tables = len(outputs) == 2 and all(_is_table(output, n) for output in outputs)
        if not tables or outputs[1].shape[1] != self.classes:
            came = [list(o.shape) if isinstance(o, Tensor) else type(o).__name__ for o in outputs]
            logits = f" and logits [{n}, {self.classes}]" if self.classes else ""
            raise ValueError(
                f"expected {self.name} to give features [{n}, D]{logits}, "
                f"got {came if self.classes else came[:1]}"
            )
        return outputs[0], outputs[1]


def _is_table(value: object, rows: int) -> bool:
    return isinstance(value, Tensor) and value.dim() == 2 and len(value) == rows


def _tried(net: FeatureNet, size: int, channels: int) -> Tensor:
    """Features of four pictures of noise, looked at all at once and one by one."""
    images = torch.randint(256, (4, channels, size, size), generator=generator(0))
    images = images.to(torch.uint8)
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        try:
            together = net(images).features
        except RuntimeError as error:
            raise ValueError(
                f"expected {net.name} to take float images [N, {channels}, {size}, {size}], "
                f"but it raised: {error}"
            ) from error
        apart = extract(net, images, 1).features
    difference = ((together - apart).abs().max() / apart.abs().max().clamp(min=1e-30)).item()
    if difference > ALIKE:
        raise ValueError(
            f"expected {net.name} to see in a picture the same whatever lies beside it, got "
            f"features that differ by {difference:.2g} of the largest: is there chance in it, or "
            "statistics of a batch?"
        )
    return apart


def _unit_colour(images: Tensor) -> Tensor:
    return colour(images).float() / 255


def _digits(dataset: Dataset, device: Device) -> FeatureNet:
    """Stacked digits are looked at one by one."""
    stacked = stacked_digits_classifier(device)
    return stacked if dataset.classes == stacked.classes else digits_classifier(device)


NETWORKS: dict[str, Maker] = {
    "fashion": lambda dataset, device: fashion_classifier(device),
    "digits": _digits,
    "inception": lambda dataset, device: inception(device=device),
}
FROM_FILE: dict[str, Callable[[str, Device], FeatureNet]] = {"inception": inception}
