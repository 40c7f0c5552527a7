"""BigBiGAN's turns: a BiGAN whose discriminator also judges samples and codes by themselves.

Donahue and Simonyan 2019, arXiv:1907.02544. Its discriminator gives each pair T scores [N, T]: s_x
of the sample, s_z of the code, s_xz of both, as far as they are there.
"""

from typing import Any

import torch
from torch import Tensor

from ..game import Move, Round
from ..losses import HINGE
from .bigan import BiGAN, Turns
from .outputs import in_full


def in_terms(steps: int = 1) -> Turns:
    """The discriminator moves k times, on batches of its own; then encoder and generator do."""

    def turns(game: BiGAN, stream: Any) -> Round:
        for _ in range(steps):
            x, _ = next(stream)
            with torch.no_grad():
                pairs = game.pairs(x, game.prior(len(x), game.device))
            real, fake = (in_full(game.discriminator(*pair)) for pair in pairs)
            loss = discriminator_loss(real, fake)
            log = {"discriminator": loss.mean(), "real": real.mean(), "fake": fake.mean()}
            yield Move(game.discriminator, loss, log)

        pairs = game.pairs(x, game.prior(len(x), game.device))
        real, fake = (in_full(game.discriminator.frozen(*pair)) for pair in pairs)
        loss = codec_loss(real, fake)
        yield Move((game.encoder, game.generator), loss, {"codec": loss.mean()})

    return turns


# L_D = E sum_t h(s_t(x, E(x))) + E sum_t h(-s_t(G(z), z)),   h(t) = max(0, 1 - t)
def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator descends: [N, T] twice -> [N]. Each score has a hinge of its own."""
    return HINGE.discriminator(real, fake).sum(1)


# L_EG = E sum_t s_t(x, E(x)) - E sum_t s_t(G(z), z)
def codec_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What encoder and generator descend: [N, T] twice -> [N]. Nothing is hinged."""
    return (real - fake).sum(1)
