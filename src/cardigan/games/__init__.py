"""How methods learn: one file an algorithm."""

from .classification import Classification
from .egan import EGAN
from .ensembling import Ensemble
from .gan import GAN, alternating, simultaneous
from .heads import FORMS
from .infogan import InfoGAN
from .semi_supervised import SemiSupervised, adversarial, feature_matching
from .unrolled import unrolled

__all__ = [
    "EGAN",
    "FORMS",
    "GAN",
    "Classification",
    "Ensemble",
    "InfoGAN",
    "SemiSupervised",
    "adversarial",
    "alternating",
    "feature_matching",
    "simultaneous",
    "unrolled",
]
