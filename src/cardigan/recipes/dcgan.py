"""DCGAN: convolutional networks that made GANs work on pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from ..recipe import Recipe, Training
from . import options
from .options import Augmentation, Comparison, LossName, OptimizerName, Restraints, TargetCodes

if TYPE_CHECKING:
    from ..game import Game

SIZES = (16, 28, 32, 64, 128, 256)
BATCHES = ("batch",)  # norms that let samples of a batch change each other


@dataclass(frozen=True, kw_only=True)
class DCGAN(Recipe):
    """DCGAN's networks under any two-player loss; for 28 pixels and powers of two to 256."""

    paper: ClassVar[str] = "Radford et al. 2015, arXiv:1511.06434"
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    pooled: bool = False
    """Global average pooling ends the discriminator, and no hidden layer is dense."""
    leaky: bool = False
    """LeakyReLU in the generator too, instead of ReLU."""
    enlarging: Literal["transposed", "transposed-5", "bilinear"] = "transposed"
    """How the generator doubles a side: transposed convolutions of 4, the paper's of 5, or
    bilinear upsampling and a convolution of 3."""
    generator_norm: Literal["batch", "none"] = "batch"
    """What normalises the generator."""
    discriminator_norm: Literal["auto", "none", "batch", "layer", "instance"] = "auto"
    """What normalises the discriminator; auto takes batch norm, or none under a penalty."""
    loss: LossName = "non-saturating"
    """The adversarial loss."""
    relativistic: Comparison = "none"
    """Logits are judged beside those of the other kind: of its pair, or the batch's average."""
    codes: TargetCodes = field(default_factory=TargetCodes)
    label_smoothing: float = 0.0
    """Reals are labelled 1 minus this; for the logistic losses."""
    optimizer: OptimizerName = "adam"
    """Of both players."""
    lr: float = 8e-4
    """Learning rate of both players; the paper's 2e-4 asks for more images."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    discriminator: Restraints = field(default_factory=Restraints)
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=lambda: Training(images=350_000))

    def suited(self, count: int) -> Self:
        """With the augmentation that suits a number of images."""
        return replace(self, augmentation=self.augmentation.suited(count))

    def game(self) -> "Game":
        """The two-player game between DCGAN's networks."""
        from .. import games, priors
        from ..game import Player
        from ..nets import dcgan
        from ..nets.layers import NORMS

        judging = {"auto": "none" if self.discriminator.pays else "batch"}
        norm = NORMS[judging.get(self.discriminator_norm, self.discriminator_norm)]
        active = dcgan.leaky if self.leaky else dcgan.relu
        shape = (self.size, self.channels, self.width)
        enlarging = dcgan.ENLARGING[self.enlarging]
        drawing = (*shape, NORMS[self.generator_norm], active, self.pooled, enlarging)
        generator = dcgan.Generator(self.latents, *drawing)
        discriminator = dcgan.Discriminator(*shape, norm, self.pooled)
        make = partial(options.optimizer, self.optimizer, self.beta1, self.beta2)
        smoothing = self.label_smoothing
        return games.GAN(
            Player(generator, make(), self.lr, self.ema_halflife),
            Player(discriminator, make(self.discriminator.decay), self.lr),
            priors.uniform(self.latents),
            options.adversarial_loss(self.loss, self.relativistic, smoothing, self.codes),
            **options.rules(self.discriminator, self.augmentation, self.training.batch),
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self.discriminator.problems()
        yield from self.codes.problems()
        yield from self.augmentation.problems()
        yield from network_problems(self.size, self.latents, self.width)
        yield from options.learning_problems(self.lr, self.beta1, self.beta2, self.ema_halflife)
        yield from options.smoothing_problems(self.label_smoothing)
        if self.label_smoothing and self.loss not in options.LOGISTIC:
            yield f"label_smoothing is for {' and '.join(options.LOGISTIC)}, not for {self.loss}"
        if self.discriminator.pays and self.discriminator_norm in BATCHES:
            yield (
                "discriminator_norm must not be batch where discriminator.penalty is "
                f"{self.discriminator.penalty}: a sample's slope would be its neighbours' as well"
            )


def network_problems(size: int, latents: int, width: int) -> Iterator[str]:
    """What does not fit DCGAN's networks."""
    if size not in (0, *SIZES):
        yield f"size must be one of {', '.join(map(str, SIZES))}, got {size}"
    if latents < 1 or width < 1:
        yield f"latents and width must be at least 1, got {latents} and {width}"


PRESETS = {
    "dcgan": DCGAN(),
    "dcgan-gap": DCGAN(pooled=True),
    "dcgan-leaky": DCGAN(leaky=True),
    # The paper's set-up: a picture of 64 pixels, batches of 128, no average of weights.
    "dcgan-64": DCGAN(size=64, width=64, lr=2e-4, ema_halflife=0, training=Training(batch=128)),
}
