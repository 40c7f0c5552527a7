"""Every recipe by name: a row a preset. Nothing here imports torch."""

from ..recipe import Recipe
from .bigan import PRESETS as _BIGAN
from .bigbigan import PRESETS as _BIGBIGAN
from .biggan import PRESETS as _BIGGAN
from .cgan import PRESETS as _CGAN
from .classifier import PRESETS as _CLASSIFIER
from .cyclegan import PRESETS as _CYCLEGAN
from .dcgan import PRESETS as _DCGAN
from .egan import PRESETS as _EGAN
from .gan import PRESETS as _GAN
from .glow import PRESETS as _GLOW
from .improved import PRESETS as _IMPROVED
from .infogan import PRESETS as _INFOGAN
from .lsgan import PRESETS as _LSGAN
from .penalised import PRESETS as _PENALISED
from .pix2pix import PRESETS as _PIX2PIX
from .pixelcnn import PRESETS as _PIXELCNN
from .progressive import PRESETS as _PROGRESSIVE
from .r3gan import PRESETS as _R3GAN
from .relativistic import PRESETS as _RELATIVISTIC
from .semi_supervised import PRESETS as _SEMI_SUPERVISED
from .sngan import PRESETS as _SNGAN
from .stylegan import PRESETS as _STYLEGAN
from .tangents import PRESETS as _TANGENTS
from .toys import PRESETS as _TOYS
from .unrolled import PRESETS as _UNROLLED
from .upsample import PRESETS as _UPSAMPLE
from .vae import PRESETS as _VAE
from .vqvae import PRESETS as _VQVAE
from .wasserstein import PRESETS as _WASSERSTEIN

RECIPES: dict[str, Recipe] = {
    **_GAN,
    **_DCGAN,
    **_UPSAMPLE,
    **_LSGAN,
    **_WASSERSTEIN,
    **_PENALISED,
    **_RELATIVISTIC,
    **_IMPROVED,
    **_INFOGAN,
    **_UNROLLED,
    **_EGAN,
    **_BIGAN,
    **_CYCLEGAN,
    **_PIX2PIX,
    **_CGAN,
    **_SNGAN,
    **_BIGGAN,
    **_BIGBIGAN,
    **_R3GAN,
    **_PROGRESSIVE,
    **_STYLEGAN,
    **_SEMI_SUPERVISED,
    **_TANGENTS,
    **_CLASSIFIER,
    **_VAE,
    **_PIXELCNN,
    **_GLOW,
    **_VQVAE,
    **_TOYS,
}

__all__ = ["RECIPES"]
