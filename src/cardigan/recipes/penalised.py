"""Discriminators that pay for steep slopes under the first GAN's losses."""

from dataclasses import dataclass
from typing import ClassVar

from .dcgan import DCGAN
from .options import Restraints


@dataclass(frozen=True, kw_only=True)
class DRAGAN(DCGAN):
    """DRAGAN: the discriminator's slope near the data costs what it differs from one."""

    paper: ClassVar[str] = "Kodali et al. 2017, arXiv:1705.07215"


@dataclass(frozen=True, kw_only=True)
class R1GAN(DCGAN):
    """R1: the discriminator's slope at the data costs its square; R2 is an option."""

    paper: ClassVar[str] = "Mescheder et al. 2018, arXiv:1801.04406"


@dataclass(frozen=True, kw_only=True)
class RothGAN(DCGAN):
    """Roth's: what noise on the discriminator's inputs would do, paid without drawing any."""

    paper: ClassVar[str] = "Roth et al. 2017, arXiv:1705.09367"


PRESETS = {
    "dragan": DRAGAN(discriminator=Restraints(penalty="dragan")),
    "r1-gan": R1GAN(discriminator=Restraints(penalty="r1")),
    "roth-gan": RothGAN(
        discriminator=Restraints(penalty="roth", penalty_weight=2.0, penalty_halflife=50_000)
    ),
}
