"""How networks are told a condition: a class, a vector, or a picture.

A condition is int64 [N] for classes, float [N, A] for vectors, float [N, C, H, W] for pictures.
Generators take weights of classes, float [N, K], for what lies between them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..labels import one_hot, row
from .spectral import Normalise


class ToldGenerator(nn.Module):
    """z [N, Z] and a condition -> image: the condition is joined to the latents.

    Mirza and Osindero 2014, arXiv:1411.1784.

    Arguments:
        net: Takes Z plus the condition's entries.
        classes: How many, where the condition is a class.
    """

    def __init__(self, net: nn.Module, classes: int = 0) -> None:
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        """Draws images."""
        return self.net(torch.cat([z, as_vector(condition, self.classes).to(z.dtype)], 1))


class ToldDiscriminator(nn.Module):
    """Image and a condition -> logit [N]: each entry of the condition is one more channel.

    Mirza and Osindero 2014, arXiv:1411.1784.

    Arguments:
        net: Takes the image's channels plus the condition's.
        classes: How many, where the condition is a class.
    """

    def __init__(self, net: nn.Module, classes: int = 0) -> None:
        super().__init__()
        self.net, self.classes = net, classes

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        """Judges images."""
        side = image.shape[2]
        return self.net(torch.cat([image, as_maps(condition, self.classes, side)], 1))


def as_vector(condition: Tensor, classes: int = 0) -> Tensor:
    """A condition as [N, A]: classes one-hot, or as they are weighted; pictures flat."""
    if not classes or condition.is_floating_point():
        return condition.flatten(1)
    return one_hot(condition, classes)


def as_maps(condition: Tensor, classes: int, side: int) -> Tensor:
    """A condition as [N, A, side, side]: entries as constant maps, pictures resized."""
    if condition.dim() == 4:
        return interpolate(condition, (side, side))
    return as_vector(condition, classes)[:, :, None, None].expand(-1, -1, side, side)


class BatchNorm(nn.Module):
    """Maps [N, C, H, W] -> the same, normed; with classes, each has its own gains and biases.

    Dumoulin et al. 2017, arXiv:1610.07629, and de Vries et al. 2017, arXiv:1707.00683.
    """

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.scale = _Scale(channels, classes) if classes else None

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Norms, then scales and shifts as the labels [N] have it."""
        x = self.norm(x)
        return x if self.scale is None else self.scale(x, label)


class _Scale(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(classes, channels))
        self.bias = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, label: Tensor | None) -> Tensor:
        assert label is not None, "a conditional generator is told a class"
        gain, bias = (row(t, label)[:, :, None, None].to(x.dtype) for t in (self.gain, self.bias))
        return torch.addcmul(bias, x, gain)


class GatedBatchNorm(nn.Module):
    """Maps [N, C, H, W] -> the same, normed, with gains and biases that follow a vector c [N, A].

        y = BN(x) (1 + W_g c) + W_b c

    Brock et al. 2018, arXiv:1809.11096, appendix B. W = 0 leaves plain batch norm. Without any
    vector, gains and biases are its own.

    Arguments:
        told: Entries of the vector; 0 for none.
        normalise: What is done to the two maps, which are linear.
    """

    def __init__(self, channels: int, told: int, normalise: Normalise) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not told)
        maps = [normalise(nn.Linear(told, channels, bias=False)) for _ in range(2 * bool(told))]
        self.gain, self.bias = maps or (None, None)

    def forward(self, x: Tensor, vector: Tensor | None = None) -> Tensor:
        """Norms, then scales and shifts as the vectors [N, A] have it."""
        x = self.norm(x)
        if self.gain is None or self.bias is None:
            return x
        gain, bias = (m(vector)[:, :, None, None].to(x.dtype) for m in (self.gain, self.bias))
        return torch.addcmul(x + bias, x, gain)


class OneHot(nn.Module):
    """Label [N] -> float [N, K]: to a linear map of it each class is a row of its own."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, label: Tensor) -> Tensor:
        """Codes labels."""
        return one_hot(label, self.classes)


class Projection(nn.Module):
    """Features h [N, F] and label y [N] -> logit [N]: the last layer of a discriminator.

        C(x, y) = e(y) . h(x) + w . h(x) + b

    Miyato and Koyama 2018, arXiv:1802.05637, equation 11; without classes the first term is not
    there.
    """

    def __init__(self, features: int, classes: int, normalise: Normalise) -> None:
        super().__init__()
        linear = nn.Linear(features, 1)
        nn.init.xavier_uniform_(linear.weight)
        self.linear = normalise(linear)
        self.embedding = normalise(_embedding(classes, features)) if classes else None

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        """Judges, unconditionally and as the label's."""
        logit = self.linear(features).squeeze(1)
        if self.embedding is None:
            return logit
        return logit + (self.embedding(label) * features).sum(1)


def _embedding(classes: int, features: int) -> nn.Embedding:
    layer = nn.Embedding(classes, features)
    nn.init.xavier_uniform_(layer.weight)
    return layer
