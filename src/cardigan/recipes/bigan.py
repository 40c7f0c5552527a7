"""BiGAN, ALI and augmented BiGAN: an encoder is learnt beside the generator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Recipe, Training
from .dcgan import SIZES

if TYPE_CHECKING:
    from torch.nn import Module

    from ..game import Game
    from ..nets.bigan import MakeHead
    from ..priors import Prior

CAN = ("sample", "decode", "encode", "reconstruct")


@dataclass(frozen=True, kw_only=True)
class BiGAN(Recipe):
    """BiGAN of DCGAN's networks: a discriminator of images together with their codes."""

    paper: ClassVar[str] = (
        "Donahue et al. 2016, arXiv:1605.09782; Dumoulin et al. 2016, arXiv:1606.00704; "
        "Kumar et al. 2017, arXiv:1705.08850"
    )
    can: ClassVar[tuple[str, ...]] = CAN
    least: ClassVar[int] = 2

    latents: int = 50
    """Size of the latent vector, and of codes."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    encoder: Literal["deterministic", "gaussian"] = "deterministic"
    """One code an image and a uniform prior, or ALI's: codes from a Gaussian, a normal prior."""
    rebuilt: float = 0.0
    """Weight among fakes of rebuilt images with the codes behind them; 0 leaves them out."""
    codec_loss: Literal["swapped", "feature-matching"] = "swapped"
    """What encoder and generator descend: the loss with labels swapped, or feature matching."""
    statistics: Literal["apart", "together"] = "apart"
    """Batch norm in the discriminator: statistics of real and fake pairs each, or of all."""
    lr: float = 1e-3
    """Learning rate of encoder and generator."""
    discriminator_lr: float = 1e-4
    """Learning rate of the discriminator; as fast as the others it soon tells all pairs apart."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the averages that are used; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=100_000))

    def game(self) -> "Game":
        """The game of three convolutional networks."""
        from .. import optimizers
        from ..game import Player
        from ..games import bigan as games
        from ..nets.bigan import Encoder, image_discriminator
        from ..nets.dcgan import Generator

        shape = (self.latents, self.size, self.channels, self.width)
        head, prior = _codes(self.encoder)
        adam = optimizers.adam(self.beta1)
        return games.BiGAN(
            Player(Encoder(*shape, head), adam, self.lr, self.ema_halflife),
            Player(Generator(*shape), adam, self.lr, self.ema_halflife),
            Player(image_discriminator(*shape), adam, self.discriminator_lr),
            prior(self.latents),
            codec_loss={
                "swapped": games.swapped, "feature-matching": games.feature_matching
            }[self.codec_loss],
            rebuilt=self.rebuilt,
            reading={"apart": games.apart, "together": games.together}[self.statistics],
        )  # fmt: skip

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if not 0 <= self.rebuilt < 1:
            yield f"rebuilt must lie in [0, 1), got {self.rebuilt}"
        yield from _paced(self)
        yield from _problems(self)


@dataclass(frozen=True, kw_only=True)
class FlatBiGAN(Recipe):
    """BiGAN of fully connected networks, which pay no heed to where a pixel lies."""

    paper: ClassVar[str] = "Donahue et al. 2016, arXiv:1605.09782, as in its code for MNIST"
    can: ClassVar[tuple[str, ...]] = CAN
    least: ClassVar[int] = 2

    latents: int = 50
    """Size of the latent vector, and of codes."""
    width: int = 1024
    """Units of a hidden layer."""
    statistics: Literal["together", "apart"] = "together"
    """Batch norm in the discriminator: statistics of all pairs, or of real and fake ones each."""
    lr: float = 1e-3
    """Learning rate of encoder and generator at the start; the paper's is 2e-4."""
    discriminator_lr: float = 1e-4
    """Learning rate of the discriminator at the start; the paper's is that of the others."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the averages that are used; 0 averages none."""
    decay: float = 2.5e-5
    """Weight of the penalty on squared weights."""
    constant_images: int = 12_000_000
    """Images at the full rates, which then fall to a hundredth over as many again."""
    training: Training = field(
        default_factory=lambda: Training(images=300_000, batch=128, checkpoint_every=100_000)
    )

    def game(self) -> "Game":
        """The game of three perceptrons."""
        from .. import games, optimizers, priors
        from ..game import Player
        from ..games.bigan import apart, together
        from ..nets import bigan as nets
        from ..schedule import falling, held

        shape = (self.channels, self.size, self.size)
        adam = optimizers.adam(self.beta1)

        def player(net: "type[Module]", lr: float, ema_halflife: float = 0) -> Player:
            fall = falling(lr, lr / 100, self.constant_images)
            rate = held(fall, self.constant_images)
            made = net(self.latents, shape, self.width)
            return Player(made, adam, rate, ema_halflife, weight_decay=self.decay)

        reading = {"apart": apart, "together": together}[self.statistics]
        prior = priors.uniform(self.latents)
        return games.BiGAN(
            player(nets.FlatEncoder, self.lr, self.ema_halflife),
            player(nets.FlatGenerator, self.lr, self.ema_halflife),
            player(nets.FlatDiscriminator, self.discriminator_lr),
            prior,
            reading=reading,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if not 0 <= self.decay < 1:
            yield f"decay must lie in [0, 1), got {self.decay}"
        if self.constant_images < 1:
            yield f"constant_images must be at least 1, got {self.constant_images}"
        yield from _paced(self)
        yield from _problems(self)


@dataclass(frozen=True, kw_only=True)
class PointALI(Recipe):
    """ALI on Gaussians in the plane, whose codes lie in a plane, too."""

    paper: ClassVar[str] = "Dumoulin et al. 2016, arXiv:1606.00704, section 4.1"
    can: ClassVar[tuple[str, ...]] = CAN
    points: ClassVar[bool] = True

    data: str = "grid25"
    """ring8 or grid25."""
    latents: int = 2
    """Size of the latent vector, and of codes."""
    width: int = 128
    """Units of a hidden layer."""
    encoder: Literal["gaussian", "deterministic"] = "gaussian"
    """Codes from a Gaussian and a normal prior, or one code a point and a uniform prior."""
    lr: float = 1e-3
    """Learning rate of all players."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    training: Training = field(
        default_factory=lambda: Training(
            images=1_000_000, batch=256, log_every=20_000, picture_every=200_000,
            checkpoint_every=500_000,
        )
    )  # fmt: skip

    def game(self) -> "Game":
        """The game of three small perceptrons."""
        from .. import games, optimizers
        from ..game import Player
        from ..nets.bigan import PointEncoder, point_discriminator
        from ..nets.mlp import PointGenerator

        head, prior = _codes(self.encoder)
        adam = optimizers.adam(self.beta1)
        return games.BiGAN(
            Player(PointEncoder(self.latents, self.width, head), adam, self.lr),
            Player(PointGenerator(self.latents, self.width), adam, self.lr),
            Player(point_discriminator(self.latents, self.width), adam, self.lr),
            prior(self.latents),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from _problems(self)


def _codes(encoder: str) -> tuple["MakeHead", "Callable[[int], Prior]"]:
    """What the encoder ends with, and the prior whose support its codes share."""
    from .. import priors
    from ..nets.bigan import Bounded, Gaussian

    kinds = {"deterministic": (Bounded, priors.uniform), "gaussian": (Gaussian, priors.normal)}
    return kinds[encoder]


def _problems(recipe: BiGAN | FlatBiGAN | PointALI) -> Iterator[str]:
    if recipe.latents < 1 or recipe.width < 1:
        yield f"latents and width must be at least 1, got {recipe.latents} and {recipe.width}"
    if not 0 < recipe.lr < 1:
        yield f"lr must lie in (0, 1), got {recipe.lr}"
    if not 0 <= recipe.beta1 < 1:
        yield f"beta1 must lie in [0, 1), got {recipe.beta1}"


def _paced(recipe: BiGAN | FlatBiGAN) -> Iterator[str]:
    if not 0 < recipe.discriminator_lr < 1:
        yield f"discriminator_lr must lie in (0, 1), got {recipe.discriminator_lr}"
    if not recipe.ema_halflife >= 0:
        yield f"ema_halflife must be at least 0, got {recipe.ema_halflife}"


PRESETS = {
    "bigan": BiGAN(),
    "ali": BiGAN(encoder="gaussian"),
    "augmented-bigan": BiGAN(rebuilt=0.5, codec_loss="feature-matching"),
    "flat-bigan": FlatBiGAN(),
    "ali-grid": PointALI(),
}
