"""BigBiGAN's encoder beside a generator of BigGAN's and one of DCGAN's: which learns more?"""

from dataclasses import replace
from pathlib import Path

import torch

from cardigan.run import make

from . import bigbigan
from .bigbigan import BASE, HOW, LITTLE, knowledge
from .dcgan_features import acquainted
from .frame import Claim, Rows, Verdict, above, paired, told

LARGE, SMALL, UNTRAINED = "BigGAN's generator", "DCGAN's generator", "untrained encoder"
RECIPES = {LARGE: BASE, SMALL: replace(BASE, generator="dcgan")}


def measure(seed: int, folder: Path) -> Rows:
    rows = bigbigan.measured(RECIPES, seed, folder.parent)
    return [*rows, {"case": UNTRAINED, **untrained(seed)}]


def untrained(seed: int) -> dict[str, float]:
    """What an encoder knows with its first weights, whose batch norm has seen the reals."""
    torch.manual_seed(seed)
    encoder = make(BASE.fitted()).players["encoder"].net
    return knowledge(acquainted(encoder, BASE.size), BASE.size, seed)


def judge(rows: Rows) -> Verdict:
    gained = paired(rows, "case", LARGE, SMALL, "probe")
    learnt = paired(rows, "case", LARGE, UNTRAINED, "probe")
    words, why = above(gained, LITTLE, "the accuracy with BigGAN's generator less DCGAN's")
    return Verdict(words, f"{why}; less that of an untrained encoder it is {told(learnt)}")


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    bigbigan.drawn(rows, axes, ("probe", "frechet"))


CLAIM = Claim(
    says="The generator's capacity decides what a BigBiGAN's encoder learns: BigGAN's against "
    "DCGAN's.",
    how="`bigbigan` at 32 pixels with `--generator` biggan and dcgan of one width, all else "
    f"equal, {HOW} Weights are those of the generator: BigGAN's has 2.2 times as many as DCGAN's. "
    "Beside them an encoder with its first weights, whose batch norm has seen the reals.",
    rule="By seed, the accuracy on features beside BigGAN's generator less that beside DCGAN's. "
    f"Confirmed if the interval lies above {LITTLE}; refuted if below. What training adds at all, "
    "the accuracy less that of the untrained encoder, is reported alone.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=bigbigan.table,
    draw=draw,
)
