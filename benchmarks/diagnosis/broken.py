"""A DCGAN, and a GAN on points, that can be broken in the ways in which people break them.

Each fault is a field, so that a run's own recipe.json tells what is wrong with it. Nothing here is
simulated: the trainer, the log, the checkpoints and the samples are those of any run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cardigan import games
from cardigan.data.dataset import Dataset
from cardigan.game import Game
from cardigan.losses import AdversarialLoss
from cardigan.priors import Prior
from cardigan.randomness import generator
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN
from cardigan.recipes.toys import PointGAN
from cardigan.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class BreakableDCGAN(DCGAN):
    """DCGAN with faults to choose; without any it is DCGAN."""

    generator_rate: float = 1.0
    """The generator's learning rate, in units of `lr`; 0 never moves it."""
    discriminator_rate: float = 1.0
    """The discriminator's."""
    lr_doubles_every: int = 0
    """Images after which learning rates have doubled: a decay with the wrong sign; 0 never."""
    discriminator_steps: int = 1
    """Moves of the discriminator in a round."""
    different_latents: int = 0
    """How many latents there are in all: the noise was forgotten; 0 draws anew each time."""
    first: int = 0
    """Training images, the first of the set; 0 takes all."""
    without: str = ""
    """Classes that the training data lost on the way, by number: 0123."""
    drift: float = 0.0
    """A penalty on the discriminator's logits: drift * C(x)^2; below 0 its sign is wrong."""
    wrong_sign: bool = False
    """The generator ascends its loss: it helps the discriminator."""

    def game(self) -> Game:
        """DCGAN's, altered."""
        game = super().game()
        assert isinstance(game, games.GAN)
        game.generator.settings["lr"] = self._rate(self.generator_rate)
        game.discriminator.settings["lr"] = self._rate(self.discriminator_rate)
        game.turns = games.alternating(self.discriminator_steps)
        game.loss = self._loss(game.loss)
        if self.different_latents:
            game.prior = few(game.prior, self.different_latents)
        return game

    def dataset(self, split: str = "train") -> Dataset:
        """The data, of which some is lost on the way; the test set is whole."""
        whole = super().dataset(split)
        if split == "test":
            return whole
        assert whole.labels is not None
        lost = torch.tensor([int(digit) for digit in self.without], dtype=torch.int64)
        kept = (~torch.isin(whole.labels, lost)).nonzero().squeeze(1)
        kept = kept[: self.first or None]
        mark = f"{whole.fingerprint} without {self.without!r} first {self.first}"
        images, labels = whole.images[kept], whole.labels[kept]
        return replace(whole, images=images, labels=labels, fingerprint=mark)

    def problems(self) -> Iterator[str]:
        """Faults are what this is for."""
        return iter(())

    def _rate(self, times: float) -> float | Schedule:
        every = self.lr_doubles_every
        return (lambda seen: self.lr * times * 2 ** (seen / every)) if every else self.lr * times

    def _loss(self, loss: AdversarialLoss) -> AdversarialLoss:
        def discriminator(real: Tensor, fake: Tensor) -> Tensor:
            penalty = self.drift * (real**2 + fake**2) if self.drift else 0.0
            return loss.discriminator(real, fake) + penalty

        def generator(real: Tensor, fake: Tensor) -> Tensor:
            return loss.generator(real, fake) * (-1 if self.wrong_sign else 1)

        return AdversarialLoss(discriminator, generator, loss.paired)


@dataclass(frozen=True, kw_only=True)
class BreakablePoints(PointGAN):
    """The GAN on points with faults to choose; `loss` and both rates are the recipe's own."""

    different_latents: int = 0
    """How many latents there are in all; 0 draws anew each time."""
    discriminator_steps: int = 1
    """Moves of the discriminator in a round."""
    wrong_sign: bool = False
    """The generator ascends its loss."""

    def game(self) -> Game:
        """The two perceptrons' game, altered."""
        game = super().game()
        assert isinstance(game, games.GAN)
        if self.different_latents:
            game.prior = few(game.prior, self.different_latents)
        if self.wrong_sign:
            right = game.loss
            game.loss = right._replace(generator=lambda real, fake: -right.generator(real, fake))
        game.turns = games.alternating(self.discriminator_steps)
        return game

    def problems(self) -> Iterator[str]:
        """Faults are what this is for."""
        return iter(())


def few(prior: Prior, count: int) -> Prior:
    """A prior of `count` latents in all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator(count).initial_seed())
        latents = prior(count, torch.device("cpu"))

    def draw(n: int, device: torch.device) -> Tensor:
        return latents.to(device)[torch.randint(count, (n,), device=device)]

    return draw


def register() -> None:
    """Makes the two known to everything that reads a run."""
    RECIPES["breakable-dcgan"] = BreakableDCGAN()
    RECIPES["breakable-points"] = BreakablePoints()
