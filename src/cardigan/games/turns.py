"""Who moves when in the game of two, and what its discriminator descends."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..game import Move, Round
from ..losses import AdversarialLoss
from ..penalties import Judged
from .outputs import in_full

if TYPE_CHECKING:
    from .gan import GAN, Turns


def alternating(steps: int | Callable[[int], int] = 1) -> "Turns":
    """Algorithm 1: the discriminator moves k times, on batches of its own; then the generator.

    Arguments:
        steps: k, or a function of the rounds played.
    """

    def turns(game: "GAN", stream: Any) -> Round:
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


def discriminator_move(game: "GAN", real: Tensor, fake: Tensor, label: Tensor | None) -> Round:
    """The discriminator moves; what is bound to it, and what it sees through, follow."""
    steer = game.steering()
    told = yield Move(game.discriminator, *discriminator_loss(game, real, fake, label))
    game.constraint(game.discriminator.net)
    steer(told)


def simultaneous(game: "GAN", stream: Any) -> Round:
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
    game: "GAN", real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator descends [N], and what to log."""
    if game.penalties and game.rounds % game.penalty_every == 0:
        return _with_penalties(game, real, fake, label)
    reals, fakes = (game.judge(x, label, game.discriminator) for x in (real, fake))
    return compared(game.loss, reals, fakes)


def _with_penalties(
    game: "GAN", real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The same where slopes cost."""
    reals, fakes = with_slopes(game, real, fake, label)
    bills = [penalty(reals, fakes, game.seen) for penalty in game.penalties]
    paid = game.penalty_every * torch.stack(bills).sum(0)
    loss, log = compared(game.loss, reals.logits, fakes.logits)
    return loss + paid, log | {"penalty": paid.mean()}


def with_slopes(
    game: "GAN", real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Judged, Judged]:
    """Reals and fakes for penalties: never in a compiled network, which knows no slopes of slopes.

    Slopes are taken in the round's precision, but in full by samples, so norms are sums in full.
    """

    def judge(x: Tensor) -> Tensor:
        return game.judge(x, label, game.discriminator.net.forward)

    return Judged(judge, in_full(real)), Judged(judge, in_full(fake))


def compared(
    loss: AdversarialLoss, on_real: Tensor, on_fake: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """What a discriminator with these logits descends [N], and what to log."""
    judged = loss.discriminator(on_real, on_fake)
    log = {"discriminator": judged.mean(), "real": on_real.mean(), "fake": on_fake.mean()}
    sure = on_real - on_fake if loss.paired else on_real  # a paired logit is nothing by itself
    return judged, log | {"sign": sure.sign().mean()}


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
