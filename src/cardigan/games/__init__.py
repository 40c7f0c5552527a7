"""How methods learn: one file an algorithm."""

from .autoregressive import Autoregressive
from .bigan import BiGAN
from .bigbigan import in_terms
from .classification import Classification
from .constraints import clip, free
from .cyclegan import CycleGAN
from .egan import EGAN
from .ensembling import Ensemble
from .flow import Flow
from .gan import GAN, adversarial, feature_matching, regularised
from .heads import FORMS
from .infogan import InfoGAN
from .pix2pix import Pix2Pix
from .progressive import TURNED, Growth, growing
from .semi_supervised import SemiSupervised
from .standing import standing_statistics
from .stylegan import AMONG_STYLES, StyleGAN
from .tangents import TangentInvariant
from .turns import alternating, simultaneous, warmed_up
from .unrolled import unrolled
from .vae import VAE
from .vqvae import VQVAE
from .watching import singular_values_of_first_layers

__all__ = [
    "AMONG_STYLES",
    "TURNED",
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
    "Growth",
    "InfoGAN",
    "Pix2Pix",
    "SemiSupervised",
    "StyleGAN",
    "TangentInvariant",
    "adversarial",
    "alternating",
    "clip",
    "feature_matching",
    "free",
    "growing",
    "in_terms",
    "regularised",
    "simultaneous",
    "singular_values_of_first_layers",
    "standing_statistics",
    "unrolled",
    "warmed_up",
]
