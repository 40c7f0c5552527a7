"""Distorted reals as further fakes, of several strengths, beside the generator's alone."""

from pathlib import Path
from statistics import mean

from cardigan.data import catalogue
from cardigan.data.stream import as_bytes, as_floats
from cardigan.games.semi_supervised import blend

from . import few
from .frame import Claim, Rows, Verdict, above, by, interval

LABELS = 100
STRENGTHS = (0.1, 0.25, 0.5)


def measure(seed: int, folder: Path) -> Rows:
    test = catalogue.load("fashion-mnist-mini", "test")
    rows = []
    for strength in (0.0, *STRENGTHS):
        options = {"distorted": strength} if strength else {}
        game = few.learnt("feature-matching", LABELS, seed, folder.parent, **options)
        rows.append({"strength": strength, "accuracy": few.accuracy(game, test)})
    return rows


def gains(rows: Rows) -> dict[float, list[float]]:
    """By strength and seed: accuracy less that without distorted reals."""
    found = by(rows, "strength", "accuracy")
    return {s: [a - b for a, b in zip(found[s], found[0.0], strict=True)] for s in STRENGTHS}


def judge(rows: Rows) -> Verdict:
    found = gains(rows)
    over_strengths = [mean(each) for each in zip(*found.values(), strict=True)]
    verdict = above(over_strengths, 0.0, "the gain in accuracy, as a mean over strengths,")
    each = ", ".join(f"{few.told(values)} at {s:g}" for s, values in found.items())
    return verdict._replace(why=f"{verdict.why}. It is {each}")


def table(rows: Rows) -> list[list[str]]:
    found, by_strength = gains(rows), by(rows, "strength", "accuracy")
    lines = [
        [f"{s:g}" if s else "none", f"{100 * mean(v):.1f}", ", ".join(f"{100 * a:.1f}" for a in v),
         few.told(found[s]) if s else ""]
        for s, v in by_strength.items()
    ]  # fmt: skip
    return [["strength", "test accuracy, %", "each seed", "beside none"], *lines]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    """Gains along the strength with their intervals, and what such fakes look like."""
    for place, (strength, values) in enumerate(gains(rows).items()):
        middle, low, high = (100 * v for v in interval(values))
        axes.errorbar(
            place, middle, [[middle - low], [high - middle]], fmt="o", color="C0", capsize=4,
            label=None if place else "mean, 95 %",
        )  # fmt: skip
        axes.plot([place + 0.08] * len(values), [100 * v for v in values], ".", color="C1",
                  label=None if place else "a seed")  # fmt: skip
        axes.inset_axes((0.05 + 0.31 * place, 1.02, 0.28, 0.25)).imshow(
            _fakes(strength), cmap="gray"
        )
        axes.child_axes[-1].set_axis_off()
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xticks(range(len(STRENGTHS)), [f"{s:g}" for s in STRENGTHS])
    axes.set(
        xlabel="strength of the distortion: what the second image counts",
        ylabel="accuracy gained, points", xlim=(-0.5, len(STRENGTHS) - 0.5),
    )  # fmt: skip
    axes.legend(frameon=False)


def _fakes(strength: float):  # noqa: ANN202
    """Three blends side by side: [28, 84]."""
    images = catalogue.load("fashion-mnist-mini", "test").images[:3]
    return as_bytes(blend(strength)(as_floats(images)))[:, 0].permute(1, 0, 2).flatten(1).numpy()


CLAIM = Claim(
    says="Fakes of different difficulty help semi-supervision; distorted reals are one way to "
    "dial it.",
    how=f"`feature-matching` with {LABELS} labels sees {few.IMAGES:,} images of Fashion-MNIST "
    "(10,000), and half of the fakes are blends (1 - s) x + s x' of two unlabelled images: "
    f"s = {', '.join(f'{s:g}' for s in STRENGTHS)}, from hard to easy to tell from reals; beside "
    "the same without. Accuracy on 2,000 held-out images. A seed is that of the weights and of "
    "the choice of labels. Above the plot are such fakes.",
    rule="By seed, the accuracy less that without distorted reals, as a mean over strengths: to "
    "pick the best afterwards would flatter it. Confirmed if its interval lies above 0; refuted "
    "if it lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
