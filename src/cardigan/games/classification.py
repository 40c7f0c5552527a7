"""One player that only classifies: the baseline of semi-supervised games, and ensembling."""

from typing import Any

from torch import Tensor

from ..game import Game, Move, Player, Round
from .ensembling import Ensemble, hold
from .heads import among_real, classified, fixed_fake, together


class Classification(Game):
    """A classifier that learns from the labelled images, and with an ensemble from all.

    Its stream is that of `SemiSupervised`.

    Arguments:
        classifier: image, None -> (logits [N, K], features [N, F]).
        ensemble: Of earlier predictions, to which later ones are held; None for labels alone.
    """

    def __init__(self, classifier: Player, ensemble: Ensemble | None = None) -> None:
        super().__init__()
        self.classifier, self.ensemble = classifier, ensemble

    def round(self, stream: Any) -> Round:
        """The classifier moves."""
        drawn = next(stream)
        (image, number), labelled = drawn["first"], drawn["labelled"]
        others = [] if self.ensemble is None else [image]
        seen = together(self.classifier, fixed_fake, labelled.image, *others)
        loss = among_real(seen[0].judged, labelled.label)
        held, learn = hold(self.ensemble, seen[-1].judged.classes, number, self.seen)
        yield Move(self.classifier, loss + held, {"classifier": loss.mean()})
        learn()

    def classify(self, x: Tensor) -> Tensor:
        """As `Classifies.classify` says."""
        return classified(self.classifier, fixed_fake, x)
