"""Unrolled GAN: the generator answers to the discriminator that its fakes will have made.

Metz et al. 2016, arXiv:1611.02163. A game of two players, whose turns these are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..game import Move, Player, Round
from .gan import GAN, adversarial
from .outputs import in_full
from .turns import discriminator_move

Tensors = Sequence[Tensor]
Step = Callable[[Tensors, Tensors], list[Tensor]]  # weights and their gradients to new weights
Lookahead = Callable[[Player], Step]  # what a player's optimiser would do from here on


def unrolled(steps: int, lookahead: Lookahead) -> Callable[[GAN, Any], Round]:
    """The discriminator moves; then the generator, before what `steps` more moves would make.

    With 0 steps this is `alternating(1)`.
    """

    def turns(game: GAN, stream: Any) -> Round:
        real, label = game.draw(stream)
        with torch.no_grad():
            fake = game.fake(len(real), label)
        yield from discriminator_move(game, real, fake, label)

        fake = game.fake(len(real), label)
        judge = game.discriminator.frozen
        if steps:
            fake = in_full(fake)
            judge = foreseen(game, real, fake, label, steps, lookahead)
        loss = adversarial(game, real, fake, label, judge)
        yield Move(game.generator, loss, {"generator": loss.mean()})

    return turns


#   theta^0 = theta_D,   theta^(k+1) = theta^k - eta dL_D(theta_G, theta^k) / dtheta^k
def foreseen(
    game: GAN, real: Tensor, fake: Tensor, label: Tensor | None, steps: int, lookahead: Lookahead
) -> Callable[..., Tensor]:
    """The discriminator after `steps` moves on this batch: a function of the fakes in it, too.

    Gradients by the fakes go through every step, which is what tells this method from more
    moves of the discriminator. The player itself stays as it is. Memory grows with the steps.
    """
    player = game.discriminator
    player.tune(game.seen)
    names = [f"net.{name}" for name, p in player.lists.named.items() if p.requires_grad]
    weights = [p.detach().requires_grad_() for p in player.lists.own]
    step = lookahead(player)

    def judge(image: Tensor, label: Tensor | None) -> Tensor:
        with _without_autocast(real.device):
            return player.aside(dict(zip(names, weights, strict=True)), image, label)

    with _without_autocast(real.device):
        for _ in range(steps):
            views = (game.view(x, game.seen) for x in (real, fake))
            loss = game.loss.discriminator(*(judge(view, label) for view in views)).mean()
            weights = step(weights, torch.autograd.grad(loss, weights, create_graph=True))
    return judge


def _without_autocast(device: torch.device) -> torch.autocast:
    """Steps that add up want more than bfloat16."""
    return torch.autocast(device.type, enabled=False)


def descent(lr: float) -> Lookahead:
    """Plain gradient descent."""
    return lambda player: (
        lambda weights, slopes: [w - lr * g for w, g in zip(weights, slopes, strict=True)]
    )


#   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
#   theta <- theta - eta m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
def adam(player: Player) -> Step:
    """Adam (Kingma and Ba 2014, arXiv:1412.6980), from the moments that the player's own has."""
    settings, own = player.optimizer.param_groups[0], player.lists.own
    lr, (beta1, beta2), eps = settings["lr"], settings["betas"], settings["eps"]
    memory = [player.optimizer.state.get(p) or _blank(p) for p in own]
    t = memory[0]["step"].to(own[0].dtype)
    m, v = ([state[name] for state in memory] for name in ("exp_avg", "exp_avg_sq"))

    def step(weights: Tensors, slopes: Tensors) -> list[Tensor]:
        nonlocal t, m, v
        t = t + 1
        m = [beta1 * a + (1 - beta1) * g for a, g in zip(m, slopes, strict=True)]
        v = [beta2 * a + (1 - beta2) * g**2 for a, g in zip(v, slopes, strict=True)]
        rate, rest = lr / (1 - beta1**t), 1 - beta2**t
        return [
            w - rate * a / (_root(b / rest) + eps) for w, a, b in zip(weights, m, v, strict=True)
        ]

    return step


def _blank(parameter: Tensor) -> dict[str, Tensor]:
    """The memory of an optimiser that has not moved yet."""
    zeros = torch.zeros_like(parameter)
    return {"step": zeros.new_zeros(()), "exp_avg": zeros, "exp_avg_sq": zeros}


def _root(x: Tensor) -> Tensor:
    """The square root, with a slope of 0 at 0, where it has none."""
    positive = x > 0
    return torch.where(positive, x, 1).sqrt() * positive
