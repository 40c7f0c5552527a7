"""Every recipe by name: a row a preset. Nothing here imports torch."""

from ..recipe import Recipe
from .classifier import PRESETS as _CLASSIFIER
from .cyclegan import PRESETS as _CYCLEGAN
from .dcgan import PRESETS as _DCGAN
from .gan import PRESETS as _GAN
from .pix2pix import PRESETS as _PIX2PIX
from .semi_supervised import PRESETS as _SEMI_SUPERVISED
from .toys import PRESETS as _TOYS
from .upsample import PRESETS as _UPSAMPLE

RECIPES: dict[str, Recipe] = {
    **_GAN,
    **_DCGAN,
    **_UPSAMPLE,
    **_CYCLEGAN,
    **_PIX2PIX,
    **_SEMI_SUPERVISED,
    **_CLASSIFIER,
    **_TOYS,
}

__all__ = ["RECIPES"]
