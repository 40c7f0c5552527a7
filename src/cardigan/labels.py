"""Labels on their way to networks; nothing here makes the host wait for the device."""

import torch
from torch import Tensor


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """int64 [N] to float [N, K]; a label beyond the classes is a row of zeros.

    torch's own looks at the labels first, to check them.
    """
    return (labels[:, None] == torch.arange(classes, device=labels.device)).float()


def row(table: Tensor, labels: Tensor) -> Tensor:
    """Rows [N, ...] of a table [K, ...] by labels int64 [N], or mixed by weights float [N, K].

    What a class is to a network is its row, so a mix of rows lies between classes; a number
    between two labels would be another class.
    """
    return labels.to(table.dtype) @ table if labels.is_floating_point() else table[labels]


def draw_labels(
    n: int, classes: int, label: int | Tensor | None, device: torch.device
) -> Tensor | None:
    """`label` n times or as given, or random ones without: int64 [n]; None without classes."""
    if not classes:
        return None
    if label is None:
        return torch.randint(classes, (n,), device=device)
    return torch.as_tensor(label, device=device).expand(n)
