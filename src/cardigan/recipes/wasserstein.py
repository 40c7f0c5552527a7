"""Wasserstein GANs: a critic that cannot be steep tells how far two laws lie apart."""

from dataclasses import dataclass
from typing import ClassVar

from ..recipe import Training
from .dcgan import DCGAN
from .options import Restraints


@dataclass(frozen=True, kw_only=True)
class WGAN(DCGAN):
    """WGAN: a critic with clipped weights, several moves ahead, under RMSProp."""

    paper: ClassVar[str] = "Arjovsky et al. 2017, arXiv:1701.07875"


@dataclass(frozen=True, kw_only=True)
class WGANGP(DCGAN):
    """WGAN-GP: a critic whose slope costs what it differs from one, several moves ahead."""

    paper: ClassVar[str] = "Gulrajani et al. 2017, arXiv:1704.00028"


PRESETS = {
    "wgan": WGAN(
        loss="wasserstein",
        optimizer="rmsprop",
        lr=5e-4,
        discriminator=Restraints(steps=5, early_steps=100, clip=0.01),
        training=Training(images=600_000),
    ),
    "wgan-gp": WGANGP(
        loss="wasserstein",
        lr=2e-3,
        beta1=0.0,
        beta2=0.9,
        discriminator=Restraints(steps=5, penalty="unit-slope"),
        training=Training(images=500_000, batch=32),
    ),
}
