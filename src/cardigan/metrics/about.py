"""What a result depends on: every command tells the same, so that results can be told apart."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch

from .. import __version__, distributed
from ..data.dataset import Dataset

FLOATS = "features in float32, statistics in float64"
AS_THEY_ARE = "no features, statistics in float64"


class Looking(Protocol):
    """A network that looks at pictures."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def checksum(self) -> str:
        """SHA-256 of its weights."""
        ...

    @property
    def resize(self) -> str:
        """How pictures are prepared."""
        ...


class Made(NamedTuple):
    """How a result came about, beside the counts."""

    data: Dataset | None  # what was compared with
    seed: int
    device: str  # where samples were drawn, or looked at
    net: Looking | None = None  # None where points are taken as they are


def about(counts: Mapping[str, int], made: Made) -> dict[str, Any]:
    """Counts of images, data, seed, network, device, precision and versions, for JSON.

    What there was none of is None.
    """
    data, net = made.data, made.net
    return {
        **counts,
        "seed": made.seed,
        "data": data.name if data else None,
        "data_sha256": data.fingerprint if data else None,
        "network": net.name if net else None,
        "network_sha256": net.checksum if net else None,
        "resize": net.resize if net else None,
        "device": made.device,
        "precision": FLOATS if net else AS_THEY_ARE,
        "cardigan": __version__,
        "torch": torch.__version__,
        "processes": distributed.world(),
    }
