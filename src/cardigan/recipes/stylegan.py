"""StyleGAN and StyleGAN2: generators that work from styles."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ..recipe import Recipe, Training
from . import options
from .options import Augmentation
from .progressive import growth_problems

if TYPE_CHECKING:
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class StyleGAN(Recipe):
    """StyleGAN: a mapping, styles and noise for each layer, mixing, truncation in W, growth."""

    paper: ClassVar[str] = "Karras et al. 2019, arXiv:1812.04948"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "map")

    latents: int = 128
    """Size of the latent vector, and of w."""
    depth: int = 8
    """Layers of the mapping from latents to w; they learn a hundred times slower."""
    mixing: float = 0.9
    """The share of samples that have two latents in training, one for the coarse layers."""
    base: int = 256
    """Channels of a level are this, halved at the coarsest and again at each level after it; the
    paper's is 8,192."""
    most: int = 512
    """Channels that no level has more of."""
    group: int = 4
    """Samples whose spread the discriminator is told; 0 takes the whole batch."""
    stable_images: int = 100_000
    """Images for which each level is learnt once it is there; the first has twice 4x4 pixels."""
    fading_images: int = 100_000
    """Images over which each level but the first fades in."""
    loss: Literal["non-saturating", "wasserstein"] = "non-saturating"
    """The adversarial loss: with R1; or with unit slopes, as WGAN-GP, and a small drift."""
    gamma: float = 10.0
    """Weight of what the discriminator pays for slopes: R1's gamma, or unit-slope's lambda."""
    lr: float = 1e-3
    """Learning rate of both players; Adam's decays are 0 and 0.99."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=lambda: Training(images=600_000, batch=32))

    def suited(self, count: int) -> Self:
        """With the augmentation that suits a number of images."""
        return replace(self, augmentation=self.augmentation.suited(count))

    def game(self) -> "Game":
        """The two-player game of a loss and its price on slopes, between networks that grow."""
        from .. import games, losses, optimizers, penalties, priors
        from ..game import Player
        from ..nets.progressive import levels
        from ..nets.stylegan import Generator, discriminator

        widths = (self.size, self.channels, self.base, self.most)
        last = levels(self.size)
        growth = games.Growth(min(1, last), last, self.stable_images, self.fading_images)
        generator = Generator(self.latents, *widths, self.depth, self.mixing)
        adam = optimizers.adam(0.0, 0.99)
        loss, penalty = {
            "non-saturating": (losses.NON_SATURATING, penalties.r1),
            "wasserstein": (losses.drifting(losses.WASSERSTEIN), penalties.unit_slope),
        }[self.loss]
        return games.StyleGAN(
            Player(generator, adam, self.lr, self.ema_halflife),
            Player(discriminator(*widths, self.group), adam, self.lr),
            priors.normal(self.latents),
            loss,
            turns=games.growing(growth, games.alternating(1)),
            clock=growth,
            truncation=games.AMONG_STYLES,
            penalties=[penalty(self.gamma)] if self.gamma else [],
            **self.augmentation.rules(self.training.batch),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from style_problems(self)
        if min(self.stable_images, self.fading_images) < 1:
            yield "stable_images and fading_images must be at least 1"


@dataclass(frozen=True, kw_only=True)
class StyleGAN2(Recipe):
    """StyleGAN2: modulated weights, sums of pictures, residual critics, even paths; no growth."""

    paper: ClassVar[str] = "Karras et al. 2020, arXiv:1912.04958"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "map")

    latents: int = 128
    """Size of the latent vector, and of w."""
    depth: int = 8
    """Layers of the mapping from latents to w; they learn a hundred times slower."""
    mixing: float = 0.9
    """The share of samples that have two latents in training, one for the coarse layers."""
    base: int = 256
    """Channels of a level are this, halved at the coarsest and again at each level after it; the
    paper's is 16,384."""
    most: int = 512
    """Channels that no level has more of."""
    group: int = 4
    """Samples whose spread the discriminator is told; 0 takes the whole batch."""
    gamma: float = 0.0
    """Weight of R1, paid in every 16th round; 0 takes 2e-4 size^2 / batch, the authors' rule."""
    path_weight: float = 2.0
    """Weight of path lengths that differ, paid in every 4th round; 0 lets them."""
    lr: float = 2.5e-3
    """Learning rate of both players; Adam's decays are 0 and 0.99."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=lambda: Training(images=600_000, batch=32))

    def suited(self, count: int) -> Self:
        """With the gamma of a size and a batch, and the augmentation that suits the number."""
        gamma = self.gamma or 2e-4 * self.size**2 / self.training.batch
        return replace(self, gamma=gamma, augmentation=self.augmentation.suited(count))

    def game(self) -> "Game":
        """The two-player game of the logistic loss; regularisers move now and then."""
        from .. import games, optimizers, penalties, priors
        from ..game import Player
        from ..games.stylegan import PathLength, lazily, regularised
        from ..nets.stylegan2 import Discriminator, Generator

        widths = (self.size, self.channels, self.base, self.most)
        generator = Generator(self.latents, *widths, self.depth, self.mixing)
        path = PathLength(self.path_weight) if self.path_weight else None
        adam, plain = optimizers.adam(0.0, 0.99), {"lr": self.lr, "betas": (0.0, 0.99)}
        drawing: dict[str, Any] = lazily(self.lr, (0.0, 0.99), 4) if path else plain
        judging: dict[str, Any] = lazily(self.lr, (0.0, 0.99), 16)
        game = games.StyleGAN(
            Player(generator, adam, ema_halflife=self.ema_halflife, **drawing),
            Player(Discriminator(*widths, self.group), adam, **judging),
            priors.normal(self.latents),
            turns=regularised(penalties.r1(self.gamma), path),
            truncation=games.AMONG_STYLES,
            **self.augmentation.rules(self.training.batch),
        )
        game.path = path  # a part of the game, and so of its checkpoints
        return game

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from style_problems(self)
        if not 0 <= self.path_weight < 2**63:
            yield f"path_weight must be at least 0, got {self.path_weight}"


def style_problems(recipe: StyleGAN | StyleGAN2) -> Iterator[str]:
    """What does not fit what both have."""
    yield from recipe.augmentation.problems()
    yield from options.learning_problems(recipe.lr, 0.0, 0.99, recipe.ema_halflife)
    yield from growth_problems(recipe.size, recipe.base, recipe.most, recipe.group)
    if recipe.latents < 1 or recipe.depth < 1:
        yield f"latents and depth must be at least 1, got {recipe.latents} and {recipe.depth}"
    if not (0 <= recipe.mixing <= 1 and 0 <= recipe.gamma < 2**63):
        yield (
            "mixing must lie in [0, 1] and gamma be at least 0, "
            f"got {recipe.mixing} and {recipe.gamma}"
        )


PRESETS = {
    "stylegan": StyleGAN(),
    # The papers' widths and lengths, at the batch of their largest pictures.
    "stylegan-1024": StyleGAN(
        size=1024,
        latents=512,
        base=8192,
        stable_images=600_000,
        fading_images=600_000,
        training=Training(images=25_000_000, batch=32),
    ),
    "stylegan2": StyleGAN2(),
    "stylegan2-256": StyleGAN2(
        size=256,
        latents=512,
        base=8192,
        gamma=1.0,
        ema_halflife=20_000,
        training=Training(images=25_000_000, batch=64),
    ),
    "stylegan2-1024": StyleGAN2(
        size=1024,
        latents=512,
        base=16384,
        gamma=10.0,
        lr=2e-3,
        training=Training(images=25_000_000, batch=32),
    ),
}
