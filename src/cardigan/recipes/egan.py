"""E-GAN: generators that mutate and are selected."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..errors import did_you_mean
from ..recipe import Recipe, Training
from .dcgan import SIZES

if TYPE_CHECKING:
    from ..game import Game

MUTATIONS = ("minimax", "heuristic", "least-squares")
LEAST = {"latents": 1, "width": 1, "survivors": 1, "discriminator_steps": 1, "evaluation": 2}
BELOW = {"diversity": 1e6, "beta1": 1, "ema_halflife": float("inf")}


@dataclass(frozen=True, kw_only=True)
class EGAN(Recipe):
    """E-GAN: generators mutate by three losses, and the fittest survive; DCGAN's networks."""

    paper: ClassVar[str] = "Wang et al. 2018, arXiv:1803.00657"
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector."""
    width: int = 32
    """Channels at half the picture's size; they double with each halving."""
    survivors: int = 1
    """Generators that live on after each round."""
    mutations: str = "+".join(MUTATIONS)
    """Losses that each make a child of each generator, with + between them."""
    discriminator_steps: int = 1
    """Moves of the discriminator in a round."""
    evaluation: int = 64
    """Latents, and real images, by which children are judged, over all processes."""
    diversity: float = 0.01
    """The weight of diversity in a child's fitness: gamma."""
    lr: float = 8e-4
    """Learning rate of all players; the authors' 2e-4 asks for more images."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    ema_halflife: float = 10_000
    """Images after which a weight counts half in the average that is sampled; 0 averages none."""
    training: Training = field(default_factory=lambda: Training(images=150_000))

    def game(self) -> "Game":
        """A population of DCGAN's generators against one of its discriminators."""
        from .. import games, optimizers, priors
        from ..game import Player
        from ..games.egan import MUTATIONS as TABLE
        from ..nets.dcgan import Discriminator, Generator

        adam = optimizers.adam(self.beta1)

        def generator() -> Player:
            net = Generator(self.latents, self.size, self.channels, self.width)
            return Player(net, adam, self.lr, self.ema_halflife)

        return games.EGAN(
            [generator() for _ in range(self.survivors)],
            Player(Discriminator(self.size, self.channels, self.width), adam, self.lr),
            priors.uniform(self.latents),
            {name: TABLE[name] for name in self.mutations.split("+")},
            self.discriminator_steps,
            self.evaluation,
            self.diversity,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                yield f"{name} must be at least {least}, got {getattr(self, name)}"
        if self.training.batch < self.least * self.survivors:
            yield f"training.batch must hold {self.least} images for each of survivors"
        yield from self._wrong_mutations()
        if not 0 < self.lr < 1:
            yield f"lr must lie in (0, 1), got {self.lr}"
        for name, end in BELOW.items():
            if not 0 <= getattr(self, name) < end:
                yield f"{name} must lie in [0, {end}), got {getattr(self, name)}"

    def _wrong_mutations(self) -> Iterator[str]:
        names = self.mutations.split("+")
        if unknown := [name for name in names if name not in MUTATIONS]:
            near = did_you_mean(unknown[0], MUTATIONS)
            yield f"mutations must be of {', '.join(MUTATIONS)}, got {unknown[0]!r}{near}"
        if len({*names}) < len(names):
            yield f"mutations must be named once each, got {self.mutations}"


PRESETS = {"egan": EGAN()}
