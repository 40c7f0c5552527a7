"""What a trained discriminator knows of classes that it was never told."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from cardigan.data import catalogue
from cardigan.data.stream import as_floats
from cardigan.data.subset import labelled
from cardigan.metrics.probe import Labelled, linear_probe
from cardigan.nets.dcgan import Discriminator
from cardigan.recipes import RECIPES
from cardigan.recipes.classifier import Classifier
from cardigan.run import make

from .frame import Claim, Rows, Verdict, every, interval, means, paired, told
from .models import IMAGES, trained

LABELS = 2000  # as many of each class
SUPERVISED = 60_000
SIDE = 4  # to which the paper pools each layer's maps
PENALTIES = (1.0, 0.1, 0.01)
NEAR = 0.05  # of accuracy: what still competes
PIXELS, RANDOM, LAST, LAYERS, TAUGHT = (
    "pixels",
    "random network, all layers",
    "discriminator, last hidden layer",
    "discriminator, all layers",
    "supervised network, its own answers",
)


def measure(seed: int, folder: Path) -> Rows:
    torch.manual_seed(seed)
    first = acquainted(make(RECIPES["dcgan"].fitted()).players["discriminator"].net)
    last = trained("dcgan", seed, folder.parent).players["discriminator"].eval_net
    assert isinstance(last, Discriminator) and isinstance(first, Discriminator)
    seen = {
        PIXELS: lambda x: x.flatten(1),
        RANDOM: lambda x: pooled_layers(first, x),
        LAST: last.features,
        LAYERS: lambda x: pooled_layers(last, x),
    }
    data, test = (catalogue.load("fashion-mnist-mini", split) for split in ("train", "test"))
    known = labelled(data, LABELS, seed)
    rows = []
    for name, features in seen.items():
        train, asked = (Labelled(look(features, d.images), labels(d)) for d in (known, test))
        rows.append(_row(name, linear_probe(train, asked, PENALTIES, seed).accuracy))
    return [*rows, _row(TAUGHT, supervised(seed, folder.parent))]


def _row(name: str, accuracy: float) -> dict:
    return {"features": name, "accuracy": accuracy}


def labels(data) -> Tensor:  # noqa: ANN001
    """The classes, which the discriminator never saw."""
    assert data.labels is not None
    return data.labels


@torch.no_grad()
def look(features, images: Tensor) -> Tensor:  # noqa: ANN001
    """What a function of floats makes of bytes, some at a time."""
    return torch.cat([features(as_floats(part)) for part in images.split(500)])


# Radford et al. 2015, arXiv:1511.06434, section 5.1.
def pooled_layers(net: Discriminator, images: Tensor) -> Tensor:
    """The maps of all convolutional layers, max-pooled to 4x4, side by side."""
    found = []
    for layer in net.net:
        images = layer(images)
        if isinstance(layer, nn.LeakyReLU) and images.ndim == 4:
            found.append(adaptive_max_pool2d(images, SIDE).flatten(1))
    return torch.cat(found, 1)


@torch.no_grad()
def acquainted(net: nn.Module, size: int = 0) -> nn.Module:
    """A network whose batch norm has seen reals, as that of a trained one has."""
    images = catalogue.load("fashion-mnist-mini", "train", size).images
    net.train()
    for part in as_floats(images).split(64):
        net(part)
    return net.eval()


def supervised(seed: int, work: Path) -> float:
    """The accuracy of the same network, taught with the same labels."""
    base = RECIPES["classifier"]
    assert isinstance(base, Classifier)
    recipe = replace(base, labels=LABELS, label_seed=seed)
    game = trained("classifier", seed, work, SUPERVISED, recipe)
    test = catalogue.load("fashion-mnist-mini", "test")
    answers = look(game.classify, test.images).argmax(1)  # pyright: ignore[reportArgumentType]
    return (answers == labels(test)).double().mean().item()


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, how far the features of all layers lie above the least that is asked of them."""
    over = {
        other: paired(rows, "features", LAYERS, other, "accuracy") for other in (PIXELS, RANDOM)
    }
    near = paired(rows, "features", LAYERS, TAUGHT, "accuracy")
    return {**over, TAUGHT: [value + NEAR for value in near]}


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    return Verdict(
        every((part, 0.0) for part in found.values()),
        "the accuracy on the discriminator's layers less that on pixels is "
        f"{told(found[PIXELS])}, less that on a random network's {told(found[RANDOM])}, less that "
        f"of a supervised network plus {NEAR} {told(found[TAUGHT])}, with 95 % intervals over "
        "seeds; each was to lie above 0",
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    names = (PIXELS, RANDOM, LAST, LAYERS, TAUGHT)
    for place, name in enumerate(names):
        values = [r["accuracy"] for r in rows if r["features"] == name]
        middle, low, high = interval(values)
        colour = "C0" if name in (LAST, LAYERS) else "0.4"
        reach = [[middle - low], [high - middle]]
        axes.errorbar(middle, place, xerr=reach, fmt="o", color=colour, capsize=4)
        axes.plot(values, [place + 0.2] * len(values), ".", color=colour, markersize=4)
        above = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
        axes.annotate(f"{middle:.3f}", (middle, place), **above)
    axes.set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("accuracy on held-out images: mean, 95 % interval and, as dots, seeds")


CLAIM = Claim(
    says="The features of a trained discriminator classify images competitively.",
    how=f"Discriminators of `dcgan` after {IMAGES['dcgan']:,} images of Fashion-MNIST, in eval "
    "mode. A linear probe (logistic regression on standardised features, the penalty chosen on a "
    f"fifth of them) learns the classes of {LABELS:,} training images, and names 2,000 held-out "
    f"ones: on the maps of all convolutional layers, max-pooled to {SIDE}x{SIDE}, as the paper "
    "has it; on the last hidden layer; on pixels; and on all layers of the same network with its "
    "first weights, whose batch norm has seen the reals. Beside them the same network (recipe "
    f"`classifier`), taught by {SUPERVISED:,} looks at the same images and labels.",
    rule="By seed, the accuracy on all layers of the discriminator less that on pixels, less that "
    f"on the random network, and less that of the supervised network plus {NEAR}. Confirmed if "
    "all three intervals lie above 0: it knows more than pixels and chance weights, and comes "
    f"within {100 * NEAR:g} points of supervision; refuted if one lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "features", ("accuracy",)),
    draw=draw,
)
