"""Glow: a network that can be inverted, and whose density is therefore known.

Kingma and Dhariwal 2018, arXiv:1807.03039. Every layer tells y = f(x) together with the logarithm
of |det df/dx| of each image, and can be inverted. Maps stay in the precision of x; only what a
coupling layer computes its scales from may be computed in less.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, logsigmoid, pixel_shuffle, pixel_unshuffle

from .mlp import Shape


class Flowed(NamedTuple):
    """What a layer makes of x."""

    y: Tensor
    log_det: Tensor  # [N]


class ActNorm(nn.Module):
    """y = (x + b) exp(log s), for each channel; section 3.1.

    `start_from` sets both so that the first batch comes out with mean 0 and variance 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Flowed:
        """The same for all images: H W sum log s."""
        log_det = self.log_scale.sum() * math.prod(x.shape[2:])
        return Flowed((x + self.bias) * self.log_scale.exp(), log_det.expand(len(x)))

    def inverse(self, y: Tensor) -> Tensor:
        """x of y."""
        return y / self.log_scale.exp() - self.bias

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Sets shift and scale by x."""
        deviation, mean = torch.std_mean(x, (0, 2, 3), correction=0)
        self.bias.copy_(-mean[:, None, None])
        self.log_scale.copy_(-(deviation + 1e-6).log()[:, None, None])


class Mixing(nn.Module):
    """An invertible convolution of 1x1; its weight by LU, section 3.2.

        W = P L (U + diag(sign exp(log |s|)))

    P and the signs stay as they were drawn, with a random rotation. L has ones on its diagonal, U
    nothing there.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        p, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels)).Q)
        scale = upper.diagonal()
        self.order, self.sign = nn.Buffer(p), nn.Buffer(scale.sign())
        self.lower, self.upper = nn.Parameter(lower.tril(-1)), nn.Parameter(upper.triu(1))
        self.log_scale = nn.Parameter(scale.abs().log())

    def weight(self) -> Tensor:
        """W [C, C]."""
        with torch.autocast(self.lower.device.type, enabled=False):
            lower = self.lower.tril(-1) + torch.eye(len(self.lower), device=self.lower.device)
            upper = self.upper.triu(1) + torch.diag(self.sign * self.log_scale.exp())
            return self.order @ lower @ upper

    def forward(self, x: Tensor) -> Flowed:
        """The same for all images: H W sum log |s|."""
        log_det = self.log_scale.sum() * math.prod(x.shape[2:])
        return Flowed(_mixed(x, self.weight()), log_det.expand(len(x)))

    def inverse(self, y: Tensor) -> Tensor:
        """x of y."""
        return _mixed(y, torch.linalg.inv(self.weight()))


def _mixed(x: Tensor, weight: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return conv2d(x, weight[:, :, None, None])


class Coupling(nn.Module):
    """Half of the channels stay, and tell how the others move; section 3.3.

    y_a = x_a,   y_b = (x_b + t) s,   (log s', t) = NN(x_a),   s = sigmoid(log s' + 2)
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        kept = channels // 2
        self.net = nn.Sequential(
            _normal(nn.Conv2d(kept, width, 3, padding=1)), nn.ReLU(),
            _normal(nn.Conv2d(width, width, 1)), nn.ReLU(),
            Quiet(width, 2 * (channels - kept)),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Flowed:
        """The sum of log s, of each image."""
        kept, moved = x.tensor_split([x.shape[1] // 2], 1)
        log_scale, shift = self.told(kept)
        moved = (moved + shift) * log_scale.exp()
        return Flowed(torch.cat([kept, moved], 1), log_scale.flatten(1).sum(1))

    def inverse(self, y: Tensor) -> Tensor:
        """x of y."""
        kept, moved = y.tensor_split([y.shape[1] // 2], 1)
        log_scale, shift = self.told(kept)
        return torch.cat([kept, moved * (-log_scale).exp() - shift], 1)

    def told(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """log s and t."""
        raw, shift = self.net(kept).to(kept.dtype).chunk(2, 1)
        return logsigmoid(raw + 2), shift


class Prior(nn.Module):
    """What a scale leaves behind, by the law that the channels that go on tell of it; section 3.

    z = (x - mu) / sigma,   (mu, log sigma) = conv(the channels that go on)
    """

    def __init__(self, kept: int, left: int) -> None:
        super().__init__()
        self.net = Quiet(kept, 2 * left)

    def forward(self, x: Tensor, kept: Tensor) -> Flowed:
        """Standard normal z, where the law is right."""
        mean, log_deviation = self.told(kept)
        return Flowed((x - mean) * (-log_deviation).exp(), -log_deviation.flatten(1).sum(1))

    def inverse(self, z: Tensor, kept: Tensor) -> Tensor:
        """x of z."""
        mean, log_deviation = self.told(kept)
        return mean + log_deviation.exp() * z

    def told(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """mu and log sigma."""
        mean, log_deviation = self.net(kept).to(kept.dtype).chunk(2, 1)
        return mean, log_deviation


class Quiet(nn.Module):
    """A convolution of 3x3 that starts at 0, and then by exp(3 scale), which is learnt."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.scale = nn.Parameter(torch.zeros(outputs, 1, 1))
        nn.init.zeros_(self.convolution.weight)
        assert self.convolution.bias is not None
        nn.init.zeros_(self.convolution.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, A, H, W] -> [N, B, H, W]."""
        return self.convolution(x) * (3 * self.scale).exp()


class Scale(nn.Module):
    """Squeezes 2x2 pixels into channels, then K steps of ActNorm, 1x1 and coupling.

    Arguments:
        ends: Whether this is the last scale; every other one leaves half of its channels behind.
    """

    def __init__(self, channels: int, steps: int, width: int, ends: bool) -> None:
        super().__init__()
        inner = 4 * channels
        kinds: list[Callable[[], nn.Module]] = [
            lambda: ActNorm(inner), lambda: Mixing(inner), lambda: Coupling(inner, width),
        ]  # fmt: skip
        self.steps = nn.ModuleList(make() for _ in range(steps) for make in kinds)
        self.goes_on = 0 if ends else inner // 2
        self.prior = None if ends else Prior(self.goes_on, inner - self.goes_on)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What goes on, what is left behind, and log |det|."""
        x = pixel_unshuffle(x, 2)
        total = x.new_zeros(len(x))
        for step in self.steps:
            x, log_det = step(x)
            total = total + log_det
        kept, z = x.tensor_split([self.goes_on], 1)
        if self.prior is not None:
            z, log_det = self.prior(z, kept)
            total = total + log_det
        return kept, z, total

    def inverse(self, kept: Tensor, z: Tensor) -> Tensor:
        """x of what went on and of what was left behind."""
        x = torch.cat([kept, z if self.prior is None else self.prior.inverse(z, kept)], 1)
        steps: list[Any] = [*self.steps]
        for step in reversed(steps):
            x = step.inverse(x)
        return pixel_shuffle(x, 2)


class Dequantise(nn.Module):
    """Fills a grey level with uniform noise: without it, a density on levels has no bound.

    Arguments:
        width: Of a level.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Anew at every call."""
        return x + self.width * (torch.rand_like(x) - 0.5)


class Glow(nn.Module):
    """Images [N, C, H, W] -> the logarithm of their density, in nats, [N].

        log p(x) = log N(z; 0, I) + sum over layers of log |det dy/dx|,   z = f(x)

    z holds what each scale leaves behind, in one row an image; what the earlier ones leave is
    given by the law that `Prior` tells. The law of the last scale is the standard normal one.

    Arguments:
        shape: Of an image; sides are multiples of 2^scales.
        scales, steps, width: L, K and the hidden channels of couplings.
        level: Width of a grey level; what is between two of them is filled with noise.
    """

    def __init__(self, shape: Shape, scales: int, steps: int, width: int, level: float) -> None:
        super().__init__()
        self.noise = Dequantise(level)
        channels, height, side = shape
        made, self.left = [], []  # the shapes that scales leave behind
        for k in range(1, scales + 1):
            made.append(Scale(channels, steps, width, ends=k == scales))
            channels = made[-1].goes_on
            behind = 4 * shape[0] * 2 ** (k - 1) - channels
            self.left.append((behind, height // 2**k, side // 2**k))
        self.scales = nn.ModuleList(made)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The density at a dequantised image; labels are not looked at."""
        z, log_det = self.flow(self.noise(x))
        return -(z.square() + math.log(2 * math.pi)).sum(1) / 2 + log_det

    def flow(self, x: Tensor) -> Flowed:
        """z [N, C H W], and log |det dz/dx|."""
        behind, total = [], x.new_zeros(len(x))
        for scale in self.scales:
            x, z, log_det = scale(x)
            behind.append(z.flatten(1))
            total = total + log_det
        return Flowed(torch.cat(behind, 1), total)

    def inverse(self, z: Tensor) -> Tensor:
        """x of z [N, C H W]."""
        parts = z.split([math.prod(shape) for shape in self.left], 1)
        scales: Sequence[Any] = [*self.scales]
        x = z.new_zeros(len(z), 0, *self.left[-1][1:])  # nothing goes on behind the last scale
        for scale, part, shape in zip(scales[::-1], parts[::-1], self.left[::-1], strict=True):
            x = scale.inverse(x, part.unflatten(1, shape))
        return x

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Sets every ActNorm by the images that reach it: once, before the first move."""

        def start(norm: Any, given: tuple[Tensor]) -> None:
            norm.start_from(*given)

        norms = (m for m in self.modules() if isinstance(m, ActNorm))
        hooks = [norm.register_forward_pre_hook(start) for norm in norms]
        self(x)
        for hook in hooks:
            hook.remove()


def _normal(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.normal_(layer.weight, 0.0, 0.05)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
