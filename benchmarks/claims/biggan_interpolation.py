"""Ways between latents and between classes: do samples move evenly, or leap between memories?"""

from pathlib import Path

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.data.stream import as_bytes
from cardigan.explore.spaces import conditions, spaces
from cardigan.explore.walks import PATHS, End, evenly, walk
from cardigan.metrics.features import extract, fashion_classifier
from cardigan.metrics.nearest import nearest

from .frame import Claim, Rows, Verdict, by, every, means, paired, panels, show, stored, told
from .models import BIGGAN, trained

WAYS, PLACES, SHOWN = 100, 17, 3
KINDS = ("latents", "classes")
DRAWN, MEMORY = "drawn", "nearest training images"
BOUND = 0.1


def measure(seed: int, folder: Path) -> Rows:
    game, net = trained("biggan", seed, folder.parent, BIGGAN), fashion_classifier()
    data = catalogue.load("fashion-mnist-mini", size=32)
    known, rows = extract(net, data.images).features, []
    for kind, (start, end) in zip(KINDS, ends(game, seed), strict=True):
        with torch.no_grad():
            frames = walk(
                spaces(game)["z"], start, end, PATHS["spherical"], evenly(PLACES), game.classes
            )
        images = as_bytes(frames.flatten(0, 1))
        features = extract(net, images).features
        closest = nearest(features, known).indices[:, 0]
        for what, seen, pictures in (
            (DRAWN, features, images), (MEMORY, known[closest], data.images[closest]),
        ):  # fmt: skip
            rows.append(
                {
                    "along": kind, "what": what, "case": f"{kind}, {what}",
                    "leap": leap(seen.unflatten(0, (WAYS, PLACES))),
                    "frames": stored(pictures[: SHOWN * PLACES], PLACES),
                }
            )  # fmt: skip
    return rows


def ends(game, seed: int) -> list[tuple[End, End]]:  # noqa: ANN001
    """Ways of one class between two latents, and with one latent between two classes."""
    space, label = spaces(game)["z"], conditions(game, WAYS)
    assert label is not None
    start, end = (space.draw(WAYS, 2 * seed + k, label) for k in (0, 1))
    other = (label + 1 + torch.arange(WAYS) // game.classes % (game.classes - 1)) % game.classes
    return [(End(start, label), End(end, label)), (End(start, label), End(start, other))]


#   max_t |f_(t+1) - f_t| / sum_t |f_(t+1) - f_t|
def leap(features: Tensor) -> float:
    """The share of a way's length that its largest step has, as a mean over ways [R, T, D].

    Of T - 1 even steps each has 1 / (T - 1); a way that leaps once has 1.
    """
    steps = features.double().diff(dim=1).norm(dim=2)
    whole = steps.sum(1).clamp(min=torch.finfo(steps.dtype).tiny)
    return (steps.amax(1) / whole).mean().item()


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, how much larger a share the largest step has of the way through memories."""
    return {
        kind: paired(rows, "case", f"{kind}, {MEMORY}", f"{kind}, {DRAWN}", "leap")
        for kind in KINDS
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    said = ", between ".join(f"{kind} by {told(values)}" for kind, values in found.items())
    return Verdict(
        every((part, BOUND) for part in found.values()),
        "the largest step's share of a way is larger through the nearest training images than "
        f"through samples, between {said}, with 95 % intervals over seeds; both were to lie above "
        f"{BOUND}",
    )


def table(rows: Rows) -> list[list[str]]:
    return means(rows, "case", ("leap",))


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, strips = panels(axes, 1.0)
    cases = list(by(rows, "case", "leap"))
    for place, case in enumerate(cases):
        values = by(rows, "case", "leap")[case]
        axes.plot([place] * len(values), values, "o", alpha=0.5)
    axes.axhline(1 / (PLACES - 1), color="grey", linewidth=0.8)
    axes.set_xticks(
        range(len(cases)), [c.replace(", ", ",\n").replace("nearest ", "nearest\n") for c in cases]
    )
    axes.set(ylabel="share of the largest step; line: even steps", ylim=(0, None))
    strips.set_axis_off()
    first = [r for r in rows if r["seed"] == rows[0]["seed"]]
    for place, row in enumerate(first):
        panel = strips.inset_axes((0, 1 - (place + 1) / len(first), 1, 0.7 / len(first)))
        show(panel, row["frames"], row["case"])


CLAIM = Claim(
    says="Interpolation between latents and between classes of a BigGAN is smooth: it has not "
    "memorised its data.",
    how=f"`biggan` after {BIGGAN:,} images of Fashion-MNIST at 32 pixels. {WAYS} ways of "
    f"{PLACES} places, along arcs between two latents of one class, and straight from one class's "
    "embedding to another's with one latent. In the features of the shipped classifier: which "
    "share of a way's length its largest step has. Beside it the same of the training images "
    "nearest to each place: what a model that had memorised them would draw.",
    rule="By seed: that share for the nearest training images less for samples, between latents "
    f"and between classes. Confirmed if both intervals lie above {BOUND}; refuted if one lies "
    "below.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
    remark="Both differences lie well above 0: samples change more evenly than the nearest "
    "training images do. What was missed is the bound. The games are those that "
    "`biggan-truncation` trained: the seconds below are without their training.",
)
