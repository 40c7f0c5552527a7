"""Samples that are decoded draws from a prior: what games without labels have in common."""

from abc import abstractmethod

from torch import Tensor

from ..game import Game
from ..priors import Prior
from ..randomness import seeded


class FromPrior(Game):
    """A game that makes samples of latents [N, Z], and knows no labels.

    Attributes:
        prior: Where latents come from.
    """

    prior: Prior

    @abstractmethod
    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """As `Decodes.decode` says."""

    def sample(
        self,
        n: int,
        seed: int | None = None,
        label: int | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Tensor:
        """As `Generates.sample` says."""
        return self.decode(self.latents(n, seed, truncation))

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        """As `Decodes.latents` says."""
        with seeded(seed, self.device):
            return self.truncation.draw(self, n, truncation)
