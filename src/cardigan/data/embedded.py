"""`fashion-mnist-mini`, the set inside the package: 12,000 pictures of Fashion-MNIST, balanced.

Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747; licence and source lie beside the pictures.
"""

import hashlib
import io
import json
from importlib.resources import files
from typing import Any

import numpy as np

from ..errors import UserError
from .formats import Arrays

ASSETS = files("cardigan.data") / "assets"


def about() -> dict[str, Any]:
    """Source, licence, checksum, counts and classes."""
    return json.loads((ASSETS / "fashion_mnist_mini.json").read_text())


def read(split: str) -> Arrays:
    """The pictures of `train` or `test`. Raises UserError if the file has changed."""
    content = (ASSETS / "fashion_mnist_mini.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != about()["sha256"]:
        raise UserError(
            "fashion-mnist-mini is damaged: its SHA-256 is not the one that was shipped; "
            "install cardigan again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return Arrays(images[:, None], labels.astype(np.int64))
