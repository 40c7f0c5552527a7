"""A codebook that follows the vectors which it stands for: no player moves it, averages do."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..labels import one_hot


class Use(NamedTuple):
    """In what share of places each code is the nearest, and these places' vectors."""

    share: Tensor  # n_k, [K]
    total: Tensor  # their sum, over the number of all places, [K, E]


class Codebook(nn.Module):
    """K vectors in E dimensions, each the running mean of what is nearest to it.

        N_k <- g N_k + (1 - g) n_k      m_k <- g m_k + (1 - g) sum of z nearest to k
        e_k = m_k / N_k,   with a little more under the line, so that no code is divided by nothing

    Van den Oord et al. 2017, arXiv:1711.00937, appendix A.1. Counts are shares of all places, so
    that neither the batch nor the number of processes matters. A code that hardly anything is
    nearest to goes to where much is, and shares that: without, a few codes take all, at first
    because they lie nearest to a cloud that moves (restarts: Dhariwal et al. 2020,
    arXiv:2005.00341; splitting: Linde, Buzo and Gray 1980).

    Arguments:
        decay: g.
        least: Share below which a code is moved, in shares of one code of K used alike.
    """

    def __init__(
        self, codes: int, dimensions: int, decay: float = 0.99, least: float = 0.1
    ) -> None:
        super().__init__()
        self.decay, self.least = decay, least / codes
        self.vectors = nn.Buffer(torch.randn(codes, dimensions))
        self.share = nn.Buffer(torch.full((codes,), 1 / codes))
        self.total = nn.Buffer(self.vectors / codes)
        self.aside = nn.Buffer(torch.randn(codes, dimensions))  # where codes step when they split

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """The nearest code of each place: [N, E, H, W] to int64 [N, H, W]."""
        e = self.vectors
        with torch.autocast(z.device.type, enabled=False):
            # |z - e|^2 without |z|^2, which is the same for all codes
            far = e.square().sum(1) - 2 * torch.einsum("nehw,ke->nhwk", z.to(e.dtype), e)
        return far.argmin(3)

    def look_up(self, index: Tensor) -> Tensor:
        """int64 [N, H, W] to codes [N, E, H, W]."""
        return self.vectors[index].movedim(3, 1)

    @torch.no_grad()
    def use(self, z: Tensor, index: Tensor) -> Use:
        """What a batch says of the codes."""
        places = z.movedim(1, 3).flatten(0, 2).to(self.vectors.dtype)  # [N H W, E]
        nearest = one_hot(index.flatten(), len(self.share)).to(places.dtype)
        with torch.autocast(z.device.type, enabled=False):
            return Use(nearest.mean(0), nearest.T @ places / len(places))

    def averages(self) -> Use:
        """N and m as they are now, to `follow` from."""
        return Use(self.share.clone(), self.total.clone())

    def follow(self, averages: Use, use: Use) -> None:
        """Moves from what the averages were towards the use of a whole batch."""
        pairs = zip(averages, use, strict=True)
        self.become(Use(*(a.lerp(b.to(a.dtype), 1 - self.decay) for a, b in pairs)))

    @torch.no_grad()
    def become(self, averages: Use) -> None:
        """Sets averages, and by them the codes."""
        share, total = self._split(averages)
        self.share.copy_(share)
        self.total.copy_(total)
        few, whole = 1e-7, self.share.sum()
        smooth = (self.share + few) / (whole + few * len(self.share)) * whole  # Laplace's
        self.vectors.copy_(self.total / smooth[:, None])

    def _split(self, averages: Use) -> Use:
        """Each idle code shares the place of a busy one, the idlest that of the busiest.

        A function of the averages alone: the same in copies of a round and on all processes.
        """
        share, total = averages.share.clone(), averages.total.clone()
        order, half = share.argsort(descending=True), len(share) // 2
        busy, idle = order[:half], order.flip(0)[:half]
        moves = (share[idle] < self.least) & (share[busy] > 4 * self.least)
        part, place = share[busy] / 2, total[busy] / share[busy, None]
        step = 0.01 * place.square().mean(1, keepdim=True).sqrt() * self.aside[idle]
        for codes, to in ((idle, place + step), (busy, place - step)):
            total[codes] = torch.where(moves[:, None], part[:, None] * to, total[codes])
            share[codes] = torch.where(moves, part, share[codes])
        return Use(share, total)

    @torch.no_grad()
    def start_from(self, z: Tensor) -> None:
        """Takes K of the vectors in [N, E, H, W] for codes, drawn with repetition."""
        places = z.movedim(1, 3).flatten(0, 2).to(self.vectors.dtype)
        chosen = places[torch.randint(len(places), (len(self.share),)).to(places.device)]
        share = torch.full_like(self.share, 1 / len(self.share))
        self.become(Use(share, chosen * share[:, None]))


# exp H(share), from 1 to K
def perplexity(share: Tensor) -> Tensor:
    """How many codes are in use, were all used alike."""
    return torch.special.entr(share).sum().exp()
