"""How methods learn: one file an algorithm."""

from .bigan import BiGAN
from .classification import Classification
from .ensembling import Ensemble
from .gan import GAN, alternating, simultaneous
from .heads import FORMS
from .semi_supervised import SemiSupervised, adversarial, feature_matching
from .tangents import TangentInvariant

__all__ = [
    "FORMS",
    "GAN",
    "BiGAN",
    "Classification",
    "Ensemble",
    "SemiSupervised",
    "TangentInvariant",
    "adversarial",
    "alternating",
    "feature_matching",
    "simultaneous",
]
