"""What a BiGAN rebuilds, which way it thinks that images move, and what a classifier has of it."""

from functools import partial
from pathlib import Path
from statistics import mean
from time import process_time
from typing import Any

import torch
from torch import Tensor

from cardigan.abilities import Codec
from cardigan.data import catalogue
from cardigan.data.stream import as_bytes, as_floats
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.reconstruction import reconstruction
from cardigan.metrics.subspaces import angle_to, movements, random_span
from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES
from cardigan.recipes.tangents import TangentInvariant
from cardigan.tangents import WAYS
from cardigan.train import train

from . import few
from .frame import Claim, Rows, Verdict, by, every, told
from .models import trained

IMAGES = 100_000
N, LOOKED, K, LABELS = 2_000, 200, 20, 100
BIGANS = ("bigan", "augmented-bigan")
LEARNERS = ("feature-matching", "tangent-invariant")
TIMED = 640
OFTEN: dict[str, Recipe] = {
    "feature-matching": RECIPES["feature-matching"],
    "tangent-invariant": TangentInvariant(start=0),
}
"""What is timed: tangents from the first image on."""


def measure(seed: int, folder: Path) -> Rows:
    work, rows = folder.parent, []
    test = catalogue.load("fashion-mnist-mini", "test")
    for name in BIGANS:
        game = trained(name, seed, work, IMAGES)
        rows.append({"model": name, **rebuilt(game, test.images[:N])})
        rows[-1] |= angles(game.codec(), as_floats(test.images[:LOOKED]), seed)  # pyright: ignore
    for name in LEARNERS:
        error = 1 - few.accuracy(few.learnt(name, LABELS, seed, work), test)
        rows.append({"model": name, "error": error, "seconds": seconds(OFTEN[name], seed)})
    return rows


def seconds(recipe: Recipe, seed: int) -> float:
    """Of the processor, for 1,000 images, once all terms of the loss are there."""
    torch.manual_seed(seed)
    recipe = recipe.fitted()
    game, stream = recipe.game(), recipe.stream(recipe.dataset(), torch.device("cpu"))
    train(game, stream, 128, seed=seed)  # what is done but once is not counted
    began = process_time()
    train(game, stream, 128 + TIMED, seed=seed)
    return (process_time() - began) * 1000 / TIMED


def rebuilt(game: Any, images: Tensor) -> dict[str, float]:
    """How far features of G(E(x)) lie from those of x, and how often the class is kept."""
    again = as_bytes(torch.cat([game.reconstruct(as_floats(x)) for x in images.split(250)]))
    found = reconstruction(images, again, partial(extract, fashion_classifier()))
    assert found.cosine is not None and found.agreement is not None
    return {
        "distance": 1 - found.cosine.mean().item(),
        "same class": found.agreement.mean().item(),
        "squared error": found.mse.mean().item(),
    }


def angles(codec: Codec, images: Tensor, seed: int) -> dict[str, float]:
    """Mean degrees from rotation and shifts of images to spans of K tangents, and of as many
    directions at random."""
    with torch.no_grad():
        spans = {
            of: torch.cat([way(codec, x, K) for x in images.split(50)]).flatten(2).double()
            for of, way in WAYS.items()
        }
    own = next(iter(spans.values()))
    spans["another's decoder"] = own.roll(1, 0)
    spans["random"] = random_span(*own.shape, seed)
    moved = [way.flatten(1).double() for way in movements(images)]
    return {
        of: mean(angle_to(span, way).rad2deg().mean().item() for way in moved)
        for of, span in spans.items()
    }


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, four numbers that the claim says are below 0."""

    def of(model: str, key: str) -> list[float]:
        return [r[key] for r in rows if r["model"] == model]

    def less(one: list[float], other: list[float]) -> list[float]:
        return [a - b for a, b in zip(one, other, strict=True)]

    plain, augmented = BIGANS
    return {
        "distance of features": less(of(augmented, "distance"), of(plain, "distance")),
        "error of the classifier": less(*(of(name, "error") for name in reversed(LEARNERS))),
        **{
            f"degrees to the {way}'s tangents": less(of(augmented, way), of(augmented, "random"))
            for way in WAYS
        },
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    words = every(([-value for value in values], 0.0) for values in found.values())
    said = "; ".join(f"{name} {told(values)}" for name, values in found.items())
    return Verdict(
        words,
        "differences with 95 % intervals over seeds, which were to lie below 0: " + said,
    )


COLUMNS = ("distance", "same class", "squared error", *WAYS, "another's decoder", "random", "error", "seconds")  # noqa: E501  # fmt: skip


def table(rows: Rows) -> list[list[str]]:
    lines = []
    for name in (*BIGANS, *LEARNERS):
        own = [r for r in rows if r["model"] == name]
        found = {key: [r[key] for r in own if key in r] for key in COLUMNS}
        lines.append([name, *(f"{mean(v):.4g}" if v else "" for v in found.values())])
    return [["model", *COLUMNS], *lines]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    """A panel for each third of the claim."""
    tangents = ("decoder", "encoder", "another's decoder", "random")
    augmented = [r for r in rows if r["model"] == BIGANS[1]]
    panels = {
        "1 - cosine of features,\nx and g(h(x))": by(
            [r for r in rows if "distance" in r], "model", "distance"
        ),
        "degrees from true movements\nto tangents of augmented-bigan": {
            of: [r[of] for r in augmented] for of in tangents
        },
        f"test error with\n{LABELS} labels, %": {
            name: [100 * v for v in values]
            for name, values in by([r for r in rows if "error" in r], "model", "error").items()
        },
    }
    few.panels(axes, panels)


CLAIM = Claim(
    says="Augmented BiGAN's g(h(x)) is closer to x than BiGAN's; invariance to its tangents "
    "lowers the error of a classifier; and tangents point where images truly move.",
    how=f"`bigan` and `augmented-bigan` see {IMAGES:,} images of Fashion-MNIST (10,000). On {N:,} "
    "held-out images: 1 less the cosine of the shipped classifier's features of x and of g(h(x)), "
    "how often both are of the same class to it, and the squared error of pixels. On "
    f"{LOOKED}, the mean angle from turning and shifting both ways to the span of {K} tangents, "
    f"of another image's, and of {K} random directions; what networks draw is smooth, and so are "
    "true movements, so that even barely trained ones lie nearer than random directions, and "
    "another image's tangents tell how much of an angle that explains. `feature-matching` and "
    f"`tangent-invariant` see {few.IMAGES:,} images, {LABELS} with labels: error on the 2,000. A "
    "seed is that of the weights and of the choice of labels. Seconds are of the processor for "
    "1,000 images once tangents count.",
    rule="Four differences by seed: the distance of features, augmented less plain; the error, "
    "tangent-invariant less feature matching; and for augmented-bigan's decoder and its encoder "
    "the angle to their tangents less that to random directions. Confirmed if the intervals of "
    "all four lie below 0; refuted if one lies above.",
    seeds=few.SEEDS,
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
