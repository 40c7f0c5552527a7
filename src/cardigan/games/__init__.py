"""How methods learn: one file an algorithm."""

from .autoregressive import Autoregressive
from .bigan import BiGAN
from .classification import Classification
from .cyclegan import CycleGAN
from .egan import EGAN
from .ensembling import Ensemble
from .flow import Flow
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
from .semi_supervised import SemiSupervised
from .tangents import TangentInvariant
from .unrolled import unrolled
from .vae import VAE
from .vqvae import VQVAE

__all__ = [
    "EGAN",
    "FORMS",
    "GAN",
    "VAE",
    "VQVAE",
    "Autoregressive",
    "BiGAN",
    "Classification",
    "CycleGAN",
    "Ensemble",
    "Flow",
    "InfoGAN",
    "Pix2Pix",
    "SemiSupervised",
    "TangentInvariant",
    "adversarial",
    "alternating",
    "clip",
    "feature_matching",
    "free",
    "simultaneous",
    "unrolled",
    "warmed_up",
]
