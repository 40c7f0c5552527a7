"""A discriminator that is told how much its batch varies: do samples vary more?"""

from dataclasses import replace
from pathlib import Path

from .frame import Claim, Rows, Verdict, by, every, means, paired, panels, show, told
from .growing import CLOCKS, GROWING, IMAGES, PAIRED, N, along
from .pggan_faster import GROWN

NONE, FEW, BATCH = "nothing", "groups of four", "the whole batch"
# What is told of a group of one is the same for every batch.
RECIPES = {NONE: replace(GROWING, group=1), BATCH: replace(GROWING, group=0)}
FIGURES = ("ms_ssim", "recall", "frechet", "swd")
BOUND = 0.0


def measure(seed: int, folder: Path) -> Rows:
    found = {
        case: along(f"growing, {case}", recipe, seed, folder.parent, (IMAGES,))[-1]
        for case, recipe in RECIPES.items()
    }
    found[FEW] = along(GROWN, GROWING, seed, folder.parent, CLOCKS)[-1]
    return [found[case] | {"case": case} for case in (NONE, FEW, BATCH)]


def parts(rows: Rows) -> dict[str, list[float]]:
    """By seed, how much more alike samples are without statistics than with each kind."""
    return {case: paired(rows, "case", NONE, case, "ms_ssim") for case in (FEW, BATCH)}


def judge(rows: Rows) -> Verdict:
    found = parts(rows)
    said = " and ".join(f"{told(values)} than with {case}" for case, values in found.items())
    recall = ", ".join(
        f"{told(paired(rows, 'case', case, NONE, 'recall'))} with {case}" for case in found
    )
    return Verdict(
        every((part, BOUND) for part in found.values()),
        f"without statistics MS-SSIM is higher by {said}, with 95 % intervals over seeds; both "
        f"were to lie above {BOUND:g}. Recall is larger by {recall}",
    )


def table(rows: Rows) -> list[list[str]]:
    heading, *lines = means(rows, "case", FIGURES)
    return [["what the discriminator is told", *heading[1:]], *lines]


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    alike, recall, strips = panels(axes, 1.0, 1.0)
    for panel, figure, title in (
        (alike, "ms_ssim", "MS-SSIM of pairs, less is more varied"),
        (recall, "recall", "recall, more is more varied"),
    ):
        for seed in by(rows, "seed", figure):
            own = [r for r in rows if r["seed"] == seed]
            panel.plot([r["case"] for r in own], [r[figure] for r in own], "o-", alpha=0.6,
                       label=f"seed {seed}")  # fmt: skip
        panel.set(ylabel=title)
        panel.margins(x=0.2)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
    strips.set_axis_off()
    first = [r for r in rows if r["seed"] == rows[0]["seed"]]
    for place, row in enumerate(first):
        panel = strips.inset_axes((0, 0.68 - 0.33 * place, 1, 0.24))
        show(panel, row["samples"], row["case"])


CLAIM = Claim(
    says="A discriminator that is told how much its batch varies makes samples vary more.",
    how=f"`progressive-gan` after {IMAGES:,} images of Fashion-MNIST, grown to 32 pixels after "
    "75,000, whose discriminator is told nothing (groups of one, whose deviation is always the "
    "same), the deviation within groups of four, or that of the whole batch of 16. MS-SSIM is "
    f"that of the {PAIRED // 2:,} pairs of {PAIRED:,} samples; recall is Kynkäänniemi's, of "
    f"{N:,} in the features of the shipped classifier.",
    rule="By seed, MS-SSIM without statistics less that with groups of four, and less that with "
    f"the whole batch. Confirmed if both intervals lie above {BOUND:g}; refuted if one lies "
    "below. Recall, which looks at the data as MS-SSIM does not, is reported alone.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)
