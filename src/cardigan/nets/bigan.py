"""Networks of BiGAN's three players: encoders, generators, and discriminators of pairs.

The permutation-invariant ones are the authors' (Donahue et al. 2016, arXiv:1605.09782, in their
code for MNIST); the convolutional ones are DCGAN's with an encoder that mirrors the generator.

What an encoder ends with fits the prior: codes that leave its support give themselves away.
"""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn

from .dcgan import dcgan_weights, trunk
from .mlp import Shape, orthogonal_weights, perceptron

MakeHead = Callable[[int, int], nn.Module]  # features, latents -> head


class Bounded(nn.Module):
    """Features [N, F] -> code [N, Z] in (-1, 1), where the uniform prior lies: 2 sigmoid - 1."""

    def __init__(self, features: int, latents: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, latents, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """The one code of each image."""
        return self.linear(features).sigmoid() * 2 - 1


class Gaussian(nn.Module):
    """Features [N, F] -> code [N, Z], drawn from N(mu, sigma^2); mu itself in eval mode.

        z = mu(x) + sigma(x) e,  e ~ N(0, I)

    Dumoulin et al. 2016, arXiv:1606.00704, section 2. Sigma lies below 1, the prior's own, for
    without a bound it can run away.

    Arguments:
        deviation: What makes sigma of any number; by default a sigmoid.
    """

    def __init__(
        self,
        features: int,
        latents: int,
        deviation: Callable[[Tensor], Tensor] = torch.sigmoid,
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 2 * latents)
        self.noise, self.deviation = Noise(), deviation

    def forward(self, features: Tensor) -> Tensor:
        """Codes of each image, new ones at every call in training."""
        mu, logit = self.linear(features).chunk(2, 1)
        return mu + self.noise(self.deviation(logit)) if self.training else mu


class Noise(nn.Module):
    """Standard normal noise of a given deviation."""

    def forward(self, deviation: Tensor) -> Tensor:
        """Draws noise of this shape."""
        return deviation * torch.randn_like(deviation)


# --------------------------------------------------------------------------------- convolutions


class Encoder(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> code [N, Z]: DCGAN's discriminator up to its last layer."""

    def __init__(
        self, latents: int, size: int, channels: int, width: int, head: MakeHead = Bounded
    ) -> None:
        super().__init__()
        layers, features = trunk(size, channels, width)
        self.net = nn.Sequential(*layers, head(features, latents))
        dcgan_weights(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Encodes images; labels are not looked at."""
        return self.net(image)


class PairDiscriminator(nn.Module):
    """Sample x, code z [N, Z] -> logits [N], features [N, width].

    Each goes through layers of its own first. The features are what the last layer reads.

    Arguments:
        seeing: x -> [N, seen].
    """

    def __init__(self, seeing: nn.Module, seen: int, latents: int, width: int) -> None:
        super().__init__()
        self.seeing = seeing
        self.reading = nn.Sequential(nn.Linear(latents, width), nn.LeakyReLU(0.2))
        self.joint = nn.Sequential(
            nn.Linear(seen + width, width), nn.LeakyReLU(0.2),
            nn.Linear(width, width), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.last = nn.Linear(width, 1)

    def forward(self, x: Tensor, z: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Judges pairs; labels are not looked at."""
        features = self.joint(torch.cat([self.seeing(x), self.reading(z)], 1))
        return self.last(features).squeeze(1), features


def image_discriminator(latents: int, size: int, channels: int, width: int) -> PairDiscriminator:
    """Of pairs of an image and a code: DCGAN's discriminator sees the image."""
    layers, features = trunk(size, channels, width)
    net = PairDiscriminator(nn.Sequential(*layers), features, latents, 16 * width)
    dcgan_weights(net)
    return net


# ------------------------------------------------------------------------ permutation-invariant


class FlatGenerator(nn.Module):
    """z [N, Z] -> image [N, C, H, W] in [-1, 1]; the second layer reads z again."""

    def __init__(self, latents: int, shape: Shape, width: int = 1024) -> None:
        super().__init__()
        self.first = nn.Sequential(_linear(latents, width), _norm(width), nn.ReLU())
        self.second, self.again = _linear(width, width), _linear(latents, width)
        self.rest = nn.Sequential(
            _norm(width), nn.ReLU(), _linear(width, prod(shape)),
            nn.Sigmoid(), nn.Unflatten(1, shape),
        )  # fmt: skip
        dcgan_weights(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return self.rest(self.second(self.first(z)) + self.again(z)) * 2 - 1


class FlatEncoder(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> code [N, Z] in (-1, 1)."""

    def __init__(self, latents: int, shape: Shape, width: int = 1024) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), _linear(prod(shape), width), nn.LeakyReLU(0.2),
            _linear(width, width), _norm(width), nn.LeakyReLU(0.2), Bounded(width, latents),
        )  # fmt: skip
        dcgan_weights(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Encodes images; labels are not looked at."""
        return self.net((image + 1) / 2)


class FlatDiscriminator(nn.Module):
    """Image [N, C, H, W], code [N, Z] -> logits [N], features [N, width]."""

    def __init__(self, latents: int, shape: Shape, width: int = 1024) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), _linear(prod(shape), width), nn.LeakyReLU(0.2))
        self.second, self.reading = _linear(width, width), _linear(latents, width)
        self.rest = nn.Sequential(_norm(width), nn.LeakyReLU(0.2))
        self.last = _linear(width, 1)
        dcgan_weights(self)

    def forward(self, x: Tensor, z: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Judges pairs; labels are not looked at."""
        features = self.rest(self.second(self.first((x + 1) / 2)) + self.reading(z))
        return self.last(features).squeeze(1), features


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def _norm(width: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(width, affine=False)


# ---------------------------------------------------------------------------------------- points


class PointEncoder(nn.Module):
    """Point [N, 2] -> code [N, Z]."""

    def __init__(self, latents: int, width: int, head: MakeHead = Gaussian) -> None:
        super().__init__()
        body = perceptron(2, width, width, activation=nn.Tanh)
        self.net = nn.Sequential(body, nn.Tanh(), head(width, latents))
        orthogonal_weights(self, 1.4)

    def forward(self, point: Tensor, label: Tensor | None = None) -> Tensor:
        """Encodes points; labels are not looked at."""
        return self.net(point)


def point_discriminator(latents: int, width: int) -> PairDiscriminator:
    """Of pairs of a point and a code."""
    seeing = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.2))
    net = PairDiscriminator(seeing, width, latents, width)
    orthogonal_weights(net, 1.4)
    return net
