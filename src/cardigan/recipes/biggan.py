"""BigGAN and BigGAN-deep: what a GAN of classes gains when everything about it grows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..recipe import Recipe, Training
from . import options
from .options import LossName, Restraints

if TYPE_CHECKING:
    from torch import nn

    from ..game import Game

SIZES = (16, 28, 32, 64, 128, 256, 512)


@dataclass(frozen=True, kw_only=True)
class BigGAN(Recipe):
    """BigGAN: residual networks of classes, whose ingredients can be left out one by one."""

    paper: ClassVar[str] = "Brock et al. 2018, arXiv:1809.11096"
    least: ClassVar[int] = 2

    size: int = 32
    """Height and width of images: 32, 64, 128, 256 or 512, and 16 or 28; 0 takes the data's."""
    latents: int = 80
    """Size of the latent vector; the papers' have 20 for each chunk, or 128 with BigGAN-deep."""
    width: int = 16
    """Channels of the narrowest maps, of 32 pixels a fourth; the papers' have 96 or 128."""
    classes: int = 0
    """Classes that both players are told; 0 takes the data's own."""
    told_norms: bool = True
    """Whether the generator's batch norms are told the class; if not, its first map is."""
    shared: int = 128
    """Size of the embedding of classes that all norms share; 0 gives each norm rows of its own."""
    hierarchical: bool = True
    """Whether latents drive the norms as well: a chunk a block, with BigGAN-deep all of them."""
    projection: bool = True
    """Whether the discriminator is told the class, by projection."""
    attention: bool = True
    """Whether maps of one size attend to themselves: 16 of 32 pixels, 32 of 64, else 64."""
    spectral_generator: bool = True
    """Whether the generator is spectrally normed."""
    spectral_discriminator: bool = True
    """Whether the discriminator is spectrally normed."""
    initial: Literal["orthogonal", "normal", "xavier"] = "orthogonal"
    """First weights: orthogonal matrices, N(0, 0.02), or uniform as Glorot and Bengio's."""
    orthogonality: float = 1e-4
    """What the generator pays where filters of a layer are not orthogonal; 0 for nothing."""
    loss: LossName = "hinge"
    """The adversarial loss."""
    generator_lr: float = 4e-4
    """Learning rate of the generator; the paper's is 5e-5."""
    discriminator_lr: float = 8e-4
    """Learning rate of the discriminator; the paper's is 2e-4."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    standing: int = 16
    """Batches over which batch norm's statistics are gathered before samples are drawn; 0 takes
    those that ran along in training."""
    discriminator: Restraints = field(default_factory=lambda: Restraints(steps=2))
    training: Training = field(default_factory=lambda: Training(images=100_000))

    def game(self) -> "Game":
        """The two-player game between BigGAN's networks."""
        from .. import games, optimizers, priors
        from ..game import Player
        from ..nets.orthogonal import INITIAL, drawn, orthogonality
        from ..nets.spectral import plain, singular_values, spectral

        shape = (self.size, self.channels, self.width)
        norms = {True: spectral, False: plain}
        both: Any = {"attention": self.attention, "initial": drawn(INITIAL[self.initial])}
        make_generator, make_discriminator = self.nets()
        generator = make_generator(
            self.latents, *shape, self.classes, shared=self.shared,
            hierarchical=self.hierarchical, told_norms=self.told_norms,
            normalise=norms[self.spectral_generator], **both,
        )  # fmt: skip
        judged = self.classes if self.projection else 0
        norm = norms[self.spectral_discriminator]
        discriminator = make_discriminator(*shape, judged, normalise=norm, **both)
        adam, decay = optimizers.adam, self.discriminator.decay
        batch = self.training.microbatch or self.training.batch
        return games.GAN(
            Player(generator, adam(self.beta1, self.beta2), self.generator_lr, self.ema_halflife),
            Player(discriminator, adam(self.beta1, self.beta2, decay), self.discriminator_lr),
            priors.normal(self.latents),
            options.adversarial_loss(self.loss),
            classes=self.classes,
            truncation=priors.RESAMPLED,
            drawing=games.standing_statistics(self.standing, batch) if self.standing else None,
            generator_loss=games.regularised(orthogonality, self.orthogonality)
            if self.orthogonality
            else None,
            watch=games.singular_values_of_first_layers(singular_values),
            **self.discriminator.rules(),
        )

    def nets(self) -> "tuple[Callable[..., nn.Module], Callable[..., nn.Module]]":
        """What makes the two networks."""
        from ..nets import biggan

        return biggan.Generator, biggan.Discriminator

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.discriminator.problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if self.latents < 1 or self.width < 1:
            yield f"latents and width must be at least 1, got {self.latents} and {self.width}"
        if min(self.classes, self.shared, self.standing) < 0:
            yield "classes, shared and standing must be at least 0"
        if not self.orthogonality >= 0:
            yield f"orthogonality must be at least 0, got {self.orthogonality}"
        if not (0 < self.generator_lr < 1 and 0 < self.discriminator_lr < 1):
            yield "generator_lr and discriminator_lr must lie in (0, 1)"
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), got {self.beta1} and {self.beta2}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


@dataclass(frozen=True, kw_only=True)
class BigGANDeep(BigGAN):
    """BigGAN-deep: bottlenecks, twice as many blocks, the whole latent vector at each of them."""

    latents: int = 128
    """Size of the latent vector."""

    def nets(self) -> "tuple[Callable[..., nn.Module], Callable[..., nn.Module]]":
        """What makes the two networks."""
        from ..nets import biggan_deep

        return biggan_deep.Generator, biggan_deep.Discriminator

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if 1 <= self.width < 4:
            yield f"width must be at least 4, got {self.width}: bottlenecks have a fourth of it"


@dataclass(frozen=True, kw_only=True)
class UnconditionalBigGAN(BigGAN):
    """BigGAN of pictures without classes: BigBiGAN without its encoder."""

    paper: ClassVar[str] = "Donahue and Simonyan 2019, arXiv:1907.02544"
    classes: ClassVar[int] = 0  # pyright: ignore[reportIncompatibleVariableOverride]


# The paper's rates, and 0.9999 a round as a half-life: 6,931 rounds of two moves on 2,048 images.
PAPER: dict[str, Any] = {
    "size": 128,
    "generator_lr": 5e-5,
    "discriminator_lr": 2e-4,
    "ema_halflife": 28_400_000,
    "training": Training(
        images=600_000_000, batch=2048, microbatch=256, log_every=100_000,
        picture_every=1_000_000, checkpoint_every=1_000_000, keep=5, measure_images=10_000,
    ),
}  # fmt: skip

PRESETS = {
    "biggan": BigGAN(),
    "biggan-128": BigGAN(latents=120, width=96, **PAPER),
    "biggan-unconditional": UnconditionalBigGAN(),
    "biggan-deep": BigGANDeep(),
    "biggan-deep-128": BigGANDeep(width=128, **PAPER),
}
