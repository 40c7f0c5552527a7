"""All families that draw images, at equal images, in one table; resumable.

    python -m benchmarks.families [RECIPE ...] [--seeds 5] [--images 100000] [--processes 1]

Recipes are trained as they stand, at width 32 where they have one. A run is kept in `--work`, and
read when it is there: whoever stops the command goes on from there, with more seeds or families.
CARDIGAN_DEVICE=cuda trains on a GPU, which many processes can share.
"""

import argparse
from datetime import date
from pathlib import Path
from statistics import mean

import torch

from cardigan.recipes import RECIPES

from .claims.frame import interval, machine
from .claims.models import N, scores
from .claims.spread import spread

IMAGES, SEEDS = 100_000, 5
DATA = "fashion-mnist-mini"
NAMES = tuple(
    name
    for name, recipe in RECIPES.items()
    if "decode" in recipe.can and recipe.data == DATA
    if not name.rsplit("-", 1)[-1].isdigit()  # a preset for larger pictures, or of a paper's size
)  # fmt: skip
HEADING = ("recipe", "seeds", "Fréchet distance", "times the floor", "precision", "recall", "rarest class", "images/s")  # noqa: E501  # fmt: skip


def measured(name: str, seed: int, images: int, work: Path) -> dict[str, float]:
    """What one seed scores."""
    return scores(name, seed, work, (images,))[0]


def line(name: str, found: list[dict[str, float]]) -> tuple[float, str]:
    """The mean distance, to sort by, and a row."""
    distances = [one["frechet"] for one in found]
    middle, low, high = interval(distances) if len(found) > 1 else (distances[0],) * 3
    cells = [
        f"`{name}`",
        str(len(found)),
        f"{middle:.3f} ({low:.3f} to {high:.3f})" if len(found) > 1 else f"{middle:.3f}",
        f"{mean(one['floors'] for one in found):.0f}",
        *(f"{mean(one[key] for one in found):.2f}" for key in ("precision", "recall")),
        f"{100 * min(one['rarest'] for one in found):.1f} %",
        f"{mean(one['images_per_second'] for one in found):.0f}",
    ]
    return middle, f"| {' | '.join(cells)} |"


def page(rows: list[tuple[float, str]], images: int, command: str) -> str:
    """The table, the nearest to the data first."""
    head = ["# All families at equal images\n"]
    head.append(
        f"{images:,} images of Fashion-MNIST (10,000 images), recipes as they stand; {N:,} "
        f"samples against {N:,} reals through the shipped classifier. Means over seeds, with 95 % "
        "intervals; the rarest class is the worst seed's. Recipes whose critic moves five times a "
        "round spend images five times as fast: the clock counts what discriminators see.\n"
    )
    table = [f"| {' | '.join(HEADING)} |", "|---" * len(HEADING) + "|"]
    about = (
        f"\n`{command}`, one thread of {machine()}, torch {torch.__version__}, {date.today()}.\n"
    )
    return "\n".join([*head, *table, *(text for _, text in sorted(rows)), about])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip  # noqa: E501
    parser.add_argument("names", nargs="*", metavar="RECIPE", default=NAMES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--processes", type=int, default=1, help="runs trained side by side")
    parser.add_argument("--work", type=Path, default=Path("runs/claims"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/families.md"))
    given = parser.parse_args()
    rows, fixed = [], (given.images, given.work)
    if given.processes > 1:
        jobs = [(name, seed, *fixed) for seed in range(given.seeds) for name in given.names]
        for job, error in spread(measured, jobs, given.processes):
            print(f"{job[0]}, seed {job[1]}: {error or 'measured'}", flush=True)
    for name in given.names:
        rows.append(line(name, [measured(name, seed, *fixed) for seed in range(given.seeds)]))
        print(rows[-1][1], flush=True)
        given.out.write_text(page(rows, given.images, "python -m benchmarks.families"))


if __name__ == "__main__":
    main()
