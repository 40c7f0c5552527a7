"""InfoGAN's networks for 28 pixels (Chen et al. 2016, arXiv:1606.03657), as its authors' code.

The discriminator and Q, which tells the codes, share all layers but their last. At width 64 these
are the authors' sizes, without the biases that batch norm takes off again, and with no outputs for
variances, which their code for MNIST leaves unused.
"""

from torch import Tensor, nn

from .dcgan import dcgan_weights

SIZE = 28


class Generator(nn.Module):
    """z [N, Z] -> image [N, C, 28, 28] in [-1, 1].

    Arguments:
        width: Channels before the last layer.
    """

    def __init__(self, latents: int, channels: int, width: int) -> None:
        super().__init__()
        units = 7 * 7 * 2 * width
        self.net = nn.Sequential(
            nn.Linear(latents, 16 * width, bias=False),
            nn.BatchNorm1d(16 * width), nn.ReLU(inplace=True),
            nn.Linear(16 * width, units, bias=False),
            nn.BatchNorm1d(units), nn.ReLU(inplace=True),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )  # fmt: skip
        dcgan_weights(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return self.net(z)


class Discriminator(nn.Module):
    """Image [N, C, 28, 28] in [-1, 1] -> logit [N], and what Q tells [N, told].

    Arguments:
        width: Channels after the first layer.
        told: Outputs of Q.
    """

    def __init__(self, channels: int, width: int, told: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1), _leaky(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width), _leaky(),
            nn.Flatten(),
            nn.Linear(7 * 7 * 2 * width, 16 * width, bias=False),
            nn.BatchNorm1d(16 * width), _leaky(),
        )  # fmt: skip
        self.judge = nn.Linear(16 * width, 1)
        self.q = nn.Sequential(
            nn.Linear(16 * width, 2 * width, bias=False),
            nn.BatchNorm1d(2 * width), _leaky(),
            nn.Linear(2 * width, told),
        )  # fmt: skip
        dcgan_weights(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Judges images and tells their codes; labels are not looked at."""
        seen = self.trunk(image)
        return self.judge(seen).squeeze(1), self.q(seen)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.01)
