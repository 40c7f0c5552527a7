"""Semi-supervised GANs: a discriminator that learns to classify from few labels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from .few_labels import FewLabels, classifier, ensemble

if TYPE_CHECKING:
    from torch import nn

    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class SemiSupervised(FewLabels):
    """A GAN whose discriminator classifies, too: few images have labels, all are real."""

    paper: ClassVar[str] = "Odena 2016, arXiv:1606.01583; Salimans et al. 2016, arXiv:1606.03498"
    can: ClassVar[tuple[str, ...]] = ("sample", "decode", "classify")
    least: ClassVar[int] = 2

    form: Literal["fake-class", "two-heads", "fixed-fake"] = "fake-class"
    """A softmax with a class FAKE, a sigmoid beside the softmax, or FAKE at a logit of 0."""
    generator_loss: Literal["adversarial", "feature-matching"] = "adversarial"
    """What the generator descends: -log p(real), or the distance of mean features."""
    weight: float = 1.0
    """Of telling real from fake, beside the labelled images."""
    latents: int = 100
    """Size of the latent vector."""
    generator_lr: float = 8e-4
    """Learning rate of the generator."""
    statistics: Literal["apart", "together"] = "apart"
    """Batch norm in the discriminator: statistics of labelled, unlabelled and drawn images each,
    or of all. Feature matching wants those of all: by its own, each has nearly the same means."""
    distorted: float = 0.0
    """Blends of two reals are fakes, too; what the second counts, up to 0.5; 0 for no blends."""

    def game(self) -> "Game":
        """A generator against a classifier."""
        from .. import games, optimizers, priors
        from ..game import Player
        from ..games import heads, semi_supervised

        adam = optimizers.adam(self.beta1)
        form = games.FORMS[self.form]
        losses = {
            "adversarial": semi_supervised.adversarial(),
            "feature-matching": semi_supervised.feature_matching,
        }
        return games.SemiSupervised(
            Player(_generator(self), adam, self.generator_lr, self.ema_halflife),
            Player(classifier(self, form.more), adam, self.lr, self.ema_halflife),
            priors.uniform(self.latents),
            form,
            self.weight,
            losses[self.generator_loss],
            ensemble(self),
            look={"apart": heads.apart, "together": heads.together}[self.statistics],
            distort=semi_supervised.blend(self.distorted) if self.distorted else None,
        )

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        yield from super().problems()
        if self.latents < 1:
            yield f"latents must be at least 1, got {self.latents}"
        if not 0 < self.weight < 1e6:
            yield f"weight must lie in (0, 1e6), got {self.weight}"
        if not 0 < self.generator_lr < 1:
            yield f"generator_lr must lie in (0, 1), got {self.generator_lr}"
        if not 0 <= self.distorted <= 0.5:
            yield f"distorted must lie in [0, 0.5], got {self.distorted}"


def _generator(recipe: SemiSupervised) -> "nn.Module":
    from ..nets.classifying import DenseGenerator
    from ..nets.dcgan import Generator

    size, channels = recipe.size, recipe.channels
    return {
        "convolutional": lambda: Generator(recipe.latents, size, channels, recipe.width),
        "dense": lambda: DenseGenerator(recipe.latents, (channels, size, size)),
    }[recipe.networks]()


# Salimans et al. halve both terms of real against fake.
_SALIMANS = SemiSupervised(
    form="fixed-fake", generator_loss="feature-matching", weight=0.5, statistics="together"
)

PRESETS = {
    "sgan": SemiSupervised(),
    "sgan-two-heads": SemiSupervised(form="two-heads"),
    "feature-matching": _SALIMANS,
    "feature-matching-ensembling": replace(_SALIMANS, consistency=30.0),
}
