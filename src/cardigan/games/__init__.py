"""How methods learn: one file an algorithm."""

from .classification import Classification
from .ensembling import Ensemble
from .gan import GAN, alternating, clip, free, simultaneous, warmed_up
from .heads import FORMS
from .semi_supervised import SemiSupervised, adversarial, feature_matching

__all__ = [
    "FORMS",
    "GAN",
    "Classification",
    "Ensemble",
    "SemiSupervised",
    "adversarial",
    "alternating",
    "clip",
    "feature_matching",
    "free",
    "simultaneous",
    "warmed_up",
]
