"""Networks that draw 28x28 pixels by bilinear upsampling and convolution.

A tutorial's, not a paper's: no transposed convolution, so fewer checkerboards. Convolutions of
the generator see no padding: 12 -> 10 -> 20 -> 18 -> 36 -> 32 -> 28 pixels. Weights start as
Glorot and Bengio's (2010) do, the default of the tutorial's framework.
"""

from torch import Tensor, nn

SIZE = 28


class Generator(nn.Module):
    """z [N, Z] -> image [N, C, 28, 28].

    Linear, so it learns the range of its data; in eval mode what still leaves [-1, 1] is clipped.
    """

    def __init__(self, latents: int, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(latents, 12 * 12 * 100),
            nn.BatchNorm1d(12 * 12 * 100),
            nn.LeakyReLU(0.3),
            nn.Unflatten(1, (100, 12, 12)),
            *_convolution(100, 128, 3),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            *_convolution(128, 64, 3),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            *_convolution(64, 32, 5),
            nn.Conv2d(32, channels, 5),
        )
        self.apply(_glorot)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        image = self.net(z)
        return image if self.training else image.clamp(-1, 1)


class Discriminator(nn.Module):
    """Image [N, C, 28, 28] -> logit [N]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            # Strided convolutions that pad as little as covers the picture: 28 -> 14 -> 7.
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(channels, 64, 3, stride=2),
            nn.LeakyReLU(0.3),
            nn.Dropout(0.3),
            nn.ZeroPad2d((1, 2, 1, 2)),
            nn.Conv2d(64, 128, 5, stride=2),
            nn.LeakyReLU(0.3),
            nn.Dropout(0.3),
            nn.Flatten(),
            nn.Linear(7 * 7 * 128, 1),
        )
        self.apply(_glorot)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges images; labels are not looked at."""
        return self.net(image).squeeze(1)


def _convolution(before: int, after: int, kernel: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, kernel), nn.BatchNorm2d(after), nn.LeakyReLU(0.3)


def _glorot(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
