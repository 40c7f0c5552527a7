"""VQ-VAE's encoder and decoder (van den Oord et al. 2017, arXiv:1711.00937, section 4.1).

Two convolutions of 4 at stride 2, two residual blocks, and the mirror image. The last convolutions
of the encoder, and those beside the blocks, are those of public ports.
"""

from torch import Tensor, nn
from torch.nn.functional import relu

from ..laws import Gaussian
from .vae import Shaded


class Encoder(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> vectors [N, E, H / 4, W / 4], which are not codes yet.

    Arguments:
        width: Hidden channels; half as many at half the picture's size.
        residual: Channels inside residual blocks.
    """

    def __init__(self, channels: int, dimensions: int, width: int, residual: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, width // 2, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width // 2, width, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            Residual(width, residual), Residual(width, residual), nn.ReLU(),
            nn.Conv2d(width, dimensions, 1),
        )  # fmt: skip

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Encodes; labels are not looked at."""
        return self.net(image)


class Decoder(nn.Module):
    """Codes [N, E, H / 4, W / 4] -> the law of images [N, C, H, W]; one variance, learnt."""

    def __init__(self, channels: int, dimensions: int, width: int, residual: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(dimensions, width, 3, padding=1),
            Residual(width, residual), Residual(width, residual), nn.ReLU(),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(width // 2, channels, 4, stride=2, padding=1),
        )  # fmt: skip
        self.law = Shaded()

    def forward(self, code: Tensor, label: Tensor | None = None) -> Gaussian:
        """Decodes; labels are not looked at."""
        return self.law(self.net(code))


class Residual(nn.Module):
    """[N, C, H, W] -> the same: ReLU, 3x3, ReLU, 1x1, and a shortcut."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 3, padding=1)
        self.conv2 = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two ways."""
        return x + self.conv2(relu(self.conv1(relu(x))))
