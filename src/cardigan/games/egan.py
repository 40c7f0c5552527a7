"""Evolutionary GAN: generators mutate, are judged, and the fittest live on.

Wang et al. 2018, arXiv:1803.00657, algorithm 1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from .. import distributed
from ..game import Move, Player, Round, Snapshot
from ..labels import one_hot
from ..losses import NON_SATURATING
from ..priors import Prior
from .outputs import decoded, in_full
from .sampling import FromPrior
from .turns import compared

Mutation = Callable[[Tensor], Tensor]

# What a child descends, given the logits C of its fakes; D = sigmoid(C):
#   minimax log(1 - D(G(z))), heuristic -log D(G(z)), least squares (D(G(z)) - 1)^2.
# Their slopes in C, -D, D - 1 and -2 D (1 - D)^2, are large where D errs, knows, or wavers.
MUTATIONS: dict[str, Mutation] = {
    "minimax": lambda fake: -softplus(fake),
    "heuristic": lambda fake: softplus(-fake),
    "least-squares": lambda fake: (fake.sigmoid() - 1) ** 2,
}

RECENT = 0.02  # the weight of a round in the share of survivors that is logged: 50 rounds count


class EGAN(FromPrior):
    """A population of generators against one discriminator.

    Arguments:
        generators: The first parents, as many as survive each round: z [N, Z], None -> sample.
        discriminator: sample, None -> logits [N].
        mutations: By name; each makes a child of each parent.
        evaluation: Latents, and real images, by which every child is judged, over all
            processes. Reals are those of the round, and more are drawn if they are too few.
        diversity: The weight of diversity in a child's fitness: gamma.
    """

    accumulates = False

    def __init__(
        self,
        generators: Sequence[Player],
        discriminator: Player,
        prior: Prior,
        mutations: Mapping[str, Mutation] = MUTATIONS,
        discriminator_steps: int = 1,
        evaluation: int = 64,
        diversity: float = 0.01,
    ) -> None:
        super().__init__()
        self.generators, self.discriminator = nn.ModuleList(generators), discriminator
        self.prior, self.loss, self.mutations = prior, NON_SATURATING, mutations
        self.discriminator_steps = discriminator_steps
        self.evaluation, self.diversity = evaluation, diversity
        self.survives: Tensor
        self.register_buffer("survives", torch.full((len(mutations),), 1 / len(mutations)))

    @property
    def parents(self) -> list[Player]:
        """The generators, the fittest first."""
        return [*self.generators]  # pyright: ignore[reportReturnType]

    @property
    def generator(self) -> Player:
        """The fittest, which samples."""
        return self.parents[0]

    def round(self, stream: Any) -> Round:
        """The discriminator moves; every parent has its children; the fittest take its place."""
        reals = []
        for _ in range(self.discriminator_steps):
            real, _ = next(stream)
            with torch.no_grad():
                fake = self.fake(len(real))
            logits = (in_full(self.discriminator(x, None)) for x in (real, fake))
            loss, log = compared(self.loss, *logits)
            yield Move(self.discriminator, loss, log | self.log())
            reals.append(real)

        children = []
        for parent in self.parents:
            before = parent.snapshot()
            for name, mutation in self.mutations.items():
                parent.restore(before)
                fake = parent(self.prior(len(real), self.device), None)
                loss = mutation(in_full(self.discriminator.frozen(fake, None)))
                yield Move(parent, loss, {f"{name}/generator": loss.mean()})
                children.append(parent.snapshot())

        if len(self.mutations) == 1:
            return  # every child survives
        count = -(-self.evaluation // distributed.world())
        while sum(map(len, reals)) < count:
            reals.append(next(stream)[0])
        self.select(children, self.fitness(children, torch.cat(reals)[:count]))

    def log(self) -> dict[str, Tensor]:
        """Which mutations the survivors of late came from: shares."""
        shares = self.survives.clone().unbind()
        return {f"{name}/survives": s for name, s in zip(self.mutations, shares, strict=True)}

    def fake(self, n: int) -> Tensor:
        """Samples, drawn evenly from the parents."""
        parts = self.prior(n, self.device).tensor_split(len(self.generators))
        return torch.cat([p(z, None) for p, z in zip(self.parents, parts, strict=True)])

    def fitness(self, children: Sequence[Snapshot], real: Tensor) -> Tensor:
        """How fit each child is, [children], by the same latents and images, on all processes.

            F = E D(G(z)) + gamma F_d,   F_d = -log ||grad_D (-E log D(x) - E log(1 - D(G(z))))||

        A discriminator that would learn much from a child's fakes finds them
        in one place. What it would learn from the reals is the same for every child.
        """
        z = self.prior(len(real), self.device)
        _, from_real = self.lesson(real, lambda logits: softplus(-logits))
        told = []
        for child in children:
            with torch.no_grad():
                fake = self.generator.aside(child.weights, z, None)
            logits, from_fake = self.lesson(fake, softplus)
            lesson = torch.stack(torch._foreach_norm(torch._foreach_add(from_real, from_fake)))
            diversity = -lesson.norm().clamp_min(torch.finfo(lesson.dtype).tiny).log()
            told.append(logits.sigmoid().mean() + self.diversity * diversity)
        fitness = torch.stack(told)
        distributed.Message().mean_([fitness])  # so that all processes choose alike
        return fitness

    def lesson(self, images: Tensor, loss: Mutation) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The discriminator's logits [N], and the gradient of its loss; it does not change."""
        player = self.discriminator
        logits = in_full(player.aside({}, images, None))
        return logits.detach(), torch.autograd.grad(loss(logits).mean(), player.lists.own)

    def select(self, children: Sequence[Snapshot], fitness: Tensor) -> None:
        """The fittest children take their parents' places."""
        best = fitness.nan_to_num(-torch.inf).topk(len(self.generators)).indices
        for parent, i in zip(self.parents, best.tolist(), strict=True):  # here the host waits
            parent.restore(children[i])
        kinds = len(self.mutations)
        self.survives.lerp_(one_hot(best % kinds, kinds).mean(0), RECENT)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the fittest generator makes of latents [N, Z], in eval mode."""
        return decoded(self.generator.eval_net, z, None)
