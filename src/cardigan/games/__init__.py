"""How methods learn: one file an algorithm."""

from .classification import Classification
from .egan import EGAN
from .ensembling import Ensemble
from .gan import (
    GAN,
    adversarial,
    alternating,
    clip,
    feature_matching,
    free,
    simultaneous,
    warmed_up,
)
from .heads import FORMS
from .infogan import InfoGAN
from .semi_supervised import SemiSupervised
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
    "clip",
    "feature_matching",
    "free",
    "simultaneous",
    "unrolled",
    "warmed_up",
]
