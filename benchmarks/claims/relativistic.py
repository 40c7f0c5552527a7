"""What a relativistic discriminator says of reals while fakes improve, and what it costs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cardigan.data.stream import as_floats
from cardigan.losses import NON_SATURATING, relativistic_average
from cardigan.recipes.dcgan import DCGAN

from . import rates
from .frame import Claim, Rows, Verdict, every, told
from .models import trained

BEGUN, MOVES, N = 20_000, 50, 500
ALIKE = 0.95
Judgement = Callable[[Tensor, Tensor], Tensor]  # logits of reals and of fakes -> D(real) [N]
RECIPES: Mapping[str, DCGAN] = {
    "non-saturating": DCGAN(),
    "relativistic, paired": replace(DCGAN(), relativistic="paired"),
    "relativistic, average": replace(DCGAN(), relativistic="average"),
}
JUDGED: Mapping[str, Judgement] = {
    "non-saturating": lambda real, fake: real.sigmoid(),
    "relativistic, paired": lambda real, fake: (real - fake).sigmoid(),
    "relativistic, average": lambda real, fake: (real - fake.mean()).sigmoid(),
}


def measure(seed: int, folder: Path) -> Rows:
    rows = []
    for name, recipe in RECIPES.items():
        game: Any = trained("dcgan", seed, folder.parent, BEGUN, recipe)
        rows.append({"loss": name, **_moved(game, JUDGED[name], seed)})
    return rows + rates.measured(RECIPES, seed, folder.parent)


def _moved(game: Any, judged: Judgement, seed: int) -> dict[str, float]:
    """D(real) before and after the generator alone has moved, and how alike the averages are."""
    torch.manual_seed(seed)
    recipe = DCGAN().fitted()
    real = as_floats(recipe.dataset("test").images[:N])
    z = game.latents(N)

    @torch.no_grad()
    def logits() -> tuple[Tensor, Tensor]:
        fake = game.generator(z, None)
        return game.discriminator(real, None), game.discriminator(fake, None)

    before = logits()
    for _ in range(MOVES):
        fake = game.fake(64, None)
        game.generator.backward(game.generator_loss(game, real[:64], fake, None).mean())
        game.generator.step(BEGUN)
    after = logits()
    return {
        "before": judged(*before).mean().item(),
        "after": judged(*after).mean().item(),
        "alike": _alike(*before),
    }


def _alike(real: Tensor, fake: Tensor) -> float:
    """The cosine between slopes of the loss beside averages, and of that over all pairs."""

    def all_pairs(real: Tensor, fake: Tensor) -> Tensor:
        return NON_SATURATING.discriminator(real[:, None] - fake, fake - real[:, None]).mean()

    def averages(real: Tensor, fake: Tensor) -> Tensor:
        return relativistic_average(NON_SATURATING).discriminator(real, fake).mean()

    own = [x.detach().double().requires_grad_() for x in (real, fake)]
    slopes = [torch.cat(torch.autograd.grad(loss(*own), own)) for loss in (all_pairs, averages)]
    return torch.cosine_similarity(*slopes, dim=0).item()


def judge(rows: Rows) -> Verdict:
    alone, pair, mean = RECIPES
    moved = {name: [r for r in rows if "before" in r and r["loss"] == name] for name in RECIPES}
    falls = [[r["before"] - r["after"] for r in moved[name]] for name in (pair, mean)]
    alike = [r["alike"] for r in moved[mean]]
    spans = [rates.span(rows, name) for name in (alone, mean)]
    calm = [a - b for a, b in zip(*spans, strict=True)]
    return Verdict(
        every([*((fall, 0.0) for fall in falls), (alike, ALIKE), (calm, 0.0)]),
        f"while the generator alone moves, D(real) falls by {told(falls[0])} if paired and by "
        f"{told(falls[1])} beside averages, and not at all by itself; slopes beside averages and "
        f"over all pairs have a cosine of {told(alike)}; over learning rates distances beside "
        f"averages span {told(calm)} powers of ten less than the non-saturating loss's",
    )


def table(rows: Rows) -> list[list[str]]:
    lines = rates.tabled(rows)
    moved = [r for r in rows if "before" in r]
    lines[0] += ["D(real)", "and after the generator's moves", "cosine with all pairs"]
    for line in lines[1:]:
        chosen = [r for r in moved if r["loss"] == line[0]]
        line += [
            f"{sum(r[key] for r in chosen) / len(chosen):.3f}"
            for key in ("before", "after", "alike")
        ]
    return lines


CLAIM = Claim(
    says="D(real) should fall as fakes improve; a relativistic discriminator uses that half of "
    "the batch is fake, looks at all pairs without their cost, and trains more stably.",
    how=f"dcgan's networks after {BEGUN:,} images of Fashion-MNIST under each loss. Then the "
    f"generator alone moves {MOVES} times: what is said of {N} reals before and after, each loss "
    "in its own way. Then slopes of the loss beside the batch's average, and of the loss over "
    f"all {N} x {N} pairs. Stability: {rates.IMAGES:,} images at four learning rates; how many "
    "powers of ten lie between the Fréchet distances of the best and the worst.",
    rule="By seed: how far D(real) falls, paired and beside averages (bound 0; by itself it "
    f"cannot move); the cosine of the slopes (bound {ALIKE}); and the span over rates of the "
    "non-saturating loss less that of the loss beside averages (bound 0). Confirmed if all four "
    "intervals lie above their bounds; refuted if one lies below.",
    seeds=(0, 1, 2),
    measure=measure,
    judge=judge,
    table=table,
    draw=rates.drawn,
)  # fmt: skip
