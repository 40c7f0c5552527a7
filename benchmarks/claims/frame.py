"""How a claim becomes a verdict: seeds, a statistic chosen beforehand, a table and a picture."""

import fcntl
import io
import json
import os
import platform
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import t as student
from torch import Tensor

from cardigan.pictures import grid

Rows = list[dict[str, Any]]
"""What was measured: a row a seed and a case, ready for JSON."""
DEVICE = os.environ.get("CARDIGAN_DEVICE", "cpu")
"""Where games on images are trained. Figures are taken on the processor everywhere."""


class Verdict(NamedTuple):
    """What a claim comes to, at the scale of these experiments."""

    words: str  # confirmed, refuted or undecided
    why: str  # the statistic and its interval, in a sentence


class Claim(NamedTuple):
    """A claim, and how it is put to the test."""

    says: str  # in our words
    how: str  # what is done, at what budget
    rule: str  # the statistic and the verdict's rule, chosen before the run
    seeds: tuple[int, ...]
    measure: Callable[[int, Path], Rows]  # a seed, and a folder to keep things in
    judge: Callable[[Rows], Verdict]
    table: Callable[[Rows], list[list[str]]]  # the first line is the heading
    draw: Callable[[Rows, Any], None]  # onto matplotlib axes
    remark: str = ""  # what was noticed once it had been run, and changed nothing


CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"


def settle(name: str, claim: Claim, work: Path, out: Path) -> Verdict:
    """Runs what was not run yet, and writes `name.md` and `name.png`."""
    rows, spent, ways = [], 0.0, set()
    for seed in claim.seeds:
        found = measured(name, claim, seed, work)
        spent += found["seconds"]
        ways.add(tuple(({**way(), **found})[key] for key in way()))
        rows += [{"seed": seed, **row} for row in found["rows"]]
    verdict = claim.judge(rows)
    out.mkdir(parents=True, exist_ok=True)
    _draw(claim, rows, out / f"{name}.png")
    (out / f"{name}.md").write_text(_page(name, claim, rows, verdict, spent, ways))
    return verdict


def measured(name: str, claim: Claim, seed: int, work: Path) -> dict[str, Any]:
    """What one seed has found, and how: read where it was measured before."""
    kept = work / name / f"{seed}.json"
    with alone(kept):
        if kept.exists():
            return json.loads(kept.read_text())
        began = time.monotonic()
        rows = claim.measure(seed, kept.parent)
        found = {"seconds": time.monotonic() - began, **way(), "rows": rows}
        kept.write_text(json.dumps(found, indent=1))
        return found


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lets one process at a time make what shall stand at `path`; the others wait, and read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its interval at 95 % by Student's t."""
    n, middle = len(values), mean(values)
    quantile = float(student.ppf(0.975, n - 1))
    reach = quantile * stdev(values) / n**0.5
    return middle, middle - reach, middle + reach


def above(values: Sequence[float], bound: float, what: str) -> Verdict:
    """Confirmed if the interval of the mean lies above a bound, refuted if below it."""
    middle, low, high = interval(values)
    words = CONFIRMED if low > bound else REFUTED if high < bound else UNDECIDED
    told = f"{what} is {middle:.3g} (95 %: {low:.3g} to {high:.3g}, {len(values)} seeds)"
    return Verdict(words, f"{told}; the bound is {bound:.3g}")


def by(rows: Rows, key: str, value: str) -> dict[Any, list[float]]:
    """The values of rows, gathered by a key."""
    found: dict[Any, list[float]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row[value])
    return found


def means(rows: Rows, key: str, values: Sequence[str]) -> list[list[str]]:
    """A table of means over seeds."""
    names = list(by(rows, key, values[0]))
    columns = [by(rows, key, value) for value in values]
    lines = [[str(n), *(f"{mean(column[n]):.4g}" for column in columns)] for n in names]
    return [[key, *values], *lines]


def paired(rows: Rows, key: str, one: Any, other: Any, value: str) -> list[float]:
    """Seed by seed, a value of rows with one key less that of rows with the other."""
    found = {(row["seed"], row[key]): row[value] for row in rows if value in row}
    seeds = sorted({seed for seed, _ in found})
    return [found[seed, one] - found[seed, other] for seed in seeds]


def every(parts: Iterable[tuple[Sequence[float], float]]) -> str:
    """Confirmed if the interval of each part lies above its bound, refuted if one lies below."""
    ends = [(*interval(values)[1:], bound) for values, bound in parts]
    if all(low > bound for low, _, bound in ends):
        return CONFIRMED
    return REFUTED if any(high < bound for _, high, bound in ends) else UNDECIDED


def told(values: Sequence[float], digits: str = ".3g") -> str:
    """Mean and interval, for a sentence."""
    return "{:{d}} ({:{d}} to {:{d}})".format(*interval(values), d=digits)


def panels(axes: Any, *widths: float) -> list[Any]:
    """The axes, and more of them to its right, so many times as wide."""
    figure = axes.figure
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * (1 + sum(widths)), height)
    first, *others = figure.add_gridspec(1, 1 + len(widths), width_ratios=[1, *widths])
    axes.set_subplotspec(first)
    return [axes, *(figure.add_subplot(place) for place in others)]


def stored(images: Tensor, columns: int) -> str:
    """Images uint8 [N, C, H, W] in rows, as text that rows of JSON can hold."""
    file = io.BytesIO()
    grid(images, columns, gap=1, scale=1).save(file, format="PNG")
    return b64encode(file.getvalue()).decode()


def show(axes: Any, picture: str, title: str = "") -> None:
    """What was stored, enlarged without smoothing."""
    with Image.open(io.BytesIO(b64decode(picture))) as image:
        axes.imshow(np.asarray(image.convert("RGB")), interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10)


def _draw(claim: Claim, rows: Rows, path: Path) -> None:
    figure = Figure(figsize=(7, 4.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    claim.draw(rows, axes)
    FigureCanvasAgg(figure)
    figure.savefig(path)


def _page(
    name: str, claim: Claim, rows: Rows, verdict: Verdict, seconds: float, ways: set[tuple]
) -> str:
    commits, threads, machines, torches, dates = (
        ", ".join(map(str, sorted(set(of)))) for of in zip(*ways, strict=True)
    )
    heading, *lines = claim.table(rows)
    table = [heading, ["---"] * len(heading), *lines]
    return "\n\n".join(
        [
            f"# {name}",
            f"> {claim.says}",
            f"**{verdict.words.capitalize()}**, at this scale: {verdict.why}.",
            f"![]({name}.png)",
            "\n".join(f"| {' | '.join(line)} |" for line in table),
            f"**How.** {claim.how}",
            f"**Rule, set before the run.** {claim.rule}",
            *([f"**Noticed afterwards.** {claim.remark}"] if claim.remark else []),
            f"`python -m benchmarks.claims {name}`, commit {commits}, "
            f"{threads} thread(s) of {machines}, torch {torches}, "
            f"seeds {', '.join(map(str, claim.seeds))}, {seconds:.0f} seconds, "
            f"{dates}.\n",
        ]
    )


def way() -> dict[str, Any]:
    """How a seed was measured, kept beside what was: a page may be written anew elsewhere."""
    return {
        "commit": _commit(),
        "threads": torch.get_num_threads(),
        "machine": machine(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def _commit() -> str:
    """Of the code that measures."""
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return told.stdout.strip()


def machine() -> str:
    """Its processor, and the accelerator that trained, by name."""
    beside = f" and {torch.cuda.get_device_name()}" if DEVICE == "cuda" else ""
    return _processor() + beside


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
