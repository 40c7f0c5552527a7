"""How methods learn: one file an algorithm."""

from .gan import GAN, alternating, simultaneous

__all__ = ["GAN", "alternating", "simultaneous"]
