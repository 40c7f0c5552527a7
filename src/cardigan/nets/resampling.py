"""Doubling, halving and blurring of maps through binomial filters, which favour no pixel.

A 2x2 box leaves steps, and every second pixel of a map that was filtered by nothing aliases
(Zhang 2019, arXiv:1904.11486). Beyond the border there are zeros. Filters are separable, and each
is a matrix along either side: on a CPU that is much faster than a convolution of each channel by
itself, and its gradients are products again.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d, interpolate

Taps = tuple[float, ...]

BILINEAR: Taps = (1.0, 3.0, 3.0, 1.0)
"""[1, 2, 1] after [1, 1]: on the way up it weighs the two nearest pixels by 3/4 and 1/4."""
BLUR: Taps = (1.0, 2.0, 1.0)


def double(x: Tensor, taps: Taps = BILINEAR) -> Tensor:
    """[N, C, H, W] -> [N, C, 2H, 2W]: zeros between pixels, then the filter, of gain 1."""
    pad = len(taps) // 2 - 1
    return _filtered(x, _doubled, taps, pad)


def halve(x: Tensor, taps: Taps = BILINEAR) -> Tensor:
    """[N, C, H, W] -> [N, C, H / 2, W / 2]: the filter, of gain 1, then every second pixel."""
    pad = len(taps) // 2 - 1
    return _filtered(x, _halved, taps, pad)


def blur(x: Tensor, taps: Taps = BLUR, pad: int = 1) -> Tensor:
    """[N, C, H, W] -> [N, C, H', W'], H' = H + 2 pad + 1 - taps: the filter, of gain 1."""
    return _filtered(x, conv1d, taps, pad)


def repeat(x: Tensor, times: int = 2) -> Tensor:
    """[N, C, H, W] -> [N, C, times H, times W]: each pixel becomes a square."""
    return interpolate(x, scale_factor=times) if times > 1 else x


def _doubled(rows: Tensor, kernel: Tensor, padding: int) -> Tensor:
    return conv_transpose1d(rows, 2 * kernel, stride=2, padding=padding)


def _halved(rows: Tensor, kernel: Tensor, padding: int) -> Tensor:
    return conv1d(rows, kernel, stride=2, padding=padding)


def _filtered(x: Tensor, filtering: Callable[..., Tensor], taps: Taps, pad: int) -> Tensor:
    """y = A x B^T of every map, where A and B do to unit vectors what `filtering` does to rows."""
    down, across = (_matrix(filtering, s, taps, pad, x.dtype, x.device) for s in x.shape[2:])
    n, c, h, w = x.shape
    y = x.permute(0, 2, 3, 1)  # which is how channels-last maps lie in memory
    y = (down @ y.reshape(n, h, w * c)).view(n, len(down), w, c)
    return (across @ y).permute(0, 3, 1, 2)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _matrix(
    filtering: Callable[..., Tensor], side: int, taps: Taps, pad: int, dtype: torch.dtype,
    device: torch.device,
) -> Tensor:  # fmt: skip
    """What filters a side, made once: to send it to a GPU anew, the host would have to wait."""
    kernel = torch.tensor([[taps]])
    with torch.autocast("cpu", enabled=False):
        rows = filtering(torch.eye(side)[:, None], kernel / kernel.sum(), padding=pad)
    return rows[:, 0].T.to(device, dtype)
