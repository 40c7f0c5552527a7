"""What is trained on: pictures or points, and what is known about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot


class Modes(NamedTuple):
    """Where a toy's Gaussians lie."""

    centres: Tensor  # [K, D]
    std: float  # of each, in every direction


class Pairs(NamedTuple):
    """Held-out images of two domains, of which those at one place show the same."""

    sources: Tensor  # uint8 [N, C, H, W], what is translated
    targets: Tensor  # the same, what should come out


class Attribute(NamedTuple):
    """Something that is known of every picture."""

    values: Tensor  # int64 [N]
    names: tuple[str, ...]  # of the values


@dataclass(frozen=True)
class Dataset:
    """A set of images, or of points, in memory or memory-mapped.

    Attributes:
        name: As the catalogue or the user calls it.
        images: uint8 [N, C, H, W], or float [N, D] for points.
        labels: int64 [N], or None.
        classes: The names of the labels.
        fingerprint: SHA-256 over the content and over how it was prepared.
        modes: Of a toy: its Gaussians.
        attributes: What else is known of every picture, by name.
        names: Of the images, where they have any: images of one name in two sets show the same.
            Variants of one thing share what stands before a `#`.
        sources: Images of another domain, to be translated into images like these.
        pairs: Held-out sources and what should become of them, where that is known.
    """

    name: str
    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    fingerprint: str = ""
    modes: Modes | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    sources: "Dataset | None" = None
    pairs: Pairs | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def known(self) -> dict[str, Attribute]:
        """The attributes; labels are one of them, called `label`."""
        if self.labels is None:
            return {**self.attributes}
        return {**self.attributes, "label": Attribute(self.labels, self.classes)}

    @property
    def vectors(self) -> Tensor:
        """The attributes as one vector each, in which those values that hold are 1: [N, A]."""
        parts = [one_hot(a.values, len(a.names)) for a in self.attributes.values()]
        return torch.cat(parts, 1).float()
