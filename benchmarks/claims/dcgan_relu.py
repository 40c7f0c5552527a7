"""ReLU against LeakyReLU in DCGAN's generator."""

from math import log
from pathlib import Path

from cardigan.subjects import draw as drawn

from .frame import Claim, Rows, Verdict, above, interval, means, paired, panels, show, stored
from .models import scores, trained

MODELS = {"dcgan": "ReLU", "dcgan-leaky": "LeakyReLU"}
IMAGES, SHOWN = 100_000, 36
BOUND = 0.05


def measure(seed: int, folder: Path) -> Rows:
    rows = []
    for model in MODELS:
        (found,) = scores(model, seed, folder.parent, (IMAGES,))
        samples = drawn(trained(model, seed, folder.parent, IMAGES), SHOWN, seed).images
        rows.append(
            {"model": model, **found, "log": log(found["frechet"]), "samples": stored(samples, 6)}
        )
    return rows


def judge(rows: Rows) -> Verdict:
    ratios = paired(rows, "model", "dcgan-leaky", "dcgan", "log")
    return above(ratios, BOUND, "the log of the distance with LeakyReLU over that with ReLU")


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, *pictures = panels(axes, 0.6, 0.6)
    for colour, seed in enumerate(sorted({r["seed"] for r in rows})):
        found = {r["model"]: r["frechet"] for r in rows if r["seed"] == seed}
        axes.plot([found[m] for m in MODELS], "o-", color=f"C{colour}", label=f"seed {seed}")
    for place, model in enumerate(MODELS):
        middle, low, high = interval([r["frechet"] for r in rows if r["model"] == model])
        reach = [[middle - low], [high - middle]]
        label = None if place else "mean, 95 % interval"
        at = place + (0.12 if place else -0.12)
        axes.errorbar(at, middle, reach, fmt="ks", capsize=4, label=label)
    axes.set_xticks(range(len(MODELS)), [f"{m}\n({unit})" for m, unit in MODELS.items()])
    axes.set(xlim=(-0.4, 1.4), ylabel="Fréchet distance, less is better")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    for panel, (model, unit) in zip(pictures, MODELS.items(), strict=True):
        first = next(r for r in rows if r["model"] == model)
        show(panel, first["samples"], f"{unit}, seed {first['seed']}")


CLAIM = Claim(
    says="A DCGAN with ReLU in its generator, as the paper has it, draws better than one with "
    "LeakyReLU everywhere.",
    how=f"`dcgan` and `dcgan-leaky` after {IMAGES:,} images of Fashion-MNIST, paired by seed: "
    "first weights, data and latents are the same. Fréchet distance of 2,000 samples to 2,000 "
    "reals in the shipped classifier's features. One source teaches LeakyReLU in both networks, "
    "the paper in the discriminator only.",
    rule="By seed, the log of the distance with LeakyReLU less that with ReLU. Confirmed if the "
    f"interval lies above {BOUND}, so that LeakyReLU costs a twentieth at least; refuted if it "
    "lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "model", ("frechet", "floors", "rarest")),
    draw=draw,
)
