"""Classifiers invariant to the tangents that an augmented BiGAN finds."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from ..recipe import Training
from .bigan import PRESETS as BIGANS
from .dcgan import SIZES
from .few_labels import FewLabels
from .semi_supervised import PRESETS as LEARNERS

if TYPE_CHECKING:
    from ..game import Game

SHARED = ("size", "channels", "width", "beta1", "ema_halflife", "training")
"""Fields that mean the same to both games."""


@dataclass(frozen=True, kw_only=True)
class TangentInvariant(FewLabels):
    """Feature matching from few labels, invariant to tangents that an augmented BiGAN finds."""

    paper: ClassVar[str] = "Kumar et al. 2017, arXiv:1705.08850"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "classify", "encode", "reconstruct")
    least: ClassVar[int] = 2

    latents: int = 100
    """Size of the latent vector that samples are drawn from."""
    generator_lr: float = 8e-4
    """Learning rate of the generator of samples."""
    codes: int = 32
    """Size of the augmented BiGAN's codes; it has the learning rates of augmented-bigan."""
    tangents: int = 8
    """Tangents of an image along which logits shall not change."""
    tangents_of: Literal["decoder", "encoder"] = "decoder"
    """Whose Jacobian tells them."""
    tangent_weight: float = 0.1
    """Of the squared change of logits along tangents of length 1."""
    jacobian_weight: float = 0.01
    """Of the squared change of logits along all directions."""
    invariant_images: int = 8
    """Images of each batch whose tangents are computed; more take longer."""
    start: int = 10_000
    """Images seen before invariance begins, while the encoder learns."""
    training: Training = field(default_factory=lambda: Training(images=60_000))

    def game(self) -> "Game":
        """An augmented BiGAN and a feature-matching game, side by side."""
        from ..games.bigan import BiGAN
        from ..games.semi_supervised import SemiSupervised
        from ..games.tangents import TangentInvariant, along_tangents
        from ..tangents import WAYS

        own = {f.name: getattr(self, f.name) for f in fields(FewLabels)}
        shared = {name: own[name] for name in SHARED}
        inference = replace(BIGANS["augmented-bigan"], **shared, latents=self.codes).game()
        learner = replace(
            LEARNERS["feature-matching"],
            **own, latents=self.latents, generator_lr=self.generator_lr,
        ).game()  # fmt: skip
        assert isinstance(inference, BiGAN) and isinstance(learner, SemiSupervised)
        invariance = along_tangents(
            self.tangent_weight, self.jacobian_weight,
            WAYS[self.tangents_of], self.tangents, self.invariant_images,
        )  # fmt: skip
        return TangentInvariant(inference, learner, invariance, self.start)

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.size not in (0, *SIZES):
            yield f"size must be one of {', '.join(map(str, SIZES))}, got {self.size}"
        if self.latents < 1 or not 1 <= self.tangents <= self.codes:
            yield (
                "latents must be at least 1, and tangents at least 1 and at most as many as "
                f"codes, got {self.latents}, {self.tangents} and {self.codes}"
            )
        for name in ("tangent_weight", "jacobian_weight"):
            if not 0 <= (value := getattr(self, name)) < 1e6:
                yield f"{name} must lie in [0, 1e6), got {value}"
        if self.invariant_images < 1 or self.start < 0:
            yield (
                "invariant_images must be at least 1 and start at least 0, got "
                f"{self.invariant_images} and {self.start}"
            )
        if not 0 < self.generator_lr < 1:
            yield f"generator_lr must lie in (0, 1), got {self.generator_lr}"


PRESETS = {"tangent-invariant": TangentInvariant()}
