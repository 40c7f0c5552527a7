"""Relativistic GANs: is this real more real than that fake?"""

from dataclasses import dataclass, replace
from typing import ClassVar

from .dcgan import DCGAN
from .options import Restraints
from .penalised import QUICK


@dataclass(frozen=True, kw_only=True)
class Relativistic(DCGAN):
    """Relativistic: each logit is judged beside those of the other kind, reals' by fakes'."""

    paper: ClassVar[str] = "Jolicoeur-Martineau 2018, arXiv:1807.00734"


_PLAIN = {
    "rsgan": Relativistic(relativistic="paired"),
    "rasgan": Relativistic(relativistic="average"),
    "ralsgan": Relativistic(relativistic="average", loss="centred-squares"),
    "rahinge": Relativistic(relativistic="average", loss="hinge"),
}
_PAID = {"discriminator": Restraints(penalty="unit-slope"), **QUICK}

PRESETS = _PLAIN | {f"{name}-gp": replace(recipe, **_PAID) for name, recipe in _PLAIN.items()}
