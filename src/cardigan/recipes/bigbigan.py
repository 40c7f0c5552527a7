"""BigBiGAN: what a large BiGAN's encoder learns of pictures that nobody labelled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..recipe import Recipe, Training
from . import dcgan
from .bigan import CAN
from .biggan import PAPER, SIZES

if TYPE_CHECKING:
    from ..game import Game

# Sizes that a generator draws.
DRAWN = {"biggan": SIZES, "dcgan": dcgan.SIZES}
# Whether an encoder has 50 layers, whose maps are a 32nd of the picture in the end.
DEEP = {"small": False, "resnet-50": True, "revnet-50": True}
# Scores of the sample, of the code, of both: which are there.
TERMS = {
    "x+z+joint": (True, True, True),
    "x+joint": (True, False, True),
    "z+joint": (False, True, True),
    "joint": (False, False, True),
    "x+z": (True, True, False),
}


@dataclass(frozen=True, kw_only=True)
class BigBiGAN(Recipe):
    """BigBiGAN: BigGAN's networks and an encoder; pictures, codes and pairs are judged."""

    paper: ClassVar[str] = "Donahue and Simonyan 2019, arXiv:1907.02544"
    can: ClassVar[tuple[str, ...]] = CAN
    least: ClassVar[int] = 2

    size: int = 32
    """Height and width of images, as the encoder sees them; 0 takes the data's own."""
    generator_size: int = 0
    """Height and width that are drawn and judged, which divides the other; 0 is the same. Where
    it is less, samples are enlarged."""
    latents: int = 80
    """Size of the latent vector, and of codes."""
    width: int = 16
    """Channels of the narrowest maps of generator and discriminator, of 32 pixels a fourth."""
    generator: Literal["biggan", "dcgan"] = "biggan"
    """Whose generator it is."""
    attention: bool = True
    """Whether maps of one size attend to themselves, but in DCGAN's generator."""
    encoder: Literal["gaussian", "deterministic", "uniform"] = "gaussian"
    """Codes drawn from a Gaussian that the encoder tells, or one a picture; or one a picture and
    a uniform prior instead of a normal one."""
    encoder_net: Literal["small", "resnet-50", "revnet-50"] = "small"
    """What the encoder looks with: a few blocks at each size, or the paper's."""
    encoder_width: int = 16
    """Channels of the small encoder at the picture's size, which double with each halving; or of
    the first bottlenecks: the paper's have 64 in ResNet-50 and 256 in RevNet-50 x4."""
    encoder_blocks: int = 1
    """Blocks of the small encoder at each size; the others have what their papers say."""
    encoder_units: int = 0
    """Units of the layers that make codes of the encoder's features; 0 has as many as these."""
    terms: Literal["x+z+joint", "x+joint", "z+joint", "joint", "x+z"] = "x+z+joint"
    """What is scored: the picture, the code, both together; joint alone is BiGAN with hinges."""
    judge_width: int = 64
    """Units of the layers that judge codes and pairs."""
    judge_blocks: int = 3
    """Blocks of two such layers, for codes and for pairs each."""
    discriminator_steps: int = 2
    """Moves of the discriminator in a round."""
    generator_lr: float = 4e-4
    """Learning rate of the generator."""
    encoder_lr: float = 4e-3
    """Learning rate of the encoder; the paper's best has ten times the generator's."""
    discriminator_lr: float = 8e-4
    """Learning rate of the discriminator."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the averages that are used; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=100_000))

    def game(self) -> "Game":
        """The game of encoder and generator against a discriminator of terms."""
        from torch import nn

        from .. import games, optimizers, priors
        from ..game import Player
        from ..nets import bigbigan as nets
        from ..nets import biggan
        from ..nets.dcgan import Generator
        from ..nets.orthogonal import INITIAL, both, drawn
        from ..nets.spectral import spectral

        initial = drawn(INITIAL["orthogonal"])
        finish = both(initial, spectral)
        side = self.generator_size or self.size
        large: Any = {"attention": self.attention, "initial": initial, "normalise": spectral}
        makers = {"biggan": partial(biggan.Generator, **large), "dcgan": Generator}
        generator = makers[self.generator](self.latents, side, self.channels, self.width)
        trunk = biggan.Trunk(side, self.channels, self.width, self.attention, finish)
        seeing = nn.Sequential(nets.Resized(side), trunk)
        judging = (self.latents, self.judge_width, self.judge_blocks)
        terms = nets.Terms(*TERMS[self.terms])
        looking = self.looking()
        prior = {"uniform": priors.uniform}.get(self.encoder, priors.normal)
        adam, ema = optimizers.adam(self.beta1, self.beta2), self.ema_halflife
        return games.BiGAN(
            Player(
                nets.Encoder(looking, looking.seen, self.encoder_units, self.latents, self.head()),
                adam, self.encoder_lr, ema,
            ),
            Player(nets.Enlarged(generator, self.size), adam, self.generator_lr, ema),
            Player(
                nets.TermDiscriminator(seeing, trunk.seen, *judging, terms, finish),
                adam, self.discriminator_lr,
            ),
            prior(self.latents),
            turns=games.in_terms(self.discriminator_steps),
        )  # fmt: skip

    def looking(self) -> Any:
        """The encoder's trunk."""
        from ..nets.bigbigan import Trunk
        from ..nets.resnet50 import ResNet50, RevNet50

        channels, width = self.channels, self.encoder_width
        return {
            "small": lambda: Trunk(self.size, channels, width, self.encoder_blocks),
            "resnet-50": lambda: ResNet50(channels, width),
            "revnet-50": lambda: RevNet50(channels, width),
        }[self.encoder_net]()

    def head(self) -> Any:
        """What makes codes of the encoder's features."""
        from torch import nn
        from torch.nn.functional import softplus

        from ..nets.bigan import Bounded, Gaussian

        gaussian = partial(Gaussian, deviation=softplus)
        return {"gaussian": gaussian, "deterministic": nn.Linear, "uniform": Bounded}[self.encoder]

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        yield from self._sizes()
        yield from self._rates()
        yield from self._deep() if DEEP[self.encoder_net] else ()
        if self.encoder_units < 0:
            yield f"encoder_units must be at least 0, got {self.encoder_units}"
        for name in ("latents", "width", "encoder_width", "encoder_blocks", "judge_width",
                     "judge_blocks", "discriminator_steps"):  # fmt: skip
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, got {getattr(self, name)}"

    def _sizes(self) -> Iterator[str]:
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        drawn, side = DRAWN[self.generator], self.generator_size or self.size
        if side not in (0, *drawn):
            yield f"generator_size must be one of {', '.join(map(str, drawn))}, got {side}"
        elif self.size and self.size % side:
            yield f"generator_size must divide size {self.size}, got {self.generator_size}"

    def _deep(self) -> Iterator[str]:
        if 0 < self.size < 32:
            yield f"size must be at least 32 with this encoder_net, got {self.size}"
        if self.encoder_width == 1:
            yield "encoder_width must be at least 2 with this encoder_net, got 1"

    def _rates(self) -> Iterator[str]:
        for name in ("generator_lr", "encoder_lr", "discriminator_lr"):
            if not 0 < getattr(self, name) < 1:
                yield f"{name} must lie in (0, 1), got {getattr(self, name)}"
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            yield f"beta1 and beta2 must lie in [0, 1), got {self.beta1} and {self.beta2}"
        if not self.ema_halflife >= 0:
            yield f"ema_halflife must be at least 0, got {self.ema_halflife}"


# What is drawn has 128 pixels, as BigGAN's, and what is encoded 256.
_PAPER: dict[str, Any] = PAPER | {
    "size": 256, "generator_size": 128, "latents": 120, "width": 96, "encoder_lr": 5e-4,
    "encoder_units": 4096, "judge_width": 2048, "judge_blocks": 4,
}  # fmt: skip

PRESETS = {
    "bigbigan": BigBiGAN(),
    "bigbigan-128": BigBiGAN(encoder_net="resnet-50", encoder_width=64, **_PAPER),
    "bigbigan-revnet-128": BigBiGAN(encoder_net="revnet-50", encoder_width=256, **_PAPER),
}
