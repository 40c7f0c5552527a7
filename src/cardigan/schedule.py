"""Values that change as training goes on: functions of the number of images seen."""

from collections.abc import Callable
from math import cos, exp, pi

Schedule = Callable[[int], float]


def constant(value: float) -> Schedule:
    """Always `value`."""
    return lambda seen: value


def linear(start: float, end: float, over: float) -> Schedule:
    """From `start` to `end` over the first `over` images, then `end`."""
    return lambda seen: start + (end - start) * min(seen / over, 1.0)


def held(schedule: Schedule, over: int) -> Schedule:
    """The schedule's first value for `over` images, then the schedule from its beginning."""
    return lambda seen: schedule(max(seen - over, 0))


def cosine(start: float, end: float, over: float) -> Schedule:
    """From `start` to `end` along half a cosine over the first `over` images, then `end`."""
    return lambda seen: end + (start - end) * (1 + cos(pi * min(seen / over, 1.0))) / 2


def exponential(start: float, halflife: float, floor: float = 0.0) -> Schedule:
    """Halves every `halflife` images, down to `floor`."""
    return lambda seen: max(start * 0.5 ** (seen / halflife), floor)


def falling(start: float, end: float, over: float) -> Schedule:
    """From `start` to `end` in equal ratios over the first `over` images, then `end`."""
    return lambda seen: start * (end / start) ** min(seen / over, 1.0)


def warmup(schedule: Schedule, over: float) -> Schedule:
    """Rises from nothing to `schedule` over the first `over` images."""
    return lambda seen: schedule(seen) * min(seen / over, 1.0)


def rampup(value: float, over: float) -> Schedule:
    """exp(-5 (1 - T)^2) of `value`, T from 0 to 1 over the first `over` images; then `value`.

    Laine and Aila 2017, arXiv:1610.02242.
    """
    return lambda seen: value * exp(-5 * (1 - min(seen / over, 1.0)) ** 2)
