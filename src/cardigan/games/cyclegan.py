"""CycleGAN: two domains without pairs, and a translator each way.

Zhu et al. 2017, arXiv:1703.10593.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .. import distributed
from ..game import Move, Player, Round
from ..losses import LEAST_SQUARES, AdversarialLoss
from .outputs import in_full
from .sources import FromSources, Sources, translated

# Section 3.1 and 4: the discriminator's objective is halved, the generator's (C - 1)^2 is not.
ADVERSARIAL = LEAST_SQUARES._replace(generator=lambda real, fake: (fake - 1) ** 2)


class Pool(nn.Module):
    """Shows discriminators old fakes as often as new ones (section 4, after Shrivastava 2017).

    The first fakes are kept, and shown as they are. From then on each fake is shown itself, or,
    half the time, takes the place of a kept one, which is shown instead. All processes keep the
    same fakes: what one draws, all draw.

    Arguments:
        size: Fakes that are kept, of `shape` [C, H, W].
    """

    kept: Tensor
    count: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(size, *shape))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def forward(self, fakes: Tensor) -> Tensor:
        """Fakes [N, C, H, W] to what is shown in their place."""
        if not len(self.kept):
            return fakes.detach()
        total = len(fakes) * distributed.world()
        draws = torch.rand(len(fakes), 2, device=fakes.device)
        everyone = distributed.interleaved(fakes.detach().to(self.kept.dtype), total)
        draws = distributed.interleaved(draws, total)
        shown = [self._exchange(f, d) for f, d in zip(everyone.split(1), draws, strict=True)]
        return torch.cat(shown[distributed.rank() :: distributed.world()])

    def _exchange(self, fake: Tensor, draw: Tensor) -> Tensor:
        """One fake; nothing here makes the host wait for the device."""
        size = len(self.kept)
        full = self.count >= size
        slot = torch.where(full, (draw[:1] * size).long().clamp(max=size - 1), self.count)
        old = self.kept.index_select(0, slot)
        swap = full & (draw[1:] < 0.5)
        self.kept.index_copy_(0, slot, torch.where((~full | swap).view(1, 1, 1, 1), fake, old))
        self.count.add_(~full)
        return torch.where(swap.view(1, 1, 1, 1), old, fake)


class CycleGAN(FromSources):
    """G turns a of A into b of B, F turns b into a; each there and back comes home.

    Arguments:
        generator: G, image -> image.
        inverse: F, image -> image.
        discriminator: Of B, image -> logits of any shape.
        discriminator_a: Of A, the same.
        sources: Pictures of A that samples are translations of.
        pools: Of fakes of A and of B.
        cycle: Weight of the way there and back: lambda.
        identity: Weight of leaving alone what is in the right domain, as a share of `cycle`.
    """

    def __init__(
        self,
        generator: Player,
        inverse: Player,
        discriminator: Player,
        discriminator_a: Player,
        sources: Sources,
        pools: tuple[Pool, Pool],
        loss: AdversarialLoss = ADVERSARIAL,
        cycle: float = 10.0,
        identity: float = 0.5,
    ) -> None:
        super().__init__()
        self.generator, self.inverse = generator, inverse
        self.discriminator, self.discriminator_a = discriminator, discriminator_a
        self.kept = sources
        self.pool_a, self.pool_b = pools
        self.loss, self.cycle, self.identity = loss, cycle, identity

    # L_G = |D_B(G(a)) - 1|^2 + |D_A(F(b)) - 1|^2 + lambda (|F(G(a)) - a| + |G(F(b)) - b|)
    #       + lambda identity (|G(b) - b| + |F(a) - a|)
    def round(self, stream: Any) -> Round:
        """Both generators, then each discriminator on fakes that its pool gives back."""
        batch = next(stream)
        a, b = batch["sources"].image, batch["first"].image
        fake_b, fake_a = self.generator(a), self.inverse(b)
        fooling = self.fooling(self.discriminator, fake_b)
        fooling = fooling + self.fooling(self.discriminator_a, fake_a)
        home = distance(self.inverse(fake_b), a) + distance(self.generator(fake_a), b)
        log = {"generator": fooling, "cycle": home}
        loss = fooling + self.cycle * home
        if self.identity:
            same = distance(self.generator(b), b) + distance(self.inverse(a), a)
            loss = loss + self.cycle * self.identity * same
            log["identity"] = same
        yield Move((self.generator, self.inverse), loss, log)

        loss = self.judging(self.discriminator, b, self.pool_b(fake_b))
        yield Move(self.discriminator, loss, {"discriminator": loss})
        loss = self.judging(self.discriminator_a, a, self.pool_a(fake_a))
        yield Move(self.discriminator_a, loss, {"discriminator_a": loss})

    def fooling(self, judge: Player, fake: Tensor) -> Tensor:
        """What a generator descends for a discriminator's sake."""
        logits = in_full(judge.frozen(fake))
        return self.loss.generator(logits.detach(), logits).mean()

    def judging(self, judge: Player, real: Tensor, fake: Tensor) -> Tensor:
        """What a discriminator descends."""
        return self.loss.discriminator(in_full(judge(real)), in_full(judge(fake))).mean()

    def translate_back(self, x: Tensor) -> Tensor:
        """From B to A."""
        return translated(self.inverse, x)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """The mean absolute difference, in full precision."""
    return (in_full(x) - in_full(y)).abs().mean()
