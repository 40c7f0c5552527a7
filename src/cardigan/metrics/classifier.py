"""A small residual classifier of grey pictures, whose inner features the measures read."""

from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 28  # of the pictures that it was made for


class Block(nn.Module):
    """Two convolutions and a way round them (He et al. 2016, arXiv:1603.05027 figure 1a)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inside, outside, 3, stride)
        self.second = _convolution(outside, outside, 3)
        self.around = _convolution(inside, outside, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N, inside, H, W] to [N, outside, H / stride, W / stride]."""
        return F.relu(self.around(x) + self.second(F.relu(self.first(x))))


class Classifier(nn.Module):
    """Three residual blocks at 28, 14 and 7 pixels, and a global average: 209,850 weights.

    Arguments:
        widths: Channels of the blocks; the last is the number of features.
    """

    def __init__(self, classes: int = 10, widths: tuple[int, int, int] = (16, 32, 128)) -> None:
        super().__init__()
        a, b, c = widths
        self.stem = _convolution(1, a, 3)
        self.blocks = nn.Sequential(Block(a, a, 1), Block(a, b, 2), Block(b, c, 2))
        self.head = nn.Linear(c, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Grey images [N, 1, 28, 28] in [0, 1] to features [N, D] and logits [N, K]."""
        features = self.blocks(F.relu(self.stem(images))).mean((2, 3))
        return features, self.head(features)


class Stacked(nn.Module):
    """Looks at red, green and blue apart, as stacked digits want it.

    Features lie side by side; a class is one of each channel, red first, and its probability
    p(r, g, b) = p(r) p(g) p(b).
    """

    def __init__(self, inner: Classifier) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, 3, 28, 28] in [0, 1] to features [N, 3 D] and logits [N, K^3]."""
        n = len(images)
        features, logits = self.inner(images.reshape(3 * n, 1, *images.shape[2:]))
        red, green, blue = logits.log_softmax(1).view(n, 3, -1).unbind(1)
        joint = red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]
        return features.reshape(n, -1), joint.flatten(1)


def _convolution(inside: int, outside: int, size: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inside, outside, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outside))
