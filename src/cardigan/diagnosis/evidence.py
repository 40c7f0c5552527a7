"""What a diagnosis looks at: a log, samples beside reals, and what the discriminator says."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..data.dataset import Modes
from ..losses import AdversarialLoss
from ..metrics.looking import Looked
from .log import Log


class Scale(NamedTuple):
    """Between which values a discriminator's loss moves, whatever the loss is called."""

    least: float  # where it wins outright
    silent: float  # the least that it gets if it answers the same to everything


class Judged(NamedTuple):
    """Logits of the discriminator as it trains."""

    train: Tensor  # float64 [N], of reals that it learnt from
    held_out: Tensor  # [M], of reals that it never saw
    fake: Tensor  # [K], of samples


class Evidence(NamedTuple):
    """All that symptoms look at; what a run does not have is None, and they pass it over."""

    log: Log
    scale: Scale | None = None
    samples: Looked | None = None
    reals: Looked | None = None  # held-out ones where the data have them, as many as samples
    trained: Tensor | None = None  # [K], share of each class in the training data
    classes: tuple[str, ...] = ()  # of the probabilities, where the classifier knows the data
    modes: Modes | None = None  # of a toy
    judged: Judged | None = None
    seen: int | None = None  # the clock of the samples


def scale_of(loss: AdversarialLoss, reach: float = 20.0) -> Scale | None:
    """The scale of a loss, by its values at logits up to `reach` on both sides.

    None if it falls without end, as Wasserstein's does: then no value means victory.
    """
    least, further = _least(loss, reach), _least(loss, 2 * reach)
    axis = torch.linspace(-reach, reach, 401, dtype=torch.float64)
    silent = loss.discriminator(axis, axis).min().item()
    falls = least - further > 0.01 * (silent - least)
    return None if falls or not silent > least else Scale(least, silent)


def _least(loss: AdversarialLoss, reach: float) -> float:
    axis = torch.linspace(-reach, reach, 401, dtype=torch.float64)
    real, fake = torch.meshgrid(axis, axis, indexing="ij")
    return loss.discriminator(real, fake).min().item()
