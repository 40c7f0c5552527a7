"""Laws that networks tell: of images given their latents, and of latents given their images."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .levels import spread


class Gaussian(NamedTuple):
    """N(mean, variance), each value by itself."""

    mean: Tensor  # [N, ...]
    log_variance: Tensor  # of the same shape, or one that spreads to it

    @property
    def image(self) -> Tensor:
        """The most likely image, where it is a law of images."""
        return self.mean.clamp(-1, 1)

    # log p = -1/2 sum_i [log 2 pi v_i + (x_i - m_i)^2 / v_i]
    def log_prob(self, x: Tensor) -> Tensor:
        """Nats of x [N, ...] as a density: [N]."""
        scale = math.log(2 * math.pi) + self.log_variance
        return -(scale + (x - self.mean) ** 2 / self.log_variance.exp()).flatten(1).sum(1) / 2

    # The density's mean over a byte is at least as far down in logarithms as its logarithm's mean.
    def log_prob_of_bytes(self, x: Tensor) -> Tensor:
        """Nats of bytes that lie in [-1, 1]: [N]; a bound, in which noise fills a grey level.

        Uria et al. 2013, arXiv:1306.0186; Theis et al. 2016, arXiv:1511.01844, section 3.1.
        """
        width = 2 / 255
        noisy = x + width * (torch.rand_like(x) - 0.5)
        return self.log_prob(noisy) + x[0].numel() * math.log(width)

    # KL(q || N(0, I)) = 1/2 sum_j (m_j^2 + v_j - 1 - log v_j)
    def divergence(self) -> Tensor:
        """How far it is from the standard normal law, in nats: [N]."""
        m, log_v = self.mean, self.log_variance
        return (m**2 + log_v.exp() - 1 - log_v).flatten(1).sum(1) / 2


class Binary(NamedTuple):
    """White with probability sigmoid(logit), else black, each value by itself."""

    logits: Tensor  # [N, C, H, W]

    @property
    def image(self) -> Tensor:
        """How white each value is on average."""
        return self.logits.sigmoid() * 2 - 1

    # log p = sum_i x_i log p_i + (1 - x_i) log(1 - p_i)
    def log_prob(self, x: Tensor) -> Tensor:
        """Nats of x [N, C, H, W], of which the brighter half counts as white: [N]."""
        return logsigmoid(torch.where(x > 0, self.logits, -self.logits)).flatten(1).sum(1)

    def log_prob_of_bytes(self, x: Tensor) -> Tensor:
        """Nats of bytes that lie in [-1, 1], all of a half being as likely: [N]."""
        return self.log_prob(x) - x[0].numel() * spread(2)
