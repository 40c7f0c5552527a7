"""The two-player game: its networks, its adversarial loss and its order of turns are arguments.

Methods that differ in these alone are recipes, and need no game of their own.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..augment import Steering, View, unchanged, unsteered
from ..game import Game, Move, Player, Round
from ..labels import draw_labels
from ..losses import NON_SATURATING, AdversarialLoss, matched_features
from ..penalties import Judged, Penalty
from ..priors import SCALED, Prior, Truncation
from ..randomness import seeded

Turns = Callable[["GAN", Any], Round]
Loss = Callable[["GAN", Tensor, Tensor, Tensor | None], Tensor]  # game, real, fake, label
Constraint = Callable[[nn.Module], None]
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


def alternating(steps: int | Callable[[int], int] = 1) -> Turns:
    """Algorithm 1: the discriminator moves k times, on batches of its own; then the generator.

    Arguments:
        steps: k, or a function of the rounds played.
    """

    def turns(game: GAN, stream: Any) -> Round:
        for _ in range(steps(game.rounds) if callable(steps) else steps):
            real, label = game.draw(stream)
            with torch.no_grad():
                fake = game.fake(len(real), label)
            yield from discriminator_move(game, real, fake, label)

        fake = game.fake(len(real), label)
        loss = game.generator_loss(game, real, fake, label)
        yield Move(game.generator, loss, {"generator": loss.mean()})

    return turns


def warmed_up(steps: int, early: int, over: int = 25, again: int = 500) -> Callable[[int], int]:
    """`steps`, but `early` in the first `over` rounds and in every `again`th.

    Arjovsky et al. 2017, in their code: 5, but 100 for the first 25 and each 500th, so that the
    critic is near its optimum when the generator first listens.
    """
    return lambda rounds: early if rounds < over or rounds % again == 0 else steps


def discriminator_move(game: GAN, real: Tensor, fake: Tensor, label: Tensor | None) -> Round:
    """The discriminator moves; what is bound to it, and what it sees through, follow."""
    steer = game.steering()
    told = yield Move(game.discriminator, *discriminator_loss(game, real, fake, label))
    game.constraint(game.discriminator.net)
    steer(told)


def simultaneous(game: GAN, stream: Any) -> Round:
    """Both players move at once, from one forward and one backward pass.

    The game is zero-sum: the discriminator descends its loss, the generator ascends it. That is
    the minimax game; `loss.generator` is not asked.
    """
    assert not game.penalties, "the generator would ascend what the discriminator pays"
    real, label = game.draw(stream)
    fake, steer = reverse(game.fake(len(real), label)), game.steering()
    both = (game.generator, game.discriminator)
    told = yield Move(both, *discriminator_loss(game, real, fake, label))
    game.constraint(game.discriminator.net)
    steer(told)


def discriminator_loss(
    game: GAN, real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator descends [N], and what to log."""
    if game.penalties and game.rounds % game.penalty_every == 0:
        return _with_penalties(game, real, fake, label)
    reals, fakes = (game.judge(x, label, game.discriminator) for x in (real, fake))
    return compared(game.loss, reals, fakes)


def _with_penalties(
    game: GAN, real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The same where slopes cost: never in a compiled network, for they know no slopes of slopes.

    Slopes are taken in the round's precision, but in full by samples, so norms are sums in full.
    """

    def judge(x: Tensor) -> Tensor:
        return game.judge(x, label, game.discriminator.net.forward)

    reals, fakes = (Judged(judge, in_full(x)) for x in (real, fake))
    bills = [penalty(judge, reals, fakes, game.seen) for penalty in game.penalties]
    paid = game.penalty_every * torch.stack(bills).sum(0)
    loss, log = compared(game.loss, reals.logits, fakes.logits)
    return loss + paid, log | {"penalty": paid.mean()}


def compared(
    loss: AdversarialLoss, on_real: Tensor, on_fake: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """What a discriminator with these logits descends [N], and what to log."""
    judged = loss.discriminator(on_real, on_fake)
    log = {"discriminator": judged.mean(), "real": on_real.mean(), "fake": on_fake.mean()}
    sure = on_real - on_fake if loss.paired else on_real  # a paired logit is nothing by itself
    return judged, log | {"sign": sure.sign().mean()}


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


def free(net: nn.Module) -> None:
    """Lets the discriminator have any weights."""


def clip(bound: float) -> Constraint:
    """Keeps every weight within `bound` of zero (Arjovsky et al. 2017, arXiv:1701.07875)."""

    @torch.no_grad()
    def constrain(net: nn.Module) -> None:
        weights = [p.detach() for p in net.parameters()]
        torch._foreach_clamp_min_(weights, -bound)
        torch._foreach_clamp_max_(weights, bound)

    return constrain


def decoded(net: Callable[..., Tensor], z: Tensor, label: Tensor | None) -> Tensor:
    """What a network makes of latents [N, Z] and labels [N], a few at a time.

    Gradients flow where z asks for them; otherwise not even parameters make a graph.
    """
    parts = z.split(256)
    labels = [None] * len(parts) if label is None else label.split(256)
    with torch.set_grad_enabled(torch.is_grad_enabled() and z.requires_grad):
        return torch.cat([net(a, b).float() for a, b in zip(parts, labels, strict=True)])


def in_parts(function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The same of any function of inputs [N, ...]."""
    return decoded(lambda part, label: function(part), inputs, None)


def in_full(logits: Tensor) -> Tensor:
    """Logits in at least float32, whatever precision the networks computed in."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def reverse(x: Tensor) -> Tensor:
    """The identity, whose gradient changes sign: what one player descends, the other ascends."""
    return _Reverse.apply(x)  # pyright: ignore[reportReturnType]
