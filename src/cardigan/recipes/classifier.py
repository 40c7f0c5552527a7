"""Classifiers without a generator: what semi-supervised games are compared with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .few_labels import FewLabels, classifier, ensemble

if TYPE_CHECKING:
    from ..game import Game


@dataclass(frozen=True, kw_only=True)
class Classifier(FewLabels):
    """A classifier of few labels: the baseline, or with temporal ensembling of all images."""

    paper: ClassVar[str] = "Laine and Aila 2017, arXiv:1610.02242"
    can: ClassVar[tuple[str, ...]] = ("classify",)
    least: ClassVar[int] = 2

    def game(self) -> "Game":
        """One player."""
        from .. import games, optimizers
        from ..game import Player

        adam = optimizers.adam(self.beta1)
        player = Player(classifier(self), adam, self.lr, self.ema_halflife)
        return games.Classification(player, ensemble(self))


PRESETS = {
    "classifier": Classifier(),
    "temporal-ensembling": Classifier(consistency=30.0),
}
