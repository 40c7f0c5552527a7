"""Every recipe by name: a row a preset. Nothing here imports torch."""

from ..recipe import Recipe
from .cgan import PRESETS as _CGAN
from .classifier import PRESETS as _CLASSIFIER
from .dcgan import PRESETS as _DCGAN
from .gan import PRESETS as _GAN
from .semi_supervised import PRESETS as _SEMI_SUPERVISED
from .sngan import PRESETS as _SNGAN
from .toys import PRESETS as _TOYS
from .upsample import PRESETS as _UPSAMPLE

RECIPES: dict[str, Recipe] = {
    **_GAN,
    **_DCGAN,
    **_UPSAMPLE,
    **_CGAN,
    **_SNGAN,
    **_SEMI_SUPERVISED,
    **_CLASSIFIER,
    **_TOYS,
}

__all__ = ["RECIPES"]
