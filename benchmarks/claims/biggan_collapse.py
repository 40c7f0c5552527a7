"""A BigGAN that may collapse, against one that is held: whose best samples are better?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import log
from pathlib import Path
from statistics import geometric_mean

import torch
from PIL import Image

from cardigan.data import catalogue
from cardigan.randomness import generator
from cardigan.recipe import Recipe
from cardigan.recipes.options import Restraints

from .frame import CONFIRMED, UNDECIDED, Claim, Rows, Verdict, by, every, paired, told
from .models import LOST, SMALL_BIGGAN, scores
from .rates import LOST as NOISE

CLOCKS = tuple(range(16_000, 128_001, 16_000))
FEW, RAISED, WEIGHT = 1_000, 2, 10.0
FREE, HELD = "free", "held"
RESTRAINTS: Mapping[str, Restraints] = {
    FREE: Restraints(steps=2),
    HELD: Restraints(steps=2, penalty="r1", penalty_weight=WEIGHT),
}
TIMES, BOUND = 2.0, 0.05


def measure(seed: int, folder: Path) -> Rows:
    fast = replace(
        SMALL_BIGGAN, data=few(seed, folder / f"images-{seed}"), generator_lr=RAISED * 4e-4,
        discriminator_lr=RAISED * 8e-4,
    )  # fmt: skip
    return [
        {"run": name, "images": images, "floors": floors}
        for name, restraints in RESTRAINTS.items()
        for images, floors in zip(
            CLOCKS,
            path(replace(fast, discriminator=restraints), seed, folder.parent),
            strict=True,
        )
    ]


def few(seed: int, folder: Path) -> str:
    """A folder of a few of the images, in a folder a class."""
    data = catalogue.load("fashion-mnist-mini")
    assert data.labels is not None
    for i in torch.randperm(len(data), generator=generator(seed))[:FEW].tolist():
        place = folder / str(data.labels[i].item())
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.images[i, 0].numpy()).save(place / f"{i:05}.png")
    return str(folder)


def path(recipe: Recipe, seed: int, work: Path) -> Iterator[float]:
    """Distances at each clock, in floors; once numbers are no longer finite, that of noise."""
    lost = False
    for images in CLOCKS:
        try:
            yield NOISE if lost else scores("biggan", seed, work, (images,), recipe)[0]["floors"]
        except LOST:
            lost = True
            yield NOISE


def ends(rows: Rows) -> Rows:
    """A row a run: the log of its best distance, and by how much that of the last is more."""
    found = []
    for seed in by(rows, "seed", "floors"):
        for run, floors in by([r for r in rows if r["seed"] == seed], "run", "floors").items():
            best = log(min(floors))
            found.append({"seed": seed, "run": run, "best": best, "rise": log(floors[-1]) - best})
    return found


def parts(rows: Rows) -> dict[str, tuple[list[float], float]]:
    """By seed, with bounds: that the free run collapses, the other does not, and is worse."""
    found = ends(rows)
    rises = by(found, "run", "rise")
    return {
        "collapses": (rises[FREE], log(TIMES)),
        "stays": ([-rise for rise in rises[HELD]], -log(TIMES)),
        "better": (paired(found, "run", HELD, FREE, "best"), BOUND),
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    collapses, *others = found.values()
    words = every(others)
    if words == CONFIRMED and every([collapses]) != CONFIRMED:
        words = UNDECIDED  # nobody let anything collapse
    rises = by(ends(rows), "run", "rise")
    collapsed = {run: sum(rise >= log(TIMES) for rise in of) for run, of in rises.items()}
    return Verdict(
        words,
        f"the log of the last Fréchet distance over the best is {told(rises[FREE])} without the "
        f"penalty and {told(rises[HELD])} with it, where {log(TIMES):.2f} is a collapse, of "
        f"{collapsed[FREE]} and {collapsed[HELD]} of {len(rises[FREE])} runs; the best of the "
        f"free run is nearer by {told(found['better'][0])} in logs, and {BOUND} was asked",
    )


def table(rows: Rows) -> list[list[str]]:
    lines = [["run", "best distance, in floors", "after images, by seed", "last", "last / best"]]
    for run in RESTRAINTS:
        own = [r for r in rows if r["run"] == run]
        each = by(own, "seed", "floors").values()
        best, last = [min(floors) for floors in each], [floors[-1] for floors in each]
        when = (f"{CLOCKS[floors.index(min(floors))]:,}" for floors in each)
        figures = [geometric_mean(values) for values in (best, last)]
        lines.append([run, f"{figures[0]:.3g}", "; ".join(when), f"{figures[1]:.3g}",
                      f"{figures[1] / figures[0]:.2f}"])  # fmt: skip
    return lines


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for colour, run in enumerate(RESTRAINTS):
        each = by([r for r in rows if r["run"] == run], "seed", "floors")
        for seed, floors in each.items():
            label = None if seed else run
            axes.plot(CLOCKS, floors, "-", color=f"C{colour}", alpha=0.7, label=label)
            k = floors.index(min(floors))
            axes.plot(CLOCKS[k], floors[k], "o", color=f"C{colour}")
    axes.set(
        yscale="log", xlabel="images seen", ylabel="Fréchet distance, multiples of the floor",
    )  # fmt: skip
    axes.set_xticks(CLOCKS, [f"{n:,}" for n in CLOCKS], fontsize=8)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(frameon=False, title="each seed; its best is marked")


CLAIM = Claim(
    says="Penalties can force a BigGAN to stay stable, at a cost in quality: better to let it "
    "collapse late, and to take the weights from just before.",
    how=f"`biggan` of width 8 on {FEW:,} images of Fashion-MNIST at 32 pixels, of each seed its "
    f"own, for {CLOCKS[-1]:,} images in batches of 64: free, and held by a penalty of weight "
    f"{WEIGHT:g} on squared slopes at reals (R1). The discriminator can learn so few images by "
    f"heart, and both players learn at {RAISED} times the recipe's rates, so that there may be a "
    f"collapse within so short a run. After every {CLOCKS[0]:,}, the Fréchet distance of 2,000 "
    "samples to 2,000 reals in the features of the shipped classifier, in multiples of what "
    f"other reals have; from where numbers are not finite, {NOISE:,.0f}. The best of a run is "
    f"the least of these {len(CLOCKS)}, with and without the penalty; means in the table are "
    "geometric.",
    rule=f"A run has collapsed if its last distance is at least {TIMES:g} times its best. By "
    "seed, in logs: the last over the best is above that without the penalty, and below it with "
    f"it; and the best with the penalty over the best without is above {BOUND}. Confirmed if all "
    "three intervals lie on their sides; refuted if one of the last two lies on the other. Where "
    "free runs do not collapse, what to do about it stays undecided.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
