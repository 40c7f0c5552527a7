"""Networks that classify and judge: image -> (outputs, features of the last hidden layer)."""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from .dcgan import Discriminator, dcgan_weights

Shape = tuple[int, ...]


class GaussianNoise(nn.Module):
    """Adds N(0, std^2) to every value in training, and nothing in eval mode."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """As the class says."""
        return x + self.std * torch.randn_like(x) if self.training else x


class ConvolutionalClassifier(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> (outputs [N, M], features [N, F]): DCGAN's discriminator.

    Its last layer has M outputs. As in Salimans et al. 2016, arXiv:1606.03498, its input is noisy
    and units before the last layer are dropped, for a few labels are soon learnt by heart.

    Arguments:
        width: Channels after the first layer; each halving of the picture doubles them.
        noise: Standard deviation of the noise; pixels lie in [-1, 1].
        dropout: Share of the features that is dropped.
    """

    def __init__(
        self, shape: Shape, width: int, outputs: int, noise: float = 0.3, dropout: float = 0.5
    ) -> None:
        super().__init__()
        channels, size, _ = shape
        *body, last = Discriminator(size, channels, width).net
        assert isinstance(last, nn.Linear)
        self.body = nn.Sequential(GaussianNoise(noise), *body)
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(last.in_features, outputs))
        dcgan_weights(self.last)

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Classifies and judges; labels are not looked at."""
        features = self.body(image)
        return self.last(features), features


class DenseClassifier(nn.Module):
    """Image [N, C, H, W] in [-1, 1] -> (outputs [N, M], features [N, 250]): dense and noisy.

    The network of Salimans et al. 2016, arXiv:1606.03498, for MNIST, as their code has it: layers
    of 1000, 500, 250, 250 and 250 units under weight norm, with Gaussian noise on every input.
    """

    def __init__(self, shape: Shape, outputs: int) -> None:
        super().__init__()
        sizes = (prod(shape), 1000, 500, 250, 250, 250)
        layers: list[nn.Module] = [GaussianNoise(0.3)]
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [weight_norm(nn.Linear(before, after)), nn.ReLU(), GaussianNoise(0.5)]
        self.body = nn.Sequential(*layers[:-1])
        self.last = nn.Sequential(GaussianNoise(0.5), weight_norm(nn.Linear(250, outputs)))

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Classifies and judges; labels are not looked at."""
        features = self.body((image.flatten(1) + 1) / 2)
        return self.last(features), features


class DenseGenerator(nn.Module):
    """z [N, Z] -> image [N, C, H, W] in [-1, 1]: the generator beside `DenseClassifier`."""

    def __init__(self, latents: int, shape: Shape, width: int = 500) -> None:
        super().__init__()
        self.shape = shape
        self.net = nn.Sequential(
            nn.Linear(latents, width), nn.BatchNorm1d(width), nn.Softplus(),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.Softplus(),
            weight_norm(nn.Linear(width, prod(shape))),
        )  # fmt: skip

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Draws images; labels are not looked at."""
        return (self.net(z).sigmoid() * 2 - 1).unflatten(1, self.shape)
