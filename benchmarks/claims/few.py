"""Classifiers of few labels, trained once a seed and shared by claims; prints what there is.

    python -m benchmarks.claims.few [WORK]

A seed is that of the weights and of the choice of labels, so that methods are compared in pairs.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from cardigan.data import catalogue
from cardigan.data.dataset import Dataset
from cardigan.data.stream import as_floats
from cardigan.data.subset import labelled
from cardigan.game import Game
from cardigan.recipes import RECIPES

from .frame import Rows, interval
from .models import trained

LABELS = (50, 100, 1000)
SEEDS = (0, 1, 2)
IMAGES = 60_000
CLAIMS = ("sgan-labels", "fm-ensembling")  # which measure rows of the table


def learnt(name: str, labels: int, seed: int, work: Path, images: int = IMAGES, **options: Any) -> Game:  # noqa: E501  # fmt: skip
    """A recipe's game after its images, of which so many had labels; 0 for all of them.

    Arguments:
        options: Other fields of the recipe.
    """
    recipe = replace(RECIPES[name], labels=labels, label_seed=seed, **options)
    return trained(name, seed, work, images, recipe)


def row(name: str, labels: int, seed: int, work: Path) -> dict[str, Any]:
    """Its accuracy on held-out Fashion-MNIST, for the table."""
    test = catalogue.load("fashion-mnist-mini", "test")
    right = accuracy(learnt(name, labels, seed, work), test)
    return {"method": name, "labels": labels, "accuracy": right}


def accuracy(game: Game, data: Dataset) -> float:
    """The share of images that a game classifies as they are labelled."""
    assert data.labels is not None
    parts = [game.classify(as_floats(part)) for part in data.images.split(500)]  # pyright: ignore
    return (torch.cat(parts).argmax(1) == data.labels).double().mean().item()


def gap(game: Game, labels: int, seed: int) -> dict[str, float]:
    """Accuracy on the training images that had labels, on held-out ones, and the difference."""
    train, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    on_train, on_test = accuracy(game, labelled(train, labels, seed)), accuracy(game, test)
    return {"on train": on_train, "on test": on_test, "gap": on_train - on_test}


def gains(rows: Rows, method: str, beside: str, counts: Sequence[int] = LABELS) -> list[float]:
    """By seed, how much more of the images one method gets right, as a mean over label counts."""
    found = {(r["method"], r["labels"], r["seed"]): r["accuracy"] for r in rows if "method" in r}
    seeds = sorted({seed for _, _, seed in found})
    return [
        mean(found[method, n, seed] - found[beside, n, seed] for n in counts) for seed in seeds
    ]


def told(values: Sequence[float]) -> str:
    """Gains as points of accuracy, with their interval."""
    middle, low, high = (100 * value for value in interval(values))
    return f"{middle:+.1f} points ({low:+.1f} to {high:+.1f})"


def table(rows: Rows) -> list[list[str]]:
    """Test accuracy in per cent by method and number of labels: the mean, and each seed's."""
    counts = sorted({r["labels"] for r in rows})
    lines = []
    for method in dict.fromkeys(r["method"] for r in rows):
        cells = [
            [100 * r["accuracy"] for r in rows if (r["method"], r["labels"]) == (method, n)]
            for n in counts
        ]
        lines.append([f"`{method}`", *map(_cell, cells)])
    return [["method", *(f"{n:,} labels" for n in counts)], *lines]


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    each = ", ".join(f"{v:.1f}" for v in values)
    return f"{mean(values):.1f} ({each})"


def draw(rows: Rows, axes, methods: Sequence[str]) -> None:  # noqa: ANN001
    """Accuracy along the number of labels: the mean of a method, and a dot for each seed."""
    for place, method in enumerate(methods):
        own = [r for r in rows if r.get("method") == method]
        counts = sorted({r["labels"] for r in own})
        middle = [mean(100 * r["accuracy"] for r in own if r["labels"] == n) for n in counts]
        apart = 1.03 ** (place - (len(methods) - 1) / 2)
        axes.plot([n * apart for n in counts], middle, "-", color=f"C{place}", label=method)
        dots = [(r["labels"] * apart, 100 * r["accuracy"]) for r in own]
        axes.plot(*zip(*dots, strict=True), ".", color=f"C{place}", alpha=0.6)
    axes.set_xscale("log")
    axes.set_xticks(LABELS, [f"{n:,}" for n in LABELS])
    axes.minorticks_off()
    axes.set(xlabel="images with labels", ylabel="test accuracy, %")
    axes.legend(frameon=False, title="line: mean; dots: seeds")


def panels(axes, found: Mapping[str, Mapping[str, Sequence[float]]]) -> None:  # noqa: ANN001
    """A plot for each label, side by side: of every name the seeds, and their mean."""
    axes.set_axis_off()
    width = 1 / len(found)
    for place, (label, by_name) in enumerate(found.items()):
        side = axes.inset_axes((place * width + 0.2 * width, 0.12, 0.8 * width, 0.74))
        side.spines[["top", "right"]].set_visible(False)
        for i, values in enumerate(by_name.values()):
            side.plot([i] * len(values), values, "o", color="C0", alpha=0.5)
            side.plot([i - 0.25, i + 0.25], [mean(values)] * 2, color="C1", linewidth=2)
        names = [name.replace(", ", ",\n") for name in by_name]
        side.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
        side.set_title(label, fontsize=9)
        side.set_xlim(-0.5, len(names) - 0.5)
    axes.text(0.5, 1.0, "dots: seeds; bars: means", ha="center", fontsize=8)


def main() -> None:
    """Prints the table of all seeds that claims have measured."""
    work = Path(sys.argv[1] if sys.argv[1:] else "runs/claims")
    files = [(work / claim / f"{seed}.json", seed) for claim in CLAIMS for seed in SEEDS]
    rows = [
        {"seed": seed, **row}
        for file, seed in files
        if file.exists()
        for row in json.loads(file.read_text())["rows"]
        if "method" in row
    ]
    known = {(r["method"], r["labels"], r["seed"]): r for r in rows}  # both measure some
    heading, *lines = table([*known.values()])
    for line in [heading, ["---"] * len(heading), *lines]:
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
