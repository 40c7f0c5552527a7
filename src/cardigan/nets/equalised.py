"""Equalised learning rates: weights of unit size, scaled when they are used.

    w_hat = w gain / sqrt(inputs),   w ~ N(0, 1)

Under Adam, which moves every weight by about the learning rate, all layers then learn at one
relative speed. Karras et al. 2018, arXiv:1710.10196, section 4.1.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

GAIN = 2**0.5  # of layers before a leaky ReLU
SLOPE = 0.2


class Linear(nn.Module):
    """[N, A] -> [N, B].

    Arguments:
        speed: How fast it learns by Adam, against other layers; its first outputs stay the same
            (Karras et al. 2019, arXiv:1812.04948, appendix C).
        bias: What biases start with; None for a layer without.
    """

    def __init__(
        self,
        before: int,
        after: int,
        gain: float = 1.0,
        speed: float = 1.0,
        bias: float | None = 0.0,
    ) -> None:
        super().__init__()
        self.scale, self.speed = gain / before**0.5 * speed, speed
        self.weight = nn.Parameter(torch.randn(after, before) / speed)
        start = None if bias is None else torch.full((after,), bias / speed)
        self.bias = None if start is None else nn.Parameter(start)

    def forward(self, x: Tensor) -> Tensor:
        """A product with the scaled weight, and the scaled bias."""
        bias = None if self.bias is None else self.bias * self.speed
        return linear(x, self.weight * self.scale, bias)


class Conv(nn.Module):
    """[N, A, H, W] -> [N, B, H', W'].

    Arguments:
        pad: Zeros beyond each border; by default as many as keep the side.
    """

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        gain: float = GAIN,
        stride: int = 1,
        pad: int | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.scale = gain / (before * kernel**2) ** 0.5
        self.stride, self.pad = stride, kernel // 2 if pad is None else pad
        self.weight = nn.Parameter(torch.randn(after, before, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """A convolution with the scaled weight, and the bias."""
        return conv2d(x, self.weight * self.scale, self.bias, self.stride, self.pad)


class UpConv(nn.Module):
    """[N, A, H, W] -> [N, B, 2H, 2W]: each pixel becomes a square, then a convolution of 3.

    In one go: a transposed convolution of 4 whose kernel is the sum of the four places that the
    kernel of 3 has in it.
    """

    def __init__(self, before: int, after: int, bias: bool = True) -> None:
        super().__init__()
        self.scale = GAIN / (before * 9) ** 0.5
        self.weight = nn.Parameter(torch.randn(after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Doubles the side."""
        kernel = (self.weight * self.scale).flip(2, 3).transpose(0, 1)
        kernel = nn.functional.pad(kernel, (1, 1, 1, 1))
        places = [kernel[..., a : a + 4, b : b + 4] for a in (0, 1) for b in (0, 1)]
        kernel = torch.stack(places).sum(0)
        return conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


def leaky(x: Tensor) -> Tensor:
    """A leaky ReLU."""
    return leaky_relu(x, SLOPE)


def unit_length(x: Tensor) -> Tensor:
    """x / sqrt(mean over channels of x^2): each pixel's channels have a mean square of 1.

    Pixel norm, [N, C, ...] -> the same. Karras et al. 2018, arXiv:1710.10196, section 4.2.
    """
    full = x.to(torch.promote_types(x.dtype, torch.float32))
    return (full * (full.square().mean(1, keepdim=True) + 1e-8).rsqrt()).to(x.dtype)
