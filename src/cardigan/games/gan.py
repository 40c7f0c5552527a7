"""The two-player game: its networks, its adversarial loss and its order of turns are arguments.

Methods that differ in these alone are recipes, and need no game of their own.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..augment import Steering, View, unchanged, unsteered
from ..game import Game, Player, Round
from ..labels import draw_labels
from ..losses import NON_SATURATING, AdversarialLoss, matched_features
from ..penalties import Penalty
from ..priors import SCALED, Prior, Truncation
from ..randomness import seeded
from .constraints import Constraint, free
from .outputs import decoded, in_full
from .turns import alternating

Turns = Callable[["GAN", Any], Round]
Loss = Callable[["GAN", Tensor, Tensor, Tensor | None], Tensor]  # game, real, fake, label
Drawing = Callable[["GAN", float], nn.Module]  # game, truncation -> network in eval mode
Watch = Callable[["GAN"], dict[str, Tensor]]
Clock = Callable[[int], tuple[Any, ...]]


def timeless(seen: int) -> tuple[Any, ...]:
    """Networks are told nothing of the clock."""
    return ()


class GAN(Game):
    """A generator against a discriminator (Goodfellow et al. 2014, arXiv:1406.2661).

    Arguments:
        generator: z [N, Z], label [N] -> sample.
        discriminator: sample, label [N] -> logits [N].
        turns: Who moves when: `alternating(k)` or `simultaneous`.
        classes: How many labels there are; without any, networks are given None.
        conditions: What networks are told in the place of classes, [K, ...]: K examples, of which
            samples are told one at random. They are saved with the game.
        penalties: What the discriminator pays for steep slopes, in alternating turns.
        penalty_every: Rounds from one payment to the next, which then counts as often.
        view: What the discriminator looks through, at reals and fakes alike.
        steering: How the view follows what the discriminator says of reals.
        clock: What both networks are told of the images seen, beside the label.
        constraint: What is done to the discriminator's network after each of its moves.
        generator_loss: What the generator descends: `adversarial` or `feature_matching`.
        truncation: How latents are drawn nearer to their mean.
        drawing: The network that draws samples of so truncated latents: `averaged`, or
            `standing_statistics`.
        watch: What the log tells beside the moves' own numbers, by name.
    """

    conditions: Tensor | None

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        prior: Prior,
        loss: AdversarialLoss = NON_SATURATING,
        turns: Turns | None = None,
        classes: int = 0,
        conditions: Tensor | None = None,
        *,
        penalties: Sequence[Penalty] = (),
        penalty_every: int = 1,
        view: View = unchanged,
        steering: Steering = unsteered,
        clock: Clock = timeless,
        constraint: Constraint | None = None,
        generator_loss: Loss | None = None,
        truncation: Truncation = SCALED,
        drawing: Drawing | None = None,
        watch: Watch | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.prior, self.loss, self.classes = prior, loss, classes
        self.turns = turns or alternating(1)
        self.penalties, self.penalty_every = penalties, penalty_every
        self.view, self.steering, self.clock = view, steering, clock
        self.constraint = constraint or free
        self.generator_loss = generator_loss or adversarial
        self.truncation, self.drawing = truncation, drawing or averaged
        self.watch = watch or unwatched
        numbers = torch.arange(classes) if classes else None
        self.register_buffer(
            "conditions", numbers if conditions is None else conditions, conditions is not None
        )

    def round(self, stream: Any) -> Round:
        """As `turns` has it."""
        return self.turns(self, stream)

    def draw(self, stream: Any) -> tuple[Tensor, Tensor | None]:
        """The next batch: images, and what networks are told of them, if anything."""
        real, label = next(stream)
        return real, None if self.conditions is None else label

    def fake(self, n: int, label: Tensor | None) -> Tensor:
        """The generator's answer to `n` draws from the prior."""
        return self.generator(self.prior(n, self.device), label, *self.clock(self.seen))

    def judge(self, x: Tensor, label: Tensor | None, net: Callable[..., Tensor]) -> Tensor:
        """What a discriminator says of samples, as it sees them, in at least float32: [N].

        Arguments:
            net: The discriminator, its network, or the discriminator `frozen`.
        """
        return in_full(net(self.view(x, self.seen), label, *self.clock(self.seen)))

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float | None = None,
    ) -> Tensor:
        """As `Generates.sample` says."""
        with seeded(seed, self.device):
            z = self.latents(n, truncation=truncation)
            return self._drawn(self._truncation(truncation), z, self.told(n, label))

    def latents(self, n: int, seed: int | None = None, truncation: float | None = None) -> Tensor:
        """As `Decodes.latents` says."""
        with seeded(seed, self.device):
            return self.truncation.draw(self, n, self._truncation(truncation))

    def _truncation(self, asked: float | None) -> float:
        return self.truncation.whole if asked is None else asked

    def told(self, n: int, label: int | Tensor | None = None) -> Tensor | None:
        """What the generator is told: conditions by their numbers, at random, or as given."""
        if self.conditions is None:
            return None
        if isinstance(label, Tensor) and label.is_floating_point():
            return label.to(self.device)
        return self.conditions[draw_labels(n, len(self.conditions), label, self.device)]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of latents [N, Z] and labels [N], in eval mode.

        Where it has to be told something and is not, conditions take turns.
        """
        if self.conditions is not None and label is None:
            label = self.conditions[torch.arange(len(z), device=z.device) % len(self.conditions)]
        return self._drawn(self.truncation.whole, z, label)

    def _drawn(self, truncation: float, z: Tensor, label: Tensor | None) -> Tensor:
        net, told = self.drawing(self, truncation), self.clock(self.seen)
        return decoded(lambda z, label: net(z, label, *told), z, label)

    def watched(self) -> dict[str, Tensor]:
        """As `Watches.watched` says."""
        return self.watch(self)


def averaged(game: GAN, truncation: float) -> nn.Module:
    """The generator as everybody samples from it, whatever the truncation."""
    return game.generator.eval_net


def unwatched(game: GAN) -> dict[str, Tensor]:
    """Nothing."""
    return {}


def adversarial(
    game: GAN,
    real: Tensor,
    fake: Tensor,
    label: Tensor | None,
    judge: Callable[..., Tensor] | None = None,
) -> Tensor:
    """What the generator descends [N]: the loss's own half.

    Arguments:
        judge: Sample, label -> logits [N]; by default the discriminator as it is.
    """
    judge = judge or game.discriminator.frozen
    on_fake = game.judge(fake, label, judge)
    on_real = game.judge(real, label, judge) if game.loss.paired else on_fake.detach()
    return game.loss.generator(on_real, on_fake)


def regularised(price: Callable[[nn.Module], Tensor], weight: float) -> Loss:
    """`adversarial`, and what the weights of the generator's network cost, so many times."""

    def loss(game: GAN, real: Tensor, fake: Tensor, label: Tensor | None) -> Tensor:
        return adversarial(game, real, fake, label) + weight * price(game.generator.net)

    return loss


def feature_matching(game: GAN, real: Tensor, fake: Tensor, label: Tensor | None) -> Tensor:
    """`losses.matched_features` of the discriminator's `features`: [F]."""
    net: Any = game.discriminator.net

    def features(x: Tensor) -> Tensor:
        return in_full(net.features(game.view(x, game.seen)))

    with torch.no_grad():
        wanted = features(real)
    return matched_features(wanted, features(fake))
