"""How a number went: what it ended at, and since when."""

import torch
from torch import Tensor

from .evidence import Evidence
from .log import LOSS, Log

LINES = 8
"""Lines of a log below which nothing is said about how it went."""
WINDOW = 5
"""Lines whose median is taken: a line tells one batch, and batches differ."""


def smooth(values: Tensor) -> Tensor:
    """The median of each line and the four before it, as far as there are any: [L] to [L]."""
    padded = torch.cat([values[:1].expand(WINDOW - 1), values])
    return padded.unfold(0, WINDOW, 1).nanmedian(1).values


def last(values: Tensor) -> float:
    """The median over the last quarter of the lines; NaN if they tell nothing."""
    return values[-max(1, len(values) // 4) :].nanmedian().item()


def since(log: Log, condition: Tensor) -> int | None:
    """From which clock on a condition [L] held to the end; None if it does not hold there."""
    held = condition.flip(0).int().cumprod(0).sum().item()
    return int(log.seen[len(log.seen) - int(held)]) if held else None


def resistance(evidence: Evidence) -> Tensor | None:
    """The discriminator's loss on its scale: 0 where it wins outright, 1 where it tells nothing.

    Above 1 it does worse than if it were silent. None if the log or the scale is missing. [L]
    """
    log, scale = evidence.log, evidence.scale
    if scale is None or not log.tells(LOSS) or len(log.seen) < LINES:
        return None
    return (log.column(LOSS) - scale.least) / (scale.silent - scale.least)
