"""All families that draw images, at equal images, in one table; resumable.

    python -m benchmarks.families [RECIPE ...] [--seeds 5] [--images 100000] [--processes 1]
    python -m benchmarks.families --speed [RECIPE ...]

Recipes are trained as they stand. What a seed has scored is kept beside the table, which can grow
by families and seeds: what stands there is not measured again.
`--speed` measures how fast each trains on one thread; nothing else should run beside it.
CARDIGAN_DEVICE=cuda trains on a GPU, which many processes can share.
"""

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cardigan import durable
from cardigan.recipes import RECIPES
from cardigan.run import Run
from cardigan.session import play

from .claims.frame import interval, way
from .claims.models import LOST, N, scores
from .claims.spread import spread

IMAGES, SEEDS, TIMED = 100_000, 5, 4_000
DATA = "fashion-mnist-mini"
NAMES = tuple(
    name
    for name, recipe in RECIPES.items()
    if "decode" in recipe.can and recipe.data == DATA
    if not name.rsplit("-", 1)[-1].isdigit()  # a preset for larger pictures, or of a paper's size
)
HEADING = ("recipe", "pixels", "seeds", "times the floor", "Fréchet distance", "precision", "recall", "rarest class")  # noqa: E501  # fmt: skip
Found = dict[str, dict[str, dict[str, Any]]]
"""By a recipe's name and a seed, what it scores and how it was measured; `speed` beside seeds."""


def measured(name: str, seed: int, images: int, work: Path) -> dict[str, Any]:
    """What one seed scores, or what it was lost to, and how it was measured."""
    try:
        (found,) = scores(name, seed, work, (images,))
    except LOST as error:
        found = {"lost": str(error)}
    figures = {key: value for key, value in found.items() if key != "images_per_second"}
    return {**figures, "images": images, **way()}


def timed(name: str) -> dict[str, Any]:
    """Images a second on one thread, over the last thousand of a few."""
    torch.set_num_threads(1)
    recipe = RECIPES[name].fitted()
    training = replace(
        recipe.training, images=TIMED, device="cpu", measure_share=0.0, picture_every=10**9,
        checkpoint_every=10**9,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        run: Run = play(name, replace(recipe, training=training), Path(folder))
        last = (run.path / "log.jsonl").read_text().splitlines()[-1]
        return {"images_per_second": json.loads(last)["images_per_second"], **way()}


def seeds_of(found: Found, name: str) -> list[dict[str, Any]]:
    """What was found of a recipe, in the order of seeds."""
    return [row for what, row in sorted(found.get(name, {}).items()) if what != "speed"]


def line(name: str, rows: Sequence[dict[str, Any]], more: Sequence[str]) -> tuple[float, str]:
    """How many floors away samples are in the mean, to sort by, and a row that ends in `more`."""
    ended = [row for row in rows if "lost" not in row]
    lost = f", and {len(rows) - len(ended)} lost" if len(ended) < len(rows) else ""
    cells = [f"`{name}`", str(RECIPES[name].fitted().size), f"{len(ended)}{lost}"]
    if not ended:
        cells += [""] * (len(HEADING) - len(cells))
        return math.inf, f"| {' | '.join([*cells, *more])} |"
    floors = mean(row["floors"] for row in ended)
    cells += [
        f"{floors:.0f}",
        spelt([row["frechet"] for row in ended]),
        *(f"{mean(row[key] for row in ended):.2f}" for key in ("precision", "recall")),
        f"{100 * min(row['rarest'] for row in ended):.1f} %",
        *more,
    ]
    return floors, f"| {' | '.join(cells)} |"


def spelt(values: Sequence[float]) -> str:
    """A mean, with its interval where there is one."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    middle, low, high = interval(values)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def page(found: Found, images: int) -> str:
    """The table, the nearest to the data first."""
    named = {name: rows for name in found if (rows := seeds_of(found, name))}
    clocked = {name: rows["speed"] for name, rows in found.items() if "speed" in rows}
    cells = {name: f"{speed['images_per_second']:.0f}" for name, speed in clocked.items()}
    more = {name: [cells.get(name, "")] if clocked else [] for name in named}
    rows = [line(name, of, more[name]) for name, of in named.items()]
    heading = [*HEADING, *(["images/s"] if clocked else [])]
    missing = ", ".join(f"`{name}`" for name in NAMES if name not in named)
    head = [
        "# Families at equal images\n",
        f"{images:,} images of Fashion-MNIST (10,000 images), recipes as they stand; {N:,} "
        f"samples against {N:,} reals of as many pixels through the shipped classifier. Means "
        "over seeds, with 95 % intervals where there are two and more; the rarest class is the "
        "worst seed's. They stand by multiples of the floor; of one seed each, neighbours are not "
        "told apart. Recipes whose critic moves five times a round spend images five times as "
        "fast: the clock counts what discriminators see."
        + (" Images a second are those of one thread, with nothing beside." if clocked else ""),
        *([f"\nNot measured yet: {missing}."] if missing else []),
    ]
    table = [f"| {' | '.join(heading)} |", "|---" * len(heading) + "|"]
    trained = f"Trained with `python -m benchmarks.families`: {told(sum(named.values(), []))}."
    timed = [f"Timed with `--speed`: {told(clocked.values())}."] if clocked else []
    lines = [*head, "", *table, *(text for _, text in sorted(rows)), "", trained, *timed, ""]
    return "\n".join(lines)


def told(rows: Iterable[dict[str, Any]]) -> str:
    """How rows were measured, each way once."""
    ways = {
        f"commit {row['commit']}, {row['threads']} thread(s) of {row['machine']}, "
        f"torch {row['torch']}, {row['date']}"
        for row in rows
    }
    return "; ".join(sorted(ways))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip  # noqa: E501
    parser.add_argument("names", nargs="*", metavar="RECIPE", default=NAMES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--processes", type=int, default=1, help="runs trained side by side")
    parser.add_argument("--speed", action="store_true", help="only measure how fast they train")
    parser.add_argument("--work", type=Path, default=Path("runs/claims"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/families.md"))
    given = parser.parse_args()
    kept = given.out.with_suffix(".json")
    found: Found = json.loads(kept.read_text()) if kept.exists() else {}
    stand = {row["images"] for name in found for row in seeds_of(found, name)}
    if stand - {given.images}:
        parser.error(f"{kept} has rows of {max(stand):,} images: give another --out")

    def keep(name: str, what: str, row: dict[str, Any]) -> None:
        found.setdefault(name, {})[what] = row
        durable.replace(kept, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
        given.out.write_text(page(found, given.images))
        print(f"{name}, {what}: {next(iter(row.values()))}", flush=True)

    if given.speed:
        for name in given.names:
            keep(name, "speed", timed(name))
        return
    jobs = [
        (name, seed, given.images, given.work)
        for seed in range(given.seeds)
        for name in given.names
        if str(seed) not in found.get(name, {})
    ]
    for (name, seed, *_), row in spread(measured, jobs, given.processes):
        if isinstance(row, Exception):
            print(f"{name}, seed {seed}: {row}", flush=True)
        else:
            keep(name, str(seed), row)


if __name__ == "__main__":
    main()
