"""Curves of numbers over the images seen, laid out for an SVG whose look the page decides."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator

WIDTH, HEIGHT = 420, 200  # the frame, in the SVG's units
POINTS = 120  # that a curve is thinned out to
GREATEST = 1e250  # that a number may be: means of more could overflow
STEPS = (1, 2, 5, 10)  # between ticks, times a power of ten

Points = list[tuple[float, float]]  # images seen, value

# What belongs into one frame, by the last part of a name; all else has a frame of its own.
FRAMES = {
    "discriminator": "Losses",
    "generator": "Losses",
    "real": "Logits",
    "fake": "Logits",
    "gradient": "Gradient norms",
    "sigma_0": "Singular values, the largest",
    "sigma_1": "Singular values, the second",
    "sigma_2": "Singular values, the third",
    "survives": "Survivors by mutation",
    "images_per_second": "Images per second",
}
ORDER = {frame: place for place, frame in enumerate(dict.fromkeys(FRAMES.values()))}
ELSEWHERE = ORDER[FRAMES["gradient"]] + 0.5  # speed comes last


class Curve(NamedTuple):
    """A line through means, in a band from the least to the greatest value around each."""

    name: str
    line: str  # SVG points
    band: str
    last: float


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    text: str


class Plot(NamedTuple):
    """A frame with its curves."""

    title: str
    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def number(value: Any) -> float | None:
    """A number as a float that sums do not overflow; None for all else that JSON may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < GREATEST else None


def plots(log: Iterable[Mapping[str, Any]]) -> list[Plot]:
    """One plot a kind of number: losses, logits, gradient norms and so on.

    Arguments:
        log: Lines with the images `seen`; the last of those with equal `seen` counts.
    """
    lines = {seen: line for line in log if (seen := number(line.get("seen"))) is not None}
    names = dict.fromkeys(n for line in lines.values() for n in line)
    frames: dict[str, dict[str, Points]] = {}
    for name in sorted(names.keys() - {"seen", "seconds"}):
        values = ((seen, number(line.get(name))) for seen, line in sorted(lines.items()))
        if points := [(seen, value) for seen, value in values if value is not None]:
            frames.setdefault(_frame(name, names), {})[name] = points
    shown = [plot(title, curves) for title, curves in frames.items()]
    return sorted(shown, key=lambda p: (ORDER.get(p.title, ELSEWHERE), p.title))


def plot(title: str, curves: Mapping[str, Points]) -> Plot:
    """Curves in one frame, whose axes begin at zero if no value is below it."""
    thin = {name: _thin(np.array(points, dtype=float)) for name, points in curves.items()}
    right = max(points[-1][0] for points in curves.values()) or 1.0
    low, high = _limits(np.concatenate([t[:, 1] for t in thin.values()]))
    x_ticks = [
        Tick(round(x / right * WIDTH, 1), _images(x))
        for x in _between(0, right, MaxNLocator(6, steps=STEPS))
    ]
    y_ticks = [
        Tick(round(_height(y, low, high), 1), f"{y:,.6g}".replace("-", "−"))
        for y in _between(low, high, MaxNLocator(5, steps=STEPS))
    ]
    drawn = [
        Curve(
            name,
            _path(t[:, 0] / right, _height(t[:, 1], low, high)),
            _path(
                np.concatenate([t[:, 0], t[::-1, 0]]) / right,
                _height(np.concatenate([t[:, 2], t[::-1, 3]]), low, high),
            ),
            curves[name][-1][1],
        )
        for name, t in thin.items()
    ]
    return Plot(title, drawn, x_ticks, y_ticks)


def _frame(name: str, names: Iterable[str]) -> str:
    """A player's loss has its player's name, known by the norm of that player's gradient."""
    known = FRAMES.get(name.rpartition("/")[2])
    return known or (FRAMES["generator"] if f"{name}/gradient" in names else name)


def _thin(points: np.ndarray) -> np.ndarray:
    """[n, 2] to at most POINTS rows of mean x, mean y, least y, greatest y."""
    parts = np.array_split(points, min(len(points), POINTS))
    return np.array([[*p.mean(0), p[:, 1].min(), p[:, 1].max()] for p in parts])


def _limits(means: np.ndarray) -> tuple[float, float]:
    low, high = min(means.min(), 0 if means.min() >= 0 else np.inf), means.max()
    margin = (high - low) * 0.06 or abs(high) * 0.5 or 1.0
    return low - (margin if low else 0), high + margin


def _height(y: Any, low: float, high: float) -> Any:
    return (high - y) / (high - low) * HEIGHT


def _between(low: float, high: float, locator: MaxNLocator) -> list[float]:
    return [float(t) for t in locator.tick_values(low, high) if low <= t <= high]


def _images(x: float) -> str:
    return EngFormatter(sep="")(x)


def _path(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a * WIDTH:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
