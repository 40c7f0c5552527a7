"""CGAN's fully connected networks: picture and condition meet after a layer of their own.

Mirza and Osindero 2014, arXiv:1411.1784, section 4.1. How wide its layers are follows public code.
"""

from math import prod

import torch
from torch import Tensor, nn

from .conditional import as_vector
from .mlp import Maxout, Shape, perceptron, uniform_weights


class Generator(nn.Module):
    """z [N, Z] and a condition -> image [N, C, H, W] in [-1, 1].

    Arguments:
        entries: Numbers that a condition holds; of a class, how many there are.
        classes: The same, where the condition is a class.
    """

    def __init__(self, latents: int, entries: int, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        self.latent = nn.Sequential(nn.Linear(latents, 200), nn.ReLU())
        self.told = nn.Sequential(nn.Linear(entries, 1000), nn.ReLU())
        self.joint = perceptron(1200, 1200, prod(shape), activation=nn.ReLU)
        uniform_weights(self, 0.05)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        """Draws images."""
        told = self.told(as_vector(condition, self.classes).to(z.dtype))
        joint = self.joint(torch.cat([self.latent(z), told], 1))
        return (joint.sigmoid() * 2 - 1).unflatten(1, self.shape)


class Discriminator(nn.Module):
    """Image [N, C, H, W] in [-1, 1] and a condition -> logit [N]; dropout of a half.

    Arguments:
        entries: Numbers that a condition holds; of a class, how many there are.
        classes: The same, where the condition is a class.
    """

    def __init__(self, shape: Shape, entries: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.image = Maxout(prod(shape), 240, pieces=5)
        self.told = Maxout(entries, 50, pieces=5)
        self.joint = nn.Sequential(
            nn.Dropout(0.5), Maxout(290, 240, pieces=4), nn.Dropout(0.5), nn.Linear(240, 1)
        )
        uniform_weights(self, 0.05)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        """Judges images."""
        told = self.told(as_vector(condition, self.classes).to(image.dtype))
        seen = self.image((image.flatten(1) + 1) / 2)
        return self.joint(torch.cat([seen, told], 1)).squeeze(1)
