"""BigBiGANs of one budget, shared by claims: what an encoder knows of classes, what is drawn."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from torch import nn

from cardigan.abilities import Encodes
from cardigan.data import catalogue
from cardigan.metrics.classes import classifier_score
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import frechet_distance
from cardigan.metrics.probe import Labelled, linear_probe
from cardigan.recipe import Recipe
from cardigan.recipes.bigbigan import BigBiGAN
from cardigan.subjects import draw

from . import models
from .dcgan_features import PENALTIES, labels, look
from .frame import Rows, alone, by, panels, show, stored

BASE = BigBiGAN()
IMAGES, N, SHOWN = 32_000, 2000, 8
LITTLE = 0.02  # of accuracy: what matters little
FIGURES: Mapping[str, str] = {
    "probe": "accuracy of a probe of features",
    "frechet": "Fréchet distance",
    "score": "classifier score",
}
HOW = (
    f"after {IMAGES:,} images of Fashion-MNIST, 250 moves of encoder and generator. A linear "
    "probe (logistic regression on standardised features, the penalty chosen on a fifth of them) "
    "learns the classes of the 10,000 training images and names 2,000 held-out ones: on the "
    "encoder's averaged maps, as the paper has it, and beside them on its codes. The Fréchet "
    f"distance is that of {N:,} samples to {N:,} reals in the features of the shipped classifier, "
    "whose probabilities make the classifier score, in the place of the Inception score."
)


def measured(
    recipes: Mapping[str, Recipe], seed: int, work: Path, name: str = "bigbigan", side: int = 32
) -> Rows:
    """A row a case.

    Arguments:
        name: Of the recipes.
        side: Height and width that they draw, at which samples are compared with reals.
    """
    return [
        {"case": case, **figures(name, recipe, seed, work, side)}
        for case, recipe in recipes.items()
    ]


def figures(name: str, recipe: Recipe, seed: int, work: Path, side: int) -> dict[str, Any]:
    """What one game knows and draws; what was looked at before is read."""
    game: Any = models.trained(name, seed, work, IMAGES, recipe)
    kept = models._place(name, seed, work, recipe) / f"figures-{IMAGES}.json"
    with alone(kept):
        if not kept.exists():
            found = drawing(game, side, seed)
            if isinstance(game, Encodes):
                found |= knowledge(game.encoder.eval_net, recipe.size, seed)
            kept.write_text(json.dumps(found))
        return json.loads(kept.read_text())


def drawing(game: Any, side: int, seed: int) -> dict[str, Any]:
    """What its samples score; enlarged ones as they were drawn."""
    images = draw(game, N, seed).images
    step = images.shape[-1] // side
    images, net = images[..., ::step, ::step].contiguous(), fashion_classifier()
    reals = catalogue.load("fashion-mnist-mini", size=side).images[:N]
    real, fake = (extract(net, some) for some in (reals, images))
    return {
        "frechet": frechet_distance(real.features, fake.features),
        "score": classifier_score(fake.probabilities),
        "weights": sum(part.numel() for part in game.generator.net.parameters()) / 1000,
        "samples": stored(images[:SHOWN], SHOWN),
    }


def knowledge(encoder: nn.Module, size: int, seed: int) -> dict[str, float]:
    """The accuracy of a linear probe on an encoder's features, and on its codes."""
    train, test = (
        catalogue.load("fashion-mnist-mini", split, size) for split in ("train", "test")
    )

    def accuracy(seen: Any) -> float:
        sets = (Labelled(look(seen, d.images), labels(d)) for d in (train, test))
        return linear_probe(*sets, PENALTIES, seed).accuracy

    return {"probe": accuracy(encoder.features), "codes": accuracy(encoder)}


def little(values: Sequence[float], most: float) -> list[tuple[list[float], float]]:
    """Two parts of a rule: that values lie less than `most` above 0, and below it."""
    return [([most - value for value in values], 0.0), ([most + value for value in values], 0.0)]


def table(rows: Rows) -> list[list[str]]:
    """Means over seeds; a dash where there is nothing to measure."""
    names = ("probe", "codes", "frechet", "score", "weights")
    heading = [
        "case",
        "probe",
        "each seed",
        "of codes",
        "Fréchet distance",
        "score",
        "1,000 weights",
    ]
    lines = []
    for case in by(rows, "case", "case"):
        own = [row for row in rows if row["case"] == case]
        probe, *rest = (_mean(own, name) for name in names)
        each = ", ".join(f"{row['probe']:.3f}" for row in own if "probe" in row)
        lines.append([case, probe, each or "-", *rest])
    return [heading, *lines]


def _mean(rows: Rows, name: str) -> str:
    values = [row[name] for row in rows if name in row]
    return f"{mean(values):.4g}" if values else "-"


def drawn(rows: Rows, axes: Any, names: Sequence[str]) -> None:
    """A panel a figure with a line a case, a dot a seed; and samples of the first seed."""
    cases = list(by(rows, "case", "case"))
    *places, strips = panels(axes, *[0.6] * (len(names) - 1), 0.7)
    for panel, name in zip(places, names, strict=True):
        for place, case in enumerate(cases):
            own = [row for row in rows if row["case"] == case and name in row]
            for row in own:
                panel.plot(row[name], place, "o", color=f"C{row['seed']}", alpha=0.6)
            middle = [mean(row[name] for row in own)] if own else []
            panel.plot(middle, [place] * len(middle), "|k", markersize=18)
        panel.set(xlabel=FIGURES[name], ylim=(len(cases) - 0.5, -0.5))
        panel.set_yticks(range(len(cases)), cases if panel is axes else [""] * len(cases))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3)
    strips.set_axis_off()
    for row in (row for row in rows if row["seed"] == rows[0]["seed"] and "samples" in row):
        height = 1 / len(cases)
        bottom = 1 - (cases.index(row["case"]) + 0.9) * height
        show(strips.inset_axes((0, bottom, 1, 0.8 * height)), row["samples"])
