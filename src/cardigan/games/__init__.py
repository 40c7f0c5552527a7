"""How methods learn: one file an algorithm."""

from .bigan import BiGAN
from .classification import Classification
from .cyclegan import CycleGAN
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
from .pix2pix import Pix2Pix
from .progressive import Growth, growing, turned
from .semi_supervised import SemiSupervised
from .stylegan import StyleGAN, among_styles
from .tangents import TangentInvariant
from .unrolled import unrolled

__all__ = [
    "EGAN",
    "FORMS",
    "GAN",
    "BiGAN",
    "Classification",
    "CycleGAN",
    "Ensemble",
    "Growth",
    "InfoGAN",
    "Pix2Pix",
    "SemiSupervised",
    "StyleGAN",
    "TangentInvariant",
    "adversarial",
    "alternating",
    "among_styles",
    "clip",
    "feature_matching",
    "free",
    "growing",
    "simultaneous",
    "turned",
    "unrolled",
    "warmed_up",
]
