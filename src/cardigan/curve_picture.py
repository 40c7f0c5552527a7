"""Fidelity against diversity as one picture: two plots, and the same latents at each value."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from . import pictures
from .curves import number
from .errors import printable

PAPER, INK, SOFT, RULE, GRID = "#fdfcf9", "#22211e", "#6d6a62", "#d9d5ca", "#ebe8df"
RAMP = LinearSegmentedColormap.from_list(
    "from few to all", ["#c98a2b", "#b4432f", "#5b3f86", "#1f5f8b"]
)
WIDTH, PLOTS, HEAD = 12.0, 4.7, 1.45  # inches: of the whole, and heights of its parts
LEFT, RIGHT = 0.065, 0.98  # of the width
COLUMNS = 12  # values that are shown by pictures
BETWEEN = 0.06  # columns, of the width of one
GAP = 1  # pixels round a picture
LABEL = (75, 27)  # pixels that a label takes,
COVERED = (95, 50)  # and within which of its point, to the right and above, it would cover others
STYLE: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 14,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


class Series(NamedTuple):
    """One figure over the values; what is not known is NaN."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    floor: float


def draw(results: Mapping[str, Any], shots: Sequence[Tensor]) -> Image.Image:
    """Precision against recall, the Fréchet distance, and pictures.

    Arguments:
        results: What `cardigan curve --json` prints.
        shots: For each value the same latents' pictures, uint8 [R, C, H, W].
    """
    what, points = results["what"], results["points"]
    values = np.array([point[what] for point in points], dtype=float)
    colours = [to_hex(RAMP(x)) for x in _unit(values)]
    precision, recall, distance = (
        _series(points, name) for name in ("precision", "recall", "frechet_distance")
    )
    shown = _spread(len(values), COLUMNS)
    strip = _strip_height([shots[i] for i in shown])
    height = HEAD + PLOTS + strip
    bottom, tall = (strip + 0.95) / height, (PLOTS - 0.95) / height
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), dpi=150, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        _head(figure, results, height)
        left = figure.add_axes((LEFT, bottom, 0.41, tall))
        right = figure.add_axes((RIGHT - 0.41, bottom, 0.41, tall))
        _against(left, recall, precision, values, colours)
        _over(right, values, distance, what, colours)
        for place, i in enumerate(shown):
            frame = _frame(place, len(shown), strip / height, height)
            _column(figure.add_axes(frame), shots[i], f"{values[i]:.3g}", colours[i])
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _head(figure: Figure, results: Mapping[str, Any], height: float) -> None:
    about, name = results["about"], printable(Path(results["run"]).resolve().name, 60)
    top = 1 - 0.48 / height
    title = f"{name}: fidelity against diversity over the {results['what']}"
    figure.text(LEFT, top, _plain(title), fontsize=22, va="center")
    told = f"{about['samples']:,} samples at each, {about['reals']:,} reals"
    network = f"; seen through {about['network']}" if about.get("network") else ""
    line = f"{told} of {printable(str(about.get('data', '')), 60)}{network}; 95 % intervals"
    figure.text(LEFT, 1 - 0.86 / height, _plain(line), color=SOFT, style="italic", va="center")


def _against(axes: Axes, x: Series, y: Series, values: np.ndarray, colours: Sequence[str]) -> None:
    """One figure against the other, with the intervals of both."""
    axes.plot(x.value, y.value, color=RULE, lw=1.6, zorder=1)
    for i, colour in enumerate(colours):
        axes.plot([x.low[i], x.high[i]], [y.value[i]] * 2, color=colour, lw=1, alpha=0.55)
        axes.plot([x.value[i]] * 2, [y.low[i], y.high[i]], color=colour, lw=1, alpha=0.55)
        axes.plot(x.value[i], y.value[i], "o", color=colour, ms=8, zorder=3)
    _reals(axes, x, y)
    _titled(axes, "Precision", "recall")
    axes.margins(0.1)
    axes.autoscale_view()  # before places are asked for
    points = np.stack([x.value, y.value], 1)
    for i in _apart(axes.transData.transform(points)):
        offset = {"xytext": (8, 7), "textcoords": "offset points"}
        label = f"{values[i]:.3g}"
        axes.annotate(label, points[i], color=colours[i], fontsize=12, zorder=4, **offset)


def _reals(axes: Axes, x: Series, y: Series) -> None:
    """Where held-out reals stand; in words where they are so far off that all would shrink."""
    if not np.isfinite([x.floor, y.floor]).all():
        return
    if _near(x) and _near(y):
        axes.plot(x.floor, y.floor, "D", mfc=PAPER, mec=SOFT, ms=8, zorder=2)
        offset = {"xytext": (0, -19), "textcoords": "offset points", "ha": "center"}
        axes.annotate("reals", (x.floor, y.floor), color=SOFT, style="italic", **offset)
    else:
        told = f"reals: precision {y.floor:.2f}, recall {x.floor:.2f}"
        place = {"transform": axes.transAxes, "ha": "right", "va": "baseline"}
        axes.text(1, 1.045, told, color=SOFT, style="italic", fontsize=13, **place)


def _near(series: Series) -> bool:
    """Whether the floor lies no further from the values than these reach."""
    low, high = np.nanmin(series.value), np.nanmax(series.value)
    reach = high - low
    return bool(low - reach <= series.floor <= high + reach)


def _apart(places: np.ndarray) -> list[int]:
    """Points whose labels cover no other label and no point; the last has the first choice.

    Arguments:
        places: In pixels, [N, 2].
    """
    kept: list[int] = []
    for i in reversed(range(len(places))):
        beside = np.delete(places, i, 0) - places[i]
        covers = ((beside > 0) & (beside < COVERED)).all(1).any()
        if not covers and all((abs(places[i] - places[j]) > LABEL).any() for j in kept):
            kept.append(i)
    return kept


def _over(axes: Axes, values: np.ndarray, y: Series, what: str, colours: Sequence[str]) -> None:
    """A figure over what was varied."""
    axes.plot(values, y.value, color=RULE, lw=1.6, zorder=1)
    for i, colour in enumerate(colours):
        axes.plot([values[i]] * 2, [y.low[i], y.high[i]], color=colour, lw=1.2, alpha=0.7)
        axes.plot(values[i], y.value[i], "o", color=colour, ms=8, zorder=3)
    axes.set_ylim(bottom=min(0.0, np.nanmin(y.value)))
    if np.isfinite(y.floor):
        axes.axhline(y.floor, color=SOFT, lw=1, ls=(0, (2, 2.5)), zorder=0)
        place = {"xytext": (0, 5), "textcoords": "offset points", "ha": "right"}
        axes.annotate("reals", (values[-1], y.floor), color=SOFT, style="italic", **place)
    _titled(axes, "Fréchet distance", what)


def _titled(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, loc="left", fontsize=15, pad=12)
    axes.set_xlabel(below, style="italic", color=SOFT)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)


def _column(axes: Axes, images: Tensor, heading: str, colour: str) -> None:
    picture = pictures.grid(images, columns=1, gap=GAP, scale=1)
    axes.imshow(np.asarray(picture.convert("RGB")), interpolation="nearest", aspect="equal")
    axes.set_axis_off()
    axes.set_title(heading, color=colour, fontsize=13, pad=4)


Box = tuple[float, float, float, float]  # left, bottom, width and height, of the whole


def _frame(place: int, count: int, tall: float, height: float) -> Box:
    """Where one column of pictures stands."""
    wide, step = _widths(count)
    return LEFT + place * step, 0.3 / height, wide, tall - 0.6 / height


def _widths(count: int) -> tuple[float, float]:
    """Of a column, and from one to the next; the last ends at the right."""
    wide = (RIGHT - LEFT) / (count + (count - 1) * BETWEEN)
    return wide, wide * (1 + BETWEEN)


def _strip_height(shots: Sequence[Tensor]) -> float:
    """Inches that columns of square pictures take over the whole width, with margins."""
    return WIDTH * _widths(len(shots))[0] * len(shots[0]) + 0.6


def _series(points: Sequence[Mapping[str, Any]], name: str) -> Series:
    def column(key: str) -> np.ndarray:
        found = (number(point[name].get(key)) for point in points)
        return np.array([np.nan if value is None else value for value in found])

    return Series(column("value"), column("low"), column("high"), column("floor")[0])


def _unit(values: np.ndarray) -> np.ndarray:
    """From the least to the greatest, as 0 to 1."""
    return (values - values.min()) / (np.ptp(values) or 1.0)


def _spread(count: int, most: int) -> list[int]:
    """At most so many of the places, evenly from the first to the last."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most)).round()})


def _plain(words: str) -> str:
    """Words that are no mathematics, whatever signs they hold."""
    return words.replace("$", r"\$")
