"""Labels on their way to networks; nothing here makes the host wait for the device."""

import torch
from torch import Tensor


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """int64 [N] to float [N, K]; a label beyond the classes is a row of zeros.

    torch's own looks at the labels first, to check them.
    """
    return (labels[:, None] == torch.arange(classes, device=labels.device)).float()


def draw_labels(
    n: int, classes: int, label: int | Tensor | None, device: torch.device
) -> Tensor | None:
    """`label` n times or as given, or random ones without: int64 [n]; None without classes."""
    if not classes:
        return None
    if label is None:
        return torch.randint(classes, (n,), device=device)
    return torch.as_tensor(label, device=device).expand(n)
