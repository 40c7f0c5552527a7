"""Every recipe by name: a row a preset. Nothing here imports torch."""

from ..recipe import Recipe
from .bigan import PRESETS as _BIGAN
from .classifier import PRESETS as _CLASSIFIER
from .dcgan import PRESETS as _DCGAN
from .gan import PRESETS as _GAN
from .semi_supervised import PRESETS as _SEMI_SUPERVISED
from .tangents import PRESETS as _TANGENTS
from .toys import PRESETS as _TOYS
from .upsample import PRESETS as _UPSAMPLE

RECIPES: dict[str, Recipe] = {
    **_GAN,
    **_DCGAN,
    **_UPSAMPLE,
    **_BIGAN,
    **_SEMI_SUPERVISED,
    **_TANGENTS,
    **_CLASSIFIER,
    **_TOYS,
}

__all__ = ["RECIPES"]
