"""First weights, and how far weights are from orthogonal."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .spectral import Normalise

INITIAL: dict[str, Callable[[Tensor], Any]] = {
    "orthogonal": nn.init.orthogonal_,
    "normal": partial(nn.init.normal_, std=0.02),
    "xavier": nn.init.xavier_uniform_,
}


def drawn(by: Callable[[Tensor], Any]) -> Normalise:
    """Draws a layer's weights so, and sets its bias to 0; comes before any norm of the layer."""

    def draw(layer: nn.Module) -> nn.Module:
        weight, bias = layer.weight, layer._parameters.get("bias")
        assert isinstance(weight, Tensor)
        by(weight)
        if bias is not None:
            nn.init.zeros_(bias)
        return layer

    return draw


def both(first: Normalise, second: Normalise) -> Normalise:
    """One thing that is done to a layer, and then another."""
    return lambda layer: second(first(layer))


# sum over layers of || W W^T o (1 - I) ||_F^2, whose slope is 4 (W W^T o (1 - I)) W
def orthogonality(net: nn.Module) -> Tensor:
    """How much the filters of each layer point the same way; their lengths are free.

    Brock et al. 2018, arXiv:1809.11096, equation 3, whose W has filters in columns; here they are
    rows, [out, in h w]. Of the weights as they are moved, before any spectral norm; embeddings,
    gains and biases are left out.
    """
    matrices = [
        weight.flatten(1)
        for layer in net.modules()
        if not isinstance(layer, nn.Embedding)
        for weight in layer.parameters(recurse=False)
        if weight.ndim > 1
    ]
    with torch.autocast(matrices[0].device.type, enabled=False):
        grams = [matrix @ matrix.T for matrix in matrices]
        return torch.stack([(g - g.diag().diag()).square().sum() for g in grams]).sum()
