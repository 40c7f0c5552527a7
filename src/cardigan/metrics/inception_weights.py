"""The weights of FID's Inception network: from a file, or fetched once and only when asked to.

They are Google's, under the Apache License 2.0, as torch-fidelity converted them.
"""

import os
import tempfile
import warnings
import zipfile
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
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
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""The publisher's name of the file holds eight digits; the rest is as others pinned it."""
LARGEST = 200_000_000  # bytes; the published file has 95,628,359
BATCH = 32
NAME = "inception"  # as `cardigan data fetch` and `--features` have it
COMMAND = f"cardigan data fetch {NAME}"
CHECKSUM = "checksum"  # of the values, in the head of a file that is kept


def inception(weights: str | Path = "", device: torch.device | str = "cpu") -> FeatureNet:
    """FID's network, 2,048 features and 1,008 outputs, with weights from a file.

    Its checksum is that of the weights' values, whatever kind of file they came in.

    Arguments:
        weights: A .safetensors file, or a .pth that holds tensors and nothing else; by default
            what `fetch` or `keep` left on this machine.

    Raises:
        UserError: The weights are not there, not this network's, or changed since they were kept.
    """
    if not weights and not is_here():
        raise UserError(
            "expected the weights of the Inception network on this machine, got none: "
            f"run {COMMAND}, which downloads 96 MB, or give a file as inception:FILE"
        )
    path = Path(weights or place()).expanduser()
    net = with_weights(read(path))
    values = checksum(published(net))
    _check_unchanged(path, values)
    numbers = tuple(map(str, range(OUTPUTS)))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return FeatureNet(
        NAME,
        values,
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

    Verified are the SHA-256 of the file, and then the name, type and shape of every tensor.

    Raises:
        UserError: The network fails, or what came is another file.
    """
    from ..data.downloads import download  # brings in what asks the network, and nothing else does

    with tempfile.TemporaryDirectory() as folder:
        return keep(download(URL, SHA256, Path(folder)))


def keep(weights: str | Path) -> Path:
    """Keeps the weights of a file for `inception` to find, and returns where.

    A checksum of the values is kept with them, so that damage is noticed later.

    Raises:
        UserError: They are not this network's, or the disk refuses.
    """
    state = published(with_weights(read(Path(weights))))
    kept = safetensors.torch.save(state, {CHECKSUM: checksum(state)})
    durable.make(place().parent)
    durable.replace(place(), kept)
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


def _check_unchanged(path: Path, values: str) -> None:
    """Whether the values are those that were kept; other files do not tell."""
    try:
        with safe_open(path, "pt") as file:
            told = (file.metadata() or {}).get(CHECKSUM, values)
    except (SafetensorError, OSError):  # a .pth
        return
    if told != values:
        raise UserError(
            f"expected weights with checksum {printable(told)[:12]}... in {printable(str(path))}, "
            f"got {values[:12]}...: it was changed since it was kept; run {COMMAND} again"
        )


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _torch_file(path: Path) -> dict[str, Tensor]:
    try:
        if zipfile.is_zipfile(path) and _unpacked(path) > LARGEST:
            raise ValueError("it unpacks to far more")
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
