"""How methods learn: one file an algorithm."""

from .classification import Classification
from .cyclegan import CycleGAN
from .ensembling import Ensemble
from .gan import GAN, alternating, simultaneous
from .heads import FORMS
from .pix2pix import Pix2Pix
from .semi_supervised import SemiSupervised, adversarial, feature_matching

__all__ = [
    "FORMS",
    "GAN",
    "Classification",
    "CycleGAN",
    "Ensemble",
    "Pix2Pix",
    "SemiSupervised",
    "adversarial",
    "alternating",
    "feature_matching",
    "simultaneous",
]
