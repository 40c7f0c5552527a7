"""LSGAN: least squares instead of logarithms."""

from dataclasses import dataclass
from typing import ClassVar

from .dcgan import DCGAN


@dataclass(frozen=True, kw_only=True)
class LSGAN(DCGAN):
    """DCGAN under least squares: logits are pulled to codes, and no gradient saturates."""

    paper: ClassVar[str] = "Mao et al. 2017, arXiv:1611.04076"


PRESETS = {"lsgan": LSGAN(loss="least-squares")}
