"""Variational autoencoders: an encoder and a decoder that climb a bound on log p(x) together."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..abilities import Codec
from ..data.stream import as_floats
from ..game import Move, Player, Round
from ..laws import Gaussian
from ..levels import BYTES
from ..priors import Prior
from .outputs import in_full, in_parts
from .sampling import FromPrior

TOGETHER = 1_024  # latents that are decoded at once where images have many


class Encoded(NamedTuple):
    """What encoder and decoder say of images x."""

    posterior: Gaussian  # q(z | x), [N, Z]
    z: Tensor  # drawn from it, [N, K, Z]
    likelihood: Tensor  # log p(x | z), [N, K]


Bound = Callable[[Encoded], Tensor]  # at most log p(x), [N]


class VAE(FromPrior):
    """Auto-encoding variational Bayes (Kingma and Welling 2013, arXiv:1312.6114, section 2).

    Arguments:
        encoder: x, None, K -> q(z | x), z [N, K, Z].
        decoder: z [N, Z] -> p(x | z), a law of `cardigan.laws`.
        prior: N(0, I), in which bounds are computed.
        bound: What both ascend: `evidence` or `importance_weighted`.
        draws: Of z, for each image of a move.
        levels: Grey levels that the decoder's law tells apart: 2 where it is of black and white.
        figure_draws: Of z, for each image whose probability is asked for.
    """

    def __init__(
        self,
        encoder: Player,
        decoder: Player,
        prior: Prior,
        bound: Bound | None = None,
        draws: int = 1,
        levels: int = BYTES,
        figure_draws: int = 64,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.prior = encoder, decoder, prior
        self.bound, self.draws = bound or evidence(), draws
        self.levels, self.figure_draws = levels, figure_draws

    def round(self, stream: Any) -> Round:
        """Both move: algorithm 1. Logs are in nats, of a density where the law is one."""
        x, _ = next(stream)
        encoded = encode(self.encoder, self.decoder, x, self.draws)
        bound = self.bound(encoded)
        log = {"bound": bound.mean(), "divergence": encoded.posterior.divergence().mean()}
        yield Move((self.encoder, self.decoder), -bound, log)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the decoder deems likely of latents [N, Z], without noise."""
        net = self.decoder.eval_net
        return in_parts(lambda z: net(z, None).image, z)

    def encode(self, x: Tensor) -> Tensor:
        """The means of q(z | x)."""
        net = self.encoder.eval_net
        return in_parts(lambda x: net(x, None)[0].mean, x)

    def reconstruct(self, x: Tensor) -> Tensor:
        """What the decoder makes of the means."""
        return self.decode(self.encode(x))

    def codec(self) -> Codec:
        """As `HasCodec.codec` says."""
        encoder, decoder = self.encoder.eval_net, self.decoder.eval_net
        return Codec(lambda x: encoder(x, None)[0].mean, lambda z: decoder(z, None).image)

    @torch.no_grad()
    def log_prob(self, x: Tensor) -> Tensor:
        """As `HasDensity.log_prob` says: the importance-weighted bound of `figure_draws` draws.

        Burda et al. 2015, arXiv:1509.00519: it rises to log p(x) with the number of draws.
        """
        nets = self.encoder.eval_net, self.decoder.eval_net
        bound = importance_weighted()

        def nats(part: Tensor) -> Tensor:
            floats = as_floats(part.to(self.device))
            return bound(encode(*nets, floats, self.figure_draws, of_bytes=True))

        return torch.cat([nats(part) for part in x.split(max(1, TOGETHER // self.figure_draws))])


def encode(
    encoder: nn.Module, decoder: nn.Module, x: Tensor, draws: int, of_bytes: bool = False
) -> Encoded:
    """Encodes images, draws latents and asks how likely these make the images.

    Arguments:
        of_bytes: Whether the images count as bytes, or as the decoder's law has it.
    """
    posterior, z = encoder(x, None, draws)
    law = decoder(z.flatten(0, 1), None)
    law = type(law)(*map(in_full, law))
    judge = law.log_prob_of_bytes if of_bytes else law.log_prob
    likelihood = judge(x.repeat_interleave(draws, 0)).unflatten(0, (-1, draws))
    return Encoded(Gaussian(*map(in_full, posterior)), in_full(z), likelihood)


# E_q log p(x | z) - beta KL(q(z | x) || p(z))
def evidence(beta: float = 1.0) -> Bound:
    """The evidence lower bound; with another beta, Higgins et al. 2017, "beta-VAE"."""
    return lambda encoded: encoded.likelihood.mean(1) - beta * encoded.posterior.divergence()


# log 1/K sum_k p(x | z_k) [p(z_k) / q(z_k | x)]^beta
def importance_weighted(beta: float = 1.0) -> Bound:
    """The bound of K draws (Burda et al. 2015, arXiv:1509.00519, equation 8)."""

    def bound(encoded: Encoded) -> Tensor:
        weights = encoded.likelihood - beta * surplus(encoded)
        return weights.logsumexp(1) - math.log(weights.shape[1])

    return bound


def surplus(encoded: Encoded) -> Tensor:
    """log q(z | x) - log p(z) of each draw: [N, K]."""
    n, draws, _ = encoded.z.shape
    z = encoded.z.flatten(0, 1)
    q = Gaussian(*(t.repeat_interleave(draws, 0) for t in encoded.posterior))
    p = Gaussian(torch.zeros_like(z), torch.zeros_like(z))
    return (q.log_prob(z) - p.log_prob(z)).unflatten(0, (n, draws))
