"""Discriminators that pay for steep slopes under the first GAN's losses."""

from dataclasses import dataclass
from typing import Any, ClassVar

from ..recipe import Training
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


# Without batch norm the discriminator learns slower: these rates make up for it. A penalty's
# gradient leaps, and under a longer memory of its squares than WGAN-GP's some games fall apart.
QUICK: dict[str, Any] = {
    "lr": 2e-3, "beta1": 0.0, "beta2": 0.9, "training": Training(images=200_000, batch=32),
}  # fmt: skip

PRESETS = {
    "dragan": DRAGAN(discriminator=Restraints(penalty="dragan"), **QUICK),
    "r1-gan": R1GAN(discriminator=Restraints(penalty="r1", penalty_weight=3.0), **QUICK),
    "roth-gan": RothGAN(
        discriminator=Restraints(penalty="roth", penalty_weight=2.0, penalty_halflife=50_000),
        **QUICK,
    ),
}
