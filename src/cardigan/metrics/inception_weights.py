"""The weights of FID's Inception network: from a file, or fetched once and only when asked to.

They are Google's, under the Apache License 2.0, as torch-fidelity converted them.
"""

import os
import tempfile
import warnings
from http.client import HTTPException
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from .. import durable
from ..data import cache
from ..errors import UserError, printable
from .features import FeatureNet, checksum
from .inception import OUTPUTS, SIDE, prepared, published, with_weights

URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
SHA256 = "6726825d"  # how it begins: the digits that the file's publisher put into its name
LARGEST = 200_000_000  # bytes; the published file has 95,628,359
BATCH = 32
COMMAND = 'python -c "from cardigan.metrics.inception_weights import fetch; fetch()"'


def inception(weights: str | Path = "", device: torch.device | str = "cpu") -> FeatureNet:
    """FID's network, 2,048 features and 1,008 outputs, with weights from a file.

    Its checksum is that of the weights' values, whatever kind of file they came in.

    Arguments:
        weights: A .safetensors file, or a .pth that holds tensors and nothing else; by default
            what `fetch` or `keep` left on this machine.

    Raises:
        UserError: The weights are not there, or not this network's.
    """
    if not weights and not is_here():
        raise UserError(
            "expected the weights of the Inception network on this machine, got none: "
            f"run {COMMAND}, which downloads 96 MB, or give a file as inception:FILE"
        )
    net = with_weights(read(Path(weights or place()).expanduser()))
    numbers = tuple(map(str, range(OUTPUTS)))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return FeatureNet(
        "inception",
        checksum(published(net)),
        numbers,
        f"bilinear as in TensorFlow 1 to {SIDE}, colour",
        lambda images: prepared(images).contiguous(memory_format=torch.channels_last),
        net.to(device),
        BATCH,
    )


def place() -> Path:
    """Where the weights are kept."""
    return cache.home() / "networks" / "inception-2015-12-05.safetensors"


def is_here() -> bool:
    """Whether the weights are on this machine."""
    return place().is_file()


def fetch() -> Path:
    """Downloads the published weights, verifies them, keeps them, and returns where.

    Verified are the first eight digits of the file's SHA-256, which its name holds, and then the
    name, type and shape of every tensor.

    Raises:
        UserError: The network fails, or what came is another file.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.pth")
        print(f"Fetching {URL}")
        try:
            torch.hub.download_url_to_file(URL, str(file), hash_prefix=SHA256)
        except (OSError, RuntimeError, HTTPException) as error:
            reason = printable(" ".join(str(error).split()))
            raise UserError(f"could not fetch {URL}: {reason}; try again later") from None
        return keep(file)


def keep(weights: str | Path) -> Path:
    """Keeps the weights of a file for `inception` to find, and returns where.

    Raises:
        UserError: They are not this network's, or the disk refuses.
    """
    net = with_weights(read(Path(weights)))
    durable.make(place().parent)
    durable.replace(place(), safetensors.torch.save(published(net)))
    return place()


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; nothing in it is ever run.

    Raises:
        UserError: It is neither safetensors, nor what torch saves and loads with weights only.
    """
    if not os.path.isfile(path) or path.stat().st_size > LARGEST:
        raise UserError(
            f"expected a file of at most {LARGEST / 1e6:.0f} MB that holds the Inception "
            f"network's weights, got {printable(str(path))}: run {COMMAND}"
        )
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError):
        return _torch_file(path)


def _torch_file(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):
            found = torch.load(path, "cpu", weights_only=True)
        if all(isinstance(value, Tensor) for value in found.values()):
            return dict(found)
    except Exception:  # whatever torch raises for files that others made
        pass
    raise UserError(
        f"expected weights as .safetensors, or as a .pth of tensors alone, got "
        f"{printable(str(path))}: it is damaged, or holds more than tensors, and is not opened"
    )
