"""The two-player game: its networks, its adversarial loss and its order of turns are arguments.

Methods that differ in these alone are recipes, and need no game of their own.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..game import Game, Move, Player, Round
from ..losses import NON_SATURATING, AdversarialLoss
from ..priors import Prior
from ..randomness import seeded


class GAN(Game):
    """A generator against a discriminator (Goodfellow et al. 2014, arXiv:1406.2661).

    Arguments:
        generator: z [N, Z], label [N] -> sample.
        discriminator: sample, label [N] -> logits [N].
        turns: Who moves when: `alternating(k)` or `simultaneous`.
        classes: How many labels there are; without any, networks are given None.
        conditions: What networks are told in the place of classes, [K, ...]: K examples, of which
            samples are told one at random. They are saved with the game.
    """

    conditions: Tensor | None

    def __init__(
        self,
        generator: Player,
        discriminator: Player,
        prior: Prior,
        loss: AdversarialLoss = NON_SATURATING,
        turns: "Callable[[GAN, Any], Round] | None" = None,
        classes: int = 0,
        conditions: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.prior, self.loss, self.classes = prior, loss, classes
        self.turns = turns or alternating(1)
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
        return self.generator(self.prior(n, self.device), label)

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """As `Generates.sample` says."""
        with seeded(seed, self.device):
            z = self.latents(n, truncation=truncation)
            return self.decode(z, self.told(n, label))

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """As `Decodes.latents` says."""
        with seeded(seed, self.device):
            return self.prior(n, self.device) * truncation

    def told(self, n: int, label: int | Tensor | None = None) -> Tensor | None:
        """What the generator is told: conditions by their numbers, at random, or as given."""
        if self.conditions is None:
            return None
        if isinstance(label, Tensor) and label.is_floating_point():
            return label.to(self.device)
        return self.conditions[draw_labels(n, len(self.conditions), label, self.device)]

    @torch.no_grad()
    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of latents [N, Z] and labels [N], in eval mode.

        Where it has to be told something and is not, conditions take turns.
        """
        net, parts = self.generator.eval_net, z.split(256)
        if self.conditions is not None and label is None:
            label = self.conditions[torch.arange(len(z), device=z.device) % len(self.conditions)]
        labels = [None] * len(parts) if label is None else label.split(256)
        return torch.cat([net(a, b).float() for a, b in zip(parts, labels, strict=True)])


def alternating(discriminator_steps: int = 1) -> Callable[[GAN, Any], Round]:
    """Algorithm 1: the discriminator moves k times, on batches of its own; then the generator."""

    def turns(game: GAN, stream: Any) -> Round:
        for _ in range(discriminator_steps):
            real, label = game.draw(stream)
            with torch.no_grad():
                fake = game.fake(len(real), label)
            yield Move(game.discriminator, *discriminator_loss(game, real, fake, label))

        fake = game.fake(len(real), label)
        judge = game.discriminator.frozen
        on_fake = in_full(judge(fake, label))
        on_real = in_full(judge(real, label)) if game.loss.paired else on_fake.detach()
        loss = game.loss.generator(on_real, on_fake)
        yield Move(game.generator, loss, {"generator": loss.mean()})

    return turns


def simultaneous(game: GAN, stream: Any) -> Round:
    """Both players move at once, from one forward and one backward pass.

    The game is zero-sum: the discriminator descends its loss, the generator ascends it. That is
    the minimax game; `loss.generator` is not asked.
    """
    real, label = game.draw(stream)
    fake = reverse(game.fake(len(real), label))
    yield Move((game.generator, game.discriminator), *discriminator_loss(game, real, fake, label))


def discriminator_loss(
    game: GAN, real: Tensor, fake: Tensor, label: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the discriminator descends [N], and what to log."""
    on_real = in_full(game.discriminator(real, label))
    on_fake = in_full(game.discriminator(fake, label))
    loss = game.loss.discriminator(on_real, on_fake)
    return loss, {"discriminator": loss.mean(), "real": on_real.mean(), "fake": on_fake.mean()}


def draw_labels(
    n: int, classes: int, label: int | Tensor | None, device: torch.device
) -> Tensor | None:
    """`label` n times or as given, or random ones without: int64 [n]; None without classes."""
    if not classes:
        return None
    if label is None:
        return torch.randint(classes, (n,), device=device)
    return torch.as_tensor(label, device=device).expand(n)


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
