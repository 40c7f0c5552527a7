"""Data that vary too little, or were collected or labelled askew, and what learns from them."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Stream
from cardigan.metrics import groups
from cardigan.metrics.attributes import learn
from cardigan.metrics.audit import audit, question
from cardigan.randomness import generator
from cardigan.recipes.dcgan import DCGAN
from cardigan.subjects import draw as drawn
from cardigan.train import train

from .frame import CONFIRMED, REFUTED, UNDECIDED, Claim, Rows, Verdict, interval, means

GROUP, N, SIZE, BOUND = "glasses", 1000, 32, 0.05
IMAGES, SAMPLES = 60_000, 2000
SHORT, LONG = 0, 1  # of hair: what is to be told
FLIPPED = 0.4


class Law(NamedTuple):
    """How training pictures are chosen: shares of (without, with glasses) x (short, long hair)."""

    shares: tuple[tuple[float, float], tuple[float, float]]
    flipped: float = 0.0  # of long hair with glasses, what is labelled short


EVEN = ((0.25, 0.25), (0.25, 0.25))
LAWS: Mapping[str, Law] = {
    "even": Law(EVEN),
    "unvaried: glasses 1 in 50": Law(((0.49, 0.49), (0.01, 0.01))),
    "collected: glasses mostly on short hair": Law(((0.05, 0.45), (0.45, 0.05))),
    "labelled: long hair with glasses called short": Law(EVEN, FLIPPED),
}
GENERATORS = {"even": (0.5, 0.5), "glasses 1 in 10": (0.9, 0.1)}


def measure(seed: int, folder: Path) -> Rows:
    data, test = (catalogue.load("avatars", split, SIZE) for split in ("train", "test"))
    rows = [_classified(name, law, data, test, seed) for name, law in LAWS.items()]
    made = partial(_generated, data=data, test=test, seed=seed)
    return [*rows, *(made(name, shares) for name, shares in GENERATORS.items())]


def _classified(name: str, law: Law, data: Dataset, test: Dataset, seed: int) -> dict:
    index, labels = _chosen(law, data, seed)
    predicted = learn(data.images[index], labels, 2, seed)(test.images).argmax(1)
    group, truth = (test.attributes[a].values for a in (GROUP, "hair"))
    counts = groups.table(group, truth, predicted, 2, 2)
    return {
        "learnt from": f"classifier, {name}",
        "accuracy": (predicted == truth).double().mean().item(),
        "odds gap": groups.equalised_odds_difference(counts).max().item(),
    }


def _chosen(law: Law, data: Dataset, seed: int) -> tuple[Tensor, Tensor]:
    """N training pictures as the law has it, and the labels that they got."""
    group, hair = (data.attributes[a].values for a in (GROUP, "hair"))
    draw = generator(seed, 5)
    order = torch.randperm(len(data), generator=draw)
    cells = [
        order[(group[order] == g) & (hair[order] == h)][: round(N * law.shares[g][h])]
        for g in (0, 1)
        for h in (SHORT, LONG)
    ]
    index = torch.cat(cells)
    labels = hair[index].clone()
    wrong = (group[index] == 1) & (labels == LONG)
    labels[wrong & (torch.rand(len(index), generator=draw) < law.flipped)] = SHORT
    return index, labels


def _generated(name: str, shares: tuple[float, float], data: Dataset, test: Dataset, seed: int):  # noqa: ANN202
    """The share of glasses in what a DCGAN draws, and whether the audit objects to it."""
    group = data.attributes[GROUP].values
    index = torch.cat([(group == g).nonzero()[:, 0][: round(4000 * s)] for g, s in enumerate(shares)])  # noqa: E501  # fmt: skip
    torch.manual_seed(seed)
    game = DCGAN(size=SIZE, channels=3, width=16).game()
    subset = Dataset("avatars, chosen", data.images[index])
    train(game, Stream(subset, 64, seed), IMAGES, seed=seed)
    found = audit(drawn(game, SAMPLES, seed).images, question(data, test, GROUP), seed, uniform=True)  # noqa: E501  # fmt: skip
    return {
        "learnt from": f"generator, {name}",
        "share with glasses": found["values"]["with"]["samples"],
        "accused": float(found["accused"]),
    }


def judge(rows: Rows) -> Verdict:
    def of(case: str, key: str) -> list[float]:
        return [row[key] for row in rows if row["learnt from"] == case]

    even = of("classifier, even", "odds gap")
    more = {
        name: interval(
            [a - b for a, b in zip(of(f"classifier, {name}", "odds gap"), even, strict=True)]
        )  # noqa: E501  # fmt: skip
        for name in LAWS
        if name != "even"
    }
    accused = {name: of(f"generator, {name}", "accused") for name in GENERATORS}
    shares = {name: interval(of(f"generator, {name}", "share with glasses")) for name in GENERATORS}  # noqa: E501  # fmt: skip
    holds = [low > BOUND for _, low, _ in more.values()] + [min(accused["glasses 1 in 10"]) == 1]
    against = [name for name, (_, _, high) in more.items() if high < BOUND]
    words = CONFIRMED if all(holds) else REFUTED if against else UNDECIDED
    told = "; ".join(f"{name}: {m:+.3f} ({low:+.3f} to {high:+.3f})" for name, (m, low, high) in more.items())  # noqa: E501  # fmt: skip
    made = "; ".join(f"{name}: {m:.3f} ({low:.3f} to {high:.3f}), accused {sum(accused[name]):.0f} of {len(accused[name])}" for name, (m, low, high) in shares.items())  # noqa: E501  # fmt: skip
    return Verdict(
        words,
        f"the gap in equality of odds, less that after even data, is {told}. Share of glasses in "
        f"a generator's samples: {made}"
        + (f". Against the claim: {'; '.join(against)}" if against else ""),
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    cases = [f"classifier, {name}" for name in LAWS]
    for place, case in enumerate(cases):
        values = [r["odds gap"] for r in rows if r["learnt from"] == case]
        axes.barh(place, sum(values) / len(values), color="C0", alpha=0.6)
        axes.plot(values, [place] * len(values), "k.", markersize=4)
    labels = [c.removeprefix("classifier, ").replace(": ", ":\n") for c in cases]
    axes.set_yticks(range(len(cases)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("gap in equality of odds between faces with and without glasses")


CLAIM = Claim(
    says="Unvaried data, how they were collected and how they were labelled make an unfair model.",
    how=f"A classifier learns short from long hair from {N:,} avatars of {SIZE} pixels, chosen "
    "evenly, or with few glasses, or with glasses mostly on short hair, or with "
    f"{FLIPPED:.0%} of long hair with glasses labelled short; it is judged on 2,000 even ones by "
    "the gap in equality of odds between faces with and without glasses. And a DCGAN of width 16 "
    f"sees {IMAGES:,} avatars, half or a tenth of which wear glasses; `audit` compares its "
    f"{SAMPLES:,} samples with equal shares.",
    rule="The gap less that of the even classifier with the same seed. Confirmed if, by the "
    f"intervals over seeds, it lies above {BOUND} for each of the three ways, and the generator "
    f"with a tenth is accused at every seed; refuted if the gap of one lies below {BOUND}.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: _table(rows),
    draw=draw,
)


def _table(rows: Rows) -> list[list[str]]:
    taught = [row for row in rows if "odds gap" in row]
    made = [row for row in rows if "accused" in row]
    first = means(taught, "learnt from", ("accuracy", "odds gap"))
    second = means(made, "learnt from", ("share with glasses", "accused"))
    lines = [[*line, "", ""] for line in first[1:]]
    lines += [[name, "", "", *rest] for name, *rest in second[1:]]
    return [[*first[0], *second[0][1:]], *lines]
