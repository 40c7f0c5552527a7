"""Are the same classes hard for every BigGAN, and is it those that vary most?"""

from pathlib import Path
from statistics import mean

import torch

from cardigan.data import catalogue
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.frechet import frechet_distance
from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES
from cardigan.run import make
from cardigan.subjects import draw as drawn

from .frame import Claim, Rows, Verdict, by, every, told
from .models import BIGGAN, trained

EACH = 500
RATIO, ALIKE = 2.0, 0.5


def measure(seed: int, folder: Path) -> Rows:
    game, net = trained("biggan", seed, folder.parent, BIGGAN), fashion_classifier()
    data = catalogue.load("fashion-mnist-mini", size=32)
    torch.manual_seed(seed)
    sets = (data, *(drawn(g, EACH * game.classes, seed) for g in (game, make(untrained()))))
    rows = []
    for label, name in enumerate(data.classes):
        reals, fakes, first = (
            extract(net, some.images[some.labels == label][:EACH]).features  # pyright: ignore
            for some in sets
        )
        others = extract(net, data.images[data.labels == label][EACH : 2 * EACH]).features
        distance, before = (frechet_distance(reals, some) for some in (fakes, first))
        rows.append(
            {
                "class": name, "distance": distance, "left": distance / before,
                "floor": frechet_distance(reals, others),
                "variety": reals.double().var(0).sum().item(),
            }
        )  # fmt: skip
    return rows


def untrained() -> Recipe:
    """The recipe that is trained, of the data's classes and shape."""
    return RECIPES["biggan"].fitted()


def correlation(a: list[float], b: list[float]) -> float:
    """Of ranks: Spearman 1904."""
    ranks = [torch.tensor(x).argsort().argsort().double() for x in (a, b)]
    return torch.corrcoef(torch.stack(ranks))[0, 1].item()


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, of what is left of classes' distances: the most over the least; how their ranks
    agree with those of the other seeds; and with those of their variety."""
    seeds = by(rows, "seed", "floor")
    by_seed = {seed: {r["class"]: r for r in rows if r["seed"] == seed} for seed in seeds}
    found: dict[str, list[float]] = {"ratio": [], "alike": [], "varied": []}
    for seed, own in by_seed.items():
        left = [r["left"] for r in own.values()]
        others = [o for other, o in by_seed.items() if other != seed]
        usual = [mean(o[name]["left"] for o in others) for name in own]
        found["ratio"].append(max(left) / min(left))
        found["alike"].append(correlation(left, usual))
        found["varied"].append(correlation(left, [r["variety"] for r in own.values()]))
    return found


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    return Verdict(
        every([(found["ratio"], RATIO), (found["alike"], ALIKE)]),
        f"of the hardest class {told(found['ratio'])} times as much is left as of the easiest, "
        f"where {RATIO:g} was asked, and ranks of classes agree with those of the other seeds by "
        f"{told(found['alike'])}, where {ALIKE} was asked; with the variety of a class "
        f"what is left goes by {told(found['varied'])}",
    )


def table(rows: Rows) -> list[list[str]]:
    lines = [["class", "Fréchet distance", "each seed", "floor", "left", "variety"]]
    for name, values in by(rows, "class", "distance").items():
        own = [r for r in rows if r["class"] == name]
        each = ", ".join(f"{v:.2f}" for v in values)
        rest = (f"{mean(r[key] for r in own):.3g}" for key in ("floor", "left", "variety"))
        lines.append([name, f"{mean(values):.3g}", each, *rest])
    return lines


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for name, left in by(rows, "class", "left").items():
        variety = by(rows, "class", "variety")[name]
        axes.plot(variety, left, ".", color="C0", alpha=0.5)
        axes.annotate(name, (mean(variety), mean(left)), (5, 0), textcoords="offset points")
        axes.plot(mean(variety), mean(left), "o", color="C0")
    axes.set(
        xlabel="variety of the class: the sum of its features' variances",
        ylabel="Fréchet distance left of that before training",
    )


CLAIM = Claim(
    says="Some classes are easy for a BigGAN, and some hard.",
    how=f"`biggan` after {BIGGAN:,} images of Fashion-MNIST at 32 pixels. Of each class the "
    f"Fréchet distance of {EACH} samples to {EACH} reals in the features of the shipped "
    "classifier; what is left of that of the untrained network's samples; as its floor the "
    "distance of as many other reals; as its variety the sum of its features' variances.",
    rule="By seed, of what is left: the most over the least, and Spearman's correlation of the "
    "classes with their means over the other seeds, which chance would leave at 0. Confirmed if "
    f"the intervals lie above {RATIO:g} and {ALIKE}; refuted if one lies below. The correlation "
    "with variety is reported alone.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="The games are those that `biggan-truncation` trained: the seconds below are without "
    "their training.",
)
