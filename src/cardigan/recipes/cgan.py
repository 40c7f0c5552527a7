"""CGAN: both players are told something of the picture: the generator draws what it is told."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..data.dataset import Dataset
    from ..game import Game

SIZES = (16, 28, 32, 64, 128, 256)
KEPT = 1_000  # conditions of the data that a game keeps, to draw samples without the data


@dataclass(frozen=True, kw_only=True)
class Told(Recipe):
    """What conditional recipes have in common; they differ in what players are told."""

    paper: ClassVar[str] = "Mirza and Osindero 2014, arXiv:1411.1784"
    least: ClassVar[int] = 2

    networks: Literal["convolutional", "perceptron"] = "convolutional"
    """DCGAN's networks, or the paper's fully connected ones."""
    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Convolutional channels at half the picture's size; they double with each halving."""
    lr: float = 8e-4
    """Learning rate of both players."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=350_000))

    @property
    @abstractmethod
    def told(self) -> tuple[int, ...]:
        """The shape of what players are told; classes are one-hot."""

    def game(self) -> "Game":
        """The two-player game, of which both players are told what is to be seen."""
        import torch

        from .. import games, optimizers, priors
        from ..game import Player

        adam = optimizers.adam(self.beta1)
        generator, discriminator = NETWORKS[self.networks](self)
        return games.GAN(
            Player(generator, adam, self.lr, self.ema_halflife),
            Player(discriminator, adam, self.lr),
            priors.uniform(self.latents),
            classes=self.classes,
            conditions=None if self.classes else torch.zeros(KEPT, *self.told),
        )

    def prepare(self, game: "Game", dataset: "Dataset") -> None:
        """Keeps conditions of the data to draw from, where they are more than classes."""
        import torch

        from ..data.stream import as_floats
        from ..games import GAN
        from ..randomness import generator

        told = self.conditions(dataset)
        assert isinstance(game, GAN) and game.conditions is not None and told is not None
        if not self.classes:
            order = torch.randperm(len(told), generator=generator(self.training.seed))
            game.conditions.copy_(as_floats(told[order[torch.arange(KEPT) % len(told)]]))

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if self.latents < 1 or self.width < 1:
            yield f"latents and width must be at least 1, got {self.latents} and {self.width}"
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        if not 0 <= self.beta1 < 1:
            yield f"beta1 must lie in [0, 1), got {self.beta1}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"
        if self.classes < 0:
            yield f"classes must be at least 0, got {self.classes}"


@dataclass(frozen=True, kw_only=True)
class CGAN(Told):
    """CGAN: both players are told the class."""

    classes: int = 0
    """Classes that both players are told; 0 takes the data's own."""

    @property
    def told(self) -> tuple[int, ...]:
        """One entry a class."""
        return (self.classes,)


@dataclass(frozen=True, kw_only=True)
class AttributeCGAN(Told):
    """CGAN of attributes: both players are told all that is known of a picture."""

    data: str = "avatars"
    """What to train on: avatars, whose attributes are known."""
    size: int = 32
    """Height and width of images; 0 takes the data's own."""
    attributes: int = 0
    """Values of all attributes, which players are told; 0 takes the data's own."""

    @property
    def told(self) -> tuple[int, ...]:
        """One entry a value of an attribute."""
        return (self.attributes,)

    def conditions(self, dataset: "Dataset") -> "Tensor":
        """The vector of attributes of each picture."""
        return dataset.vectors

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.attributes < 0:
            yield f"attributes must be at least 0, got {self.attributes}"


@dataclass(frozen=True, kw_only=True)
class PictureCGAN(Told):
    """CGAN of pictures: both players are told a small copy, and the generator draws it large."""

    copy: int = 7
    """Height and width of the small copy."""

    @property
    def told(self) -> tuple[int, ...]:
        """That of the small copy."""
        return (self.channels, self.copy, self.copy)

    def conditions(self, dataset: "Dataset") -> "Tensor":
        """A small copy of each picture: the mean of what lies under a pixel."""
        import torch
        from torch.nn.functional import adaptive_avg_pool2d as mean

        parts = dataset.images.split(1_000)
        return torch.cat([mean(part.float(), self.copy).round().byte() for part in parts])

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if not 1 <= self.copy <= (self.size or max(SIZES)):
            yield f"copy must be at least 1 and at most the picture's size, got {self.copy}"


Pair = tuple["nn.Module", "nn.Module"]


def _convolutional(recipe: Told) -> Pair:
    """DCGAN's networks, with what is told as further latents and as further channels."""
    from ..nets.conditional import ToldDiscriminator, ToldGenerator
    from ..nets.dcgan import Discriminator, Generator

    latents, channels = recipe.latents + prod(recipe.told), recipe.channels + recipe.told[0]
    generator = Generator(latents, recipe.size, recipe.channels, recipe.width)
    discriminator = Discriminator(recipe.size, channels, recipe.width)
    return (
        ToldGenerator(generator, recipe.classes),
        ToldDiscriminator(discriminator, recipe.classes),
    )


def _perceptron(recipe: Told) -> Pair:
    """The paper's fully connected networks."""
    from ..nets.cgan import Discriminator, Generator

    shape, entries = (recipe.channels, recipe.size, recipe.size), prod(recipe.told)
    return (
        Generator(recipe.latents, entries, shape, recipe.classes),
        Discriminator(shape, entries, recipe.classes),
    )


NETWORKS = {"convolutional": _convolutional, "perceptron": _perceptron}

PRESETS = {
    "cgan": CGAN(),
    "cgan-attributes": AttributeCGAN(),
    "cgan-pictures": PictureCGAN(),
}
