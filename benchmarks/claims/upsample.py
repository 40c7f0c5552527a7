"""Checkerboards: the power of samples where a pattern of single pixels has its own."""

from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.data.stream import as_bytes
from cardigan.game import Game
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN
from cardigan.run import make
from cardigan.subjects import BATCH
from cardigan.subjects import draw as drawn

from .frame import Claim, Rows, Verdict, every, means, paired, panels, show, stored, told
from .models import trained

N, IMAGES, SHOWN = 2000, 100_000, 4
BOUND = 1.0  # decibels: a quarter more power
WAYS = ("transposed", "transposed-5", "bilinear")
LABELS = {
    "transposed": "transposed,\nkernels of 4",
    "transposed-5": "transposed,\nkernels of 5",
    "bilinear": "bilinear +\nconvolution",
}
STATES = ("untrained", "trained")


def measure(seed: int, folder: Path) -> Rows:
    reals = catalogue.load("fashion-mnist-mini", "test").images[:N]
    rows = []
    for way in WAYS:
        base = RECIPES["dcgan"]
        assert isinstance(base, DCGAN)
        recipe = replace(base, enlarging=way)
        torch.manual_seed(seed)
        first = untrained(make(recipe.fitted()), seed)
        last = drawn(trained("dcgan", seed, folder.parent, IMAGES, recipe), N, seed).images
        rows += [
            row(way, state, images, reals)
            for state, images in zip(STATES, (first, last), strict=True)
        ]
    return rows


@torch.no_grad()
def untrained(game: Game, seed: int) -> Tensor:
    """What a generator draws before its first move: batch norm has seen nothing but the batch."""
    torch.manual_seed(seed)
    net, device = game.players["generator"].net.train(), game.device
    prior = game.prior  # pyright: ignore[reportAttributeAccessIssue]
    parts = [as_bytes(net(prior(BATCH, device))) for _ in range(N // BATCH)]
    return torch.cat(parts)


def row(way: str, state: str, images: Tensor, reals: Tensor) -> dict[str, Any]:
    """Decibels above the reals, and what of that is excess."""
    (finest, beside), (real_finest, real_beside) = power(images), power(reals)
    found = 10 * log10(finest / real_finest)
    return {
        "case": f"{way}, {state}",
        "nyquist": found,
        "beside": 10 * log10(beside / real_beside),
        "excess": max(found, 0.0),
        "samples": stored(images[:SHOWN], SHOWN),
    }


def power(images: Tensor) -> tuple[float, float]:
    """Shares of the power of images [N, C, H, W], H and W even, of all but their means.

    At the Nyquist frequencies (pi, 0), (0, pi) and (pi, pi) and those next to them, where stripes
    and checkerboards of single pixels lie; and in the ring of width two about these.
    """
    spectrum = torch.fft.fft2(images.double() / 255).abs().square().mean((0, 1))
    spectrum[0, 0] = 0
    spectrum = spectrum / spectrum.sum()
    h, w = spectrum.shape
    points = ((h // 2, 0), (0, w // 2), (h // 2, w // 2))
    inner, outer = (sum(_about(spectrum, point, reach) for point in points) for reach in (1, 3))
    return inner, outer - inner


def _about(spectrum: Tensor, point: tuple[int, int], reach: int) -> float:
    """The sum over a square about a point; frequencies are periodic."""
    centred = spectrum.roll([reach - p for p in point], (0, 1))
    return centred[: 2 * reach + 1, : 2 * reach + 1].sum().item()


def parts(rows: Rows) -> dict[str, list[float]]:
    """How much more excess each transposed convolution has than bilinear upsampling, by seed."""
    return {
        f"{way}, {state}": paired(rows, "case", f"{way}, {state}", f"bilinear, {state}", "excess")
        for state in STATES
        for way in WAYS
        if way != "bilinear"
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    told_of = "; ".join(f"{case}: {told(values)}" for case, values in found.items())
    return Verdict(
        every((part, BOUND) for part in found.values()),
        "power at the Nyquist frequencies above that of reals, less the same of bilinear "
        f"upsampling, in decibels with 95 % intervals over seeds, is {told_of}; each was to lie "
        f"above {BOUND:g}",
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, first, last = panels(axes, 0.55, 0.55)
    for shift, (state, colour) in zip((-0.2, 0.2), zip(STATES, ("C7", "C0"), strict=True), strict=True):  # noqa: E501  # fmt: skip
        for place, way in enumerate(WAYS):
            values = [r["nyquist"] for r in rows if r["case"] == f"{way}, {state}"]
            label = state if not place else None
            axes.bar(place + shift, sum(values) / len(values), 0.38, color=colour, alpha=0.6, label=label)  # noqa: E501  # fmt: skip
            axes.plot([place + shift] * len(values), values, "k.", markersize=4)
    axes.axhline(0, color="k", linewidth=0.8)
    axes.set_xticks(range(len(WAYS)), LABELS.values())
    axes.set_ylabel("decibels above the reals, whose level is 0")
    axes.set_title("Power about the Nyquist frequencies; dots are seeds", fontsize=10)
    axes.legend(frameon=False)
    for panel, state in ((first, STATES[0]), (last, STATES[1])):
        _strips(panel, rows, state)


def _strips(axes, rows: Rows, state: str) -> None:  # noqa: ANN001
    """Samples of the first seed, a row for each way of enlarging."""
    axes.set_axis_off()
    axes.set_title(f"{state}, seed {rows[0]['seed']}", fontsize=10)
    for place, way in enumerate(WAYS):
        inner = axes.inset_axes((0.0, (2 - place) / 3, 1.0, 0.28))
        picture = next(r["samples"] for r in rows if r["case"] == f"{way}, {state}")
        show(inner, picture, LABELS[way].replace("\n", " "))


CLAIM = Claim(
    says="Bilinear upsampling and a convolution draw fewer checkerboards than transposed "
    "convolutions.",
    how=f"`dcgan` on Fashion-MNIST in which nothing changes but how the generator enlarges: "
    "transposed convolutions of 4 at stride 2 (the default), of 5 (the paper's), or bilinear "
    f"upsampling and a convolution of 3; before training and after {IMAGES:,} images. Of {N:,} "
    "samples and as many held-out reals, the share of the power within a bin of (pi, 0), (0, pi) "
    "and (pi, pi), in decibels above the reals' (`nyquist`); `beside` is the same for the ring "
    "of two bins about these, and rises with noise as well.",
    rule="`excess` is that figure where it is positive, and 0 where samples have no more than "
    "reals: smoother than reals is no merit. By seed, a transposed convolution's excess less "
    f"bilinear upsampling's. Confirmed if all four intervals (kernels of 4 and 5, untrained and "
    f"trained) lie above {BOUND:g} decibel; refuted if one lies below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "case", ("nyquist", "beside", "excess")),
    draw=draw,
    remark="Half of it holds: before training transposed convolutions have 11 to 13 decibels "
    "more, and training takes them away. All trained samples are a little smoother than reals.",
)
