"""Which layers of a StyleGAN hold which attributes of avatars, and what its noise changes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from cardigan.data.stream import as_bytes
from cardigan.explore.mixing import mixed
from cardigan.explore.spaces import spaces
from cardigan.games.stylegan import StyleGAN
from cardigan.nets.styles import PixelNoise
from cardigan.randomness import generator

from .faces import AVATARS, STYLED, judges
from .frame import Claim, Rows, Verdict, every, means, paired, panels, show, stored, told
from .models import trained

IMAGES, ROWS, COLUMNS, NOISES, SHOWN = 200_000, 40, 40, 5, 6
LAYERS = {"coarse": range(4), "middle": range(4, 6), "fine": range(6, 8)}
COARSE, _, FINE = LAYERS
NOISE, OWN = "noise", "nothing"
SHAPES, COLOURS = ("hat", "glasses", "hair", "mouth"), ("skin", "hair_colour")
KINDS = {"shapes": SHAPES, "colours": COLOURS, **{n: (n,) for n in SHAPES + COLOURS}}
APART, KEPT, FINER = 0.1, 0.9, 0.1
Looks = Mapping[str, Tensor]  # of each attribute, values int64 [N] or [R, C]


def measure(seed: int, folder: Path) -> Rows:
    recipe = replace(STYLED, data=AVATARS)
    game = trained("stylegan", seed, folder.parent, IMAGES, recipe)
    assert isinstance(game, StyleGAN)
    own, others = spaces(game)["w"].draw(ROWS + COLUMNS, seed, None).split([ROWS, COLUMNS])
    before, sources = game.synthesise(own), game.synthesise(others)
    changed = {what: mixed(game, own, others, layers) for what, layers in LAYERS.items()}
    was, given = looks(before), looks(sources)
    rows: Rows = [{"changed": OWN, "samples": stored(as_bytes(sources[:SHOWN]), SHOWN)}]
    for what, images in (changed | {NOISE: renoised(game, own, seed)}).items():
        now = {k: v.unflatten(0, images.shape[:2]) for k, v in looks(images.flatten(0, 1)).items()}
        kept = [(now[k] == was[k][:, None]).double().mean().item() for k in now]
        asked = KINDS if what in LAYERS else ()
        few = torch.cat([before[:1], images[0, : SHOWN - 1]])
        rows.append(
            {
                "changed": what, "kept": mean(kept), "detail": detail(images - before[:, None]),
                "samples": stored(as_bytes(few), SHOWN),
                **{kind: followed(KINDS[kind], now, was, given) for kind in asked},
            }
        )  # fmt: skip
    return rows


def looks(images: Tensor) -> Looks:
    """The likeliest value of each attribute of images [N, C, H, W]: int64 [N]."""
    pictures = as_bytes(images)
    return {name: judge(pictures).argmax(1) for name, judge in judges().items()}


def followed(names: Sequence[str], now: Looks, was: Looks, given: Looks) -> float:
    """Of pairs [R, C] of samples and sources that differ, how many come to look like the source.

    Pairs are counted once for each of the attributes that are named.
    """
    hits = [(now[name] == given[name])[was[name][:, None] != given[name]] for name in names]
    return torch.cat(hits).double().mean().item()


@torch.no_grad()
def renoised(game: StyleGAN, w: Tensor, seed: int) -> Tensor:
    """Samples of w [R, W], each with a few noises anew: [R, NOISES, C, H, W]."""
    layers = [m for m in game.generator.eval_net.modules() if isinstance(m, PixelNoise)]
    draw, found = generator(seed, 7), []
    for _ in range(NOISES):
        for layer in layers:
            layer.fixed.copy_(torch.randn(layer.fixed.shape, generator=draw))
        found.append(game.synthesise(w))
    return torch.stack(found, 1)


#   sum over waves shorter than 8 pixels of |F|^2 / sum over all of |F|^2
def detail(change: Tensor) -> float:
    """How much of the power of changes [..., H, W] lies in waves shorter than 8 pixels."""
    power = torch.fft.fft2(change.double()).abs().square().flatten(0, -3).sum(0)
    y, x = (torch.fft.fftfreq(side).abs() for side in power.shape)
    short = (y[:, None] > 1 / 8) | (x > 1 / 8)
    return (power[short].sum() / power.sum()).item()


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, what coarse layers and fine ones hold more of, and noise beside fine layers."""
    return {
        "shapes": paired(rows, "changed", COARSE, FINE, "shapes"),
        "colours": paired(rows, "changed", FINE, COARSE, "colours"),
        "kept": [row["kept"] for row in rows if row["changed"] == NOISE],
        "finer": paired(rows, "changed", NOISE, FINE, "detail"),
    }


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    bounds = {"shapes": APART, "colours": APART, "kept": KEPT, "finer": FINER}
    said = {key: told(values) for key, values in found.items()}
    return Verdict(
        every((found[key], bound) for key, bound in bounds.items()),
        f"shapes follow coarse layers more often than fine ones by {said['shapes']} and colours "
        f"fine ones more often than coarse by {said['colours']}, where {APART} was asked of both; "
        f"with other noise {said['kept']} of the attributes stay, where {KEPT} was asked, and "
        f"detail is a larger share of what changes than with fine layers by {said['finer']}, "
        f"where {FINER} was asked; with 95 % intervals over seeds",
    )


def table(rows: Rows) -> list[list[str]]:
    keys = (*KINDS, "kept", "detail")
    filled = [{k: torch.nan for k in keys} | row for row in rows if row["changed"] != OWN]
    heading, *lines = means(filled, "changed", keys)
    return [heading, *([cell.replace("nan", "-") for cell in line] for line in lines)]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    axes, strips = panels(axes, 1.0)
    names = [*SHAPES, *COLOURS]
    for colour, what in enumerate(LAYERS):
        own = [row for row in rows if row["changed"] == what]
        for place, name in enumerate(names):
            x = place + 0.2 * (colour - 1)
            axes.plot([x] * len(own), [row[name] for row in own], "o", color=f"C{colour}",
                      alpha=0.6, label=None if place else what)  # fmt: skip
    axes.axvline(len(SHAPES) - 0.5, color="grey", linewidth=0.8)
    axes.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axes.set(ylabel="share that follows the source", ylim=(-0.02, 1.02))
    axes.legend(frameon=False, title="mixed layers")
    strips.set_axis_off()
    titles = {OWN: "sources", NOISE: "a sample, and other noise"}
    first = [row for row in rows if row["seed"] == rows[0]["seed"]]
    for place, row in enumerate(first):
        panel = strips.inset_axes((0, 0.82 - 0.2 * place, 1, 0.14))
        what = row["changed"]
        show(panel, row["samples"], titles.get(what, f"a sample, and sources' {what} layers"))


CLAIM = Claim(
    says="A StyleGAN's coarse layers hold shape and pose, its fine ones texture and colour; its "
    "noise changes only detail.",
    how=f"`stylegan` after {IMAGES:,} avatars at 32 pixels, where it is at full size after "
    f"60,000. {ROWS} samples take the w of {COLUMNS} others, the sources, in layers of 4 and 8 "
    "pixels (coarse), of 16 (middle) or of 32 (fine). Classifiers trained on avatars tell six "
    "attributes before and after: of the pairs that differ in a shape (hat, glasses, hair, mouth) "
    "or a colour (skin, hair), how many come to look like the source. Then "
    f"only noise is drawn anew, {NOISES} times: how many attributes stay, and which share of the "
    "change's power lies in waves shorter than 8 pixels.",
    rule="By seed: the share of shapes that follows coarse layers less fine ones; of colours, "
    "fine ones less coarse; the attributes that stay with other noise; and the share of detail "
    "in what noise changes less that in what fine layers change. Confirmed if the intervals lie "
    f"above {APART}, {APART}, {KEPT} and {FINER}; refuted if one lies below its bound.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
