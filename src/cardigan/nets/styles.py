"""What StyleGAN's generators share: a mapping, styles for each layer, and noise for each pixel.

Karras et al. 2019, arXiv:1812.04948.
"""

import torch
from torch import Tensor, nn

from .equalised import GAIN, Linear, leaky, unit_length


class Mapping(nn.Module):
    """z [N, Z] -> w [N, W]: pixel norm, then dense layers that learn slowly.

    It keeps the running mean of w, towards which samples are truncated.

    Arguments:
        depth: Dense layers; the paper has 8.
        speed: Of learning, against the layers that draw.
    """

    mean: Tensor

    def __init__(self, latents: int, width: int, depth: int = 8, speed: float = 0.01) -> None:
        super().__init__()
        sides = [latents, *[width] * depth]
        self.layers = nn.ModuleList(Linear(before, width, GAIN, speed) for before in sides[:-1])
        self.register_buffer("mean", torch.zeros(width))

    def forward(self, z: Tensor) -> Tensor:
        """Maps latents; in training, the mean follows."""
        w = unit_length(z)
        for layer in self.layers:
            w = leaky(layer(w))
        if self.training:
            batch = w.detach().to(self.mean.dtype).mean(0)
            self.mean.copy_(self.mean.lerp(batch, 0.005))
        return w

    # w' = mean + psi (w - mean)
    def truncated(self, z: Tensor, psi: float) -> Tensor:
        """Maps latents to w [N, W] on its way to the mean."""
        w = self(z)
        return self.mean.to(w.dtype).lerp(w, psi)


def spread(w: Tensor, layers: int) -> Tensor:
    """w [N, W] -> styles [N, layers, W], the same for each layer."""
    return w[:, None].expand(-1, layers, -1)


def mixed(first: Tensor, second: Tensor, cut: Tensor) -> Tensor:
    """Styles [N, L, W] of `first`, and from layer `cut` [N] on those of `second`."""
    layer = torch.arange(first.shape[1], device=first.device)[None, :, None]
    return torch.where(layer < cut[:, None, None], first, second)


def styled(mapping: Mapping, z: Tensor, layers: int, used: int, mixing: float) -> Tensor:
    """Latents [N, Z] to styles [N, layers, W]; in training, with style mixing.

    A share `mixing` of samples has a second latent from some layer in [1, used) on, each its own;
    the authors draw one layer a batch. Layers so cannot count on each other's styles.
    """
    w = spread(mapping(z), layers)
    if not (mapping.training and mixing and used > 1):
        return w
    other = spread(mapping(torch.randn_like(z)), layers)
    cut = torch.randint(1, used, (len(z),), device=z.device)
    mix = torch.rand(len(z), device=z.device) < mixing
    return mixed(w, other, torch.where(mix, cut, layers))


class PixelNoise(nn.Module):
    """Maps [N, C, H, W] -> the same, with noise of learnt strength, which begins as 0.

    A sample's noise is one map for all channels. In training it is drawn anew; in eval mode it is
    always the same.

    Arguments:
        channels: Each has a strength of its own; 1 for one that all share.
    """

    fixed: Tensor

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(channels, 1, 1))
        self.register_buffer("fixed", torch.randn(1, 1, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """Adds noise."""
        n, _, h, w = x.shape
        noise = torch.randn(n, 1, h, w, device=x.device) if self.training else self.fixed
        return x + (self.strength * noise).to(x.dtype)
