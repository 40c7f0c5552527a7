"""What networks give: a few inputs at a time, and in full precision."""

from collections.abc import Callable

import torch
from torch import Tensor


def decoded(net: Callable[..., Tensor], z: Tensor, label: Tensor | None) -> Tensor:
    """What a network makes of latents [N, Z] and labels [N], a few at a time.

    Gradients flow where z asks for them; otherwise not even parameters make a graph.
    """
    parts = z.split(256)
    labels = [None] * len(parts) if label is None else label.split(256)
    with torch.set_grad_enabled(torch.is_grad_enabled() and z.requires_grad):
        return torch.cat([net(a, b).float() for a, b in zip(parts, labels, strict=True)])


def in_parts(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The same of any function of inputs [N, ...]."""
    return decoded(lambda part, label: function(part), inputs, None)


def in_full(logits: Tensor) -> Tensor:
    """Logits in at least float32, whatever precision the networks computed in."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
