"""A classifier that does not mind small moves of an image, as a BiGAN beside it knows them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..abilities import Codec
from ..game import Game, Player, Round
from ..priors import Prior
from ..tangents import jacobian_penalty, tangent_penalty
from .bigan import BiGAN
from .semi_supervised import SemiSupervised

Invariance = Callable[[Codec, Player, Tensor], Tensor]  # of whose tangents, of whom, at reals
Tangents = Callable[[Codec, Tensor, int], Tensor]  # codec, x, k -> [N, k, ...]


class TangentInvariant(Game):
    """Semi-supervised learning that is invariant to tangents (Kumar et al. 2017).

    arXiv:1705.08850, section 2.2. A BiGAN learns the tangents, and the learner's discriminator
    pays for changing its mind along them. Both play in every round, so that tangents are always
    those of the newest weights, and one run holds all.

    Arguments:
        inference: Who knows the tangents.
        learner: Who classifies, and whose samples these are; its penalty is `invariance`.
        start: Images seen before `invariance` begins: an encoder has to learn first.
    """

    def __init__(
        self, inference: BiGAN, learner: SemiSupervised, invariance: Invariance, start: int = 0
    ) -> None:
        super().__init__()
        self.inference, self.learner = inference, learner
        self.invariance, self.start = invariance, start
        learner.penalty = self._penalty

    def round(self, stream: Any) -> Round:
        """A round of each, on the same images; logs of the first begin with `inference`."""
        drawn = next(stream)
        self.learner.seen = self.seen
        for move in self.inference.round(iter([drawn["first"]])):
            yield move._replace(log={f"inference_{k}": v for k, v in move.log.items()})
        yield from self.learner.round(iter([drawn]))

    def _penalty(self, discriminator: Player, real: Tensor) -> Tensor | float:
        if self.seen < self.start:
            return 0.0
        return self.invariance(self.inference.codec(), discriminator, real)

    @property
    def generator(self) -> Player:
        """Who draws the samples."""
        return self.learner.generator

    @property
    def prior(self) -> Prior:
        """Where the latents of samples come from."""
        return self.learner.prior

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """As `Generates.sample` says."""
        return self.learner.sample(n, seed, label, truncation)

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """As `Decodes.latents` says."""
        return self.learner.latents(n, seed, truncation)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """As `Decodes.decode` says, of the learner's latents."""
        return self.learner.decode(z, label)

    def classify(self, x: Tensor) -> Tensor:
        """As `Classifies.classify` says."""
        return self.learner.classify(x)

    def encode(self, x: Tensor) -> Tensor:
        """The BiGAN's codes of samples."""
        return self.inference.encode(x)

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the BiGAN rebuilds."""
        return self.inference.reconstruct(x)

    def codec(self) -> Codec:
        """The BiGAN's networks."""
        return self.inference.codec()


# lambda_1 E_x sum_{v in T_x} |J_c(x) v|^2 + lambda_2 E_x |J_c(x)|_F^2
def along_tangents(
    weight: float, jacobian_weight: float, tangents: Tangents, k: int, images: int
) -> Invariance:
    """What it costs a discriminator if class logits c change along tangents, or along any way.

    Arguments:
        weight, jacobian_weight: lambda_1 and lambda_2.
        k: How many `tangents` of an image.
        images: How many of a batch are looked at: a Jacobian costs a backward pass for each entry
            of a code.
    """

    def invariance(codec: Codec, discriminator: Player, real: Tensor) -> Tensor:
        x = real[:images].float()
        with torch.autocast(x.device.type, enabled=False), in_eval_mode(discriminator.net) as net:
            classify = lambda x: net(x, None)[0]  # noqa: E731
            along = tangent_penalty(classify, x, tangents(codec, x, k).detach())
            return (weight * along + jacobian_weight * jacobian_penalty(classify, x)).mean()

    return invariance


@contextmanager
def in_eval_mode(net: nn.Module) -> Iterator[nn.Module]:
    """Noise and dropout would change logits more than a tangent does; batch norm mixes images."""
    training = net.training
    net.eval()
    try:
        yield net
    finally:
        net.train(training)
