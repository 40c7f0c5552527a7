"""Growing against full size from the start: quality over seconds, and its setbacks."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import log
from pathlib import Path

from .frame import Claim, Rows, Verdict, by, every, means, paired, panels, show, told
from .growing import CLOCKS, DIRECTIONS, GROWING, IMAGES, PATCHED, STEP, N, along

GROWN, WHOLE = "growing", "full size from the start"
RECIPES = {GROWN: GROWING, WHOLE: replace(GROWING, stable_images=1, fading_images=1)}
AT = {GROWN: CLOCKS, WHOLE: tuple(range(12_500, 75_001, 12_500))}
FIGURES = {"frechet": "Fréchet distance", "swd": "sliced Wasserstein distance"}
FASTER, CALMER = 0.1, 0.0


def measure(seed: int, folder: Path) -> Rows:
    return [
        row
        for case, recipe in RECIPES.items()
        for row in along(case, recipe, seed, folder.parent, AT[case])
    ]


def reached(seconds: Sequence[float], values: Sequence[float], wanted: float) -> float:
    """When a line through values at these seconds first comes down to what is wanted."""
    if values[0] <= wanted:
        return seconds[0]
    for (s, a), (t, b) in pairwise(zip(seconds, values, strict=True)):
        if b <= wanted:
            return s + (t - s) * (a - wanted) / (a - b)
    raise AssertionError("no value is as low")


def setback(values: Sequence[float]) -> float:
    """How far the log of a distance rises, at most, above the lowest before it."""
    return max(0.0, *(log(b / min(values[:k])) for k, b in enumerate(values[1:], 1)))


def per_run(rows: Rows) -> Rows:
    """A row a seed and case: how long it takes to the last distance, and its setback.

    The last distance is the full size's, or growth's where growth ends farther away.
    """
    found = []
    for seed in by(rows, "seed", "seconds"):
        own = [r for r in rows if r["seed"] == seed]
        seconds = by(own, "case", "seconds")
        curves = {figure: by(own, "case", figure) for figure in FIGURES}
        wanted = {figure: max(v[-1] for v in of.values()) for figure, of in curves.items()}
        for case in RECIPES:
            times = {
                figure: log(reached(seconds[case], of[case], wanted[figure]))
                for figure, of in curves.items()
            }
            back = setback(curves["frechet"][case])
            found.append({"seed": seed, "case": case, "setback": back, **times})
    return found


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, full size less growth: log seconds by either distance, and setbacks."""
    runs = per_run(rows)
    return {key: paired(runs, "case", WHOLE, GROWN, key) for key in (*FIGURES, "setback")}


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    bounds = {"frechet": FASTER, "swd": FASTER, "setback": CALMER}
    said = " and ".join(f"{told(found[key])} by the {name}" for key, name in FIGURES.items())
    return Verdict(
        every((found[key], bound) for key, bound in bounds.items()),
        "the log of the seconds to the same distance, at full size from the start less growing, "
        f"is {said}, where more than {FASTER} was asked; the largest setback in the log of the "
        f"Fréchet distance is larger at full size by {told(found['setback'])}, where more than "
        f"{CALMER:g} was asked; with 95 % intervals over seeds",
    )


def table(rows: Rows) -> list[list[str]]:
    cases = [row | {"when": f"{row['case']}, {row['images']:,} images"} for row in rows]
    heading, *lines = means(cases, "when", ("seconds", *FIGURES, "recall"))
    return [["run", *heading[1:]], *lines]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    near, far, strips = panels(axes, 1.0, 1.0)
    for panel, (figure, name) in zip((near, far), FIGURES.items(), strict=True):
        for colour, case in enumerate(RECIPES):
            for k, seed in enumerate(by(rows, "seed", "seconds")):
                own = [r for r in rows if (r["seed"], r["case"]) == (seed, case)]
                x, y = ([r[key] for r in own] for key in ("seconds", figure))
                label = None if k else case
                panel.plot(x, y, "o-", color=f"C{colour}", alpha=0.6, markersize=3, label=label)
        panel.set(xlabel="seconds of training", ylabel=f"{name}, less is better", yscale="log")
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
    strips.set_axis_off()
    first = [r for r in rows if r["seed"] == rows[0]["seed"]]
    last = [[r for r in first if r["case"] == case][-k] for case in RECIPES for k in (3, 1)]
    for place, row in enumerate(last):
        panel = strips.inset_axes((0, 0.77 - 0.25 * place, 1, 0.17))
        show(panel, row["samples"], f"{row['case']}, {row['seconds']:.0f} seconds")


CLAIM = Claim(
    says="Networks that grow are stabler to train than full ones, and come faster to the same "
    "quality.",
    how=f"`progressive-gan` on Fashion-MNIST at 32 pixels. Growing: {STEP:,} images for each "
    f"level and {STEP:,} for each fade, so at full size after 75,000, for {IMAGES:,}. And the "
    f"same networks at full size from their second move on, for {AT[WHOLE][-1]:,} images, which "
    "take about as long. At six clocks of each, the seconds of training that its log tells, the "
    f"Fréchet distance of {N:,} samples in the features of the shipped classifier, and the "
    f"sliced Wasserstein distance of {PATCHED:,} along {DIRECTIONS} directions, to as many reals "
    "at 32 pixels. Three seeds cannot judge a spread over seeds, so stability is that of single "
    "runs: the setback, by which the log of the Fréchet distance rises at most above the lowest "
    "before it.",
    rule="By seed, of the seconds to the last distance that both reach, by lines between clocks: "
    "the log of full size's over growth's, for either distance; and full size's setback less "
    f"growth's. Confirmed if the intervals of the first two lie above {FASTER} and that of the "
    f"third above {CALMER:g}; refuted if one lies below its bound.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
