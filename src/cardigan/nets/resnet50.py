"""Trunks of 50 layers for encoders: with shortcuts (ResNet), or in halves (RevNet).

ResNet-v2-50: He et al. 2016, arXiv:1603.05027. RevNet-50: Gomez et al. 2017, arXiv:1707.04585, as
Kolesnikov et al. 2019, arXiv:1901.09005, have it in their public code, which strides in the 3x3
and pools between stages. A RevNet's inputs follow from its outputs; maps are kept all the same.
"""

from torch import Tensor, cat, nn
from torch.nn.functional import avg_pool2d, pad

UNITS = (3, 4, 6, 3)  # of each stage, of three convolutions; the first and the head make 50
OUTER = 4  # a unit's channels are this many times its bottleneck's


class ResNet50(nn.Sequential):
    """Image [N, C, H, W] -> features [N, 32 width]: the last maps, averaged.

    Arguments:
        width: Channels of the first bottlenecks: 64 in the paper.
    """

    def __init__(self, channels: int, width: int) -> None:
        layers, before = first(channels, width), width
        for stage, count in enumerate(UNITS):
            after = OUTER * width * 2**stage
            strides = [2 if stage else 1] + [1] * (count - 1)
            for stride in strides:
                layers += [Unit(before, after, stride)]
                before = after
        layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers)
        self.seen = before


class RevNet50(nn.Sequential):
    """Image [N, C, H, W] -> features [N, 32 width]: the last maps, averaged; not rectified.

    Arguments:
        width: 64 makes as many channels as ResNet-50 has, and 256 RevNet-50 x4.
    """

    def __init__(self, channels: int, width: int) -> None:
        maps = OUTER * width
        layers = first(channels, maps)
        for stage, count in enumerate(UNITS):
            layers += [Wider()] if stage else []
            layers += [InHalves(maps * 2**stage) for _ in range(count)]
        self.seen = maps * 2 ** (len(UNITS) - 1)
        layers += [nn.BatchNorm2d(self.seen), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers)


def first(channels: int, maps: int) -> list[nn.Module]:
    """[N, C, H, W] -> [N, maps, H / 4, W / 4]."""
    seven = nn.Conv2d(channels, maps, 7, stride=2, padding=3, bias=False)
    return [seven, nn.MaxPool2d(3, stride=2, padding=1)]


#   y = x + f(r),   r = relu(BN(x));   where the shape changes y = W r + f(r)
class Unit(nn.Module):
    """[N, A, H, W] -> [N, B, H / stride, W / stride]."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.ready = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
        self.net = bottleneck(before, after, stride)
        same = before == after and stride == 1
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        ready = self.ready(x)
        return self.net(ready) + (self.shortcut(ready) if self.shortcut else x)


#   (a, b) -> (b, a + f(b))
class InHalves(nn.Module):
    """[N, A, H, W] -> the same: one half of the channels learns of the other, and they swap."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        half = maps // 2
        self.net = nn.Sequential(nn.BatchNorm2d(half), nn.ReLU(), *bottleneck(half, half))

    def forward(self, x: Tensor) -> Tensor:
        """Changes one half."""
        a, b = x.chunk(2, 1)
        return cat([b, a + self.net(b)], 1)


class Wider(nn.Module):
    """[N, A, H, W] -> [N, 2 A, H / 2, W / 2]: means of squares, with as many zeros around."""

    def forward(self, x: Tensor) -> Tensor:
        """Pools and pads."""
        zeros = x.shape[1] // 2
        return pad(avg_pool2d(x, 2), (0, 0, 0, 0, zeros, zeros))


def bottleneck(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """[N, A, H, W] -> [N, B, H / stride, W / stride]: 1x1, 3x3, 1x1, a fourth of B between."""
    inner = after // OUTER
    return nn.Sequential(
        nn.Conv2d(before, inner, 1, bias=False),
        nn.BatchNorm2d(inner), nn.ReLU(),
        nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(inner), nn.ReLU(),
        nn.Conv2d(inner, after, 1, bias=False),
    )  # fmt: skip
