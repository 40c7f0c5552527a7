"""Every discriminator on the samples of every generator."""

from pathlib import Path

import torch
from torch import Tensor

from cardigan.data import catalogue
from cardigan.data.stream import as_floats
from cardigan.game import Game
from cardigan.subjects import draw as drawn

from .frame import CONFIRMED, REFUTED, UNDECIDED, Claim, Rows, Verdict, by, interval, means
from .models import IMAGES, trained

N = 2000
BOUND = 0.05


def measure(seed: int, folder: Path) -> Rows:
    games = {name: trained(name, seed, folder.parent) for name in IMAGES}
    samples = {name: drawn(game, N, seed).images for name, game in games.items()}
    reals = catalogue.load("fashion-mnist-mini", "test").images[:N]
    return [
        {
            "discriminator": judge,
            **{maker: auc(logits(game, reals), logits(game, s)) for maker, s in samples.items()},
        }
        for judge, game in games.items()
    ]


@torch.no_grad()
def logits(game: Game, images: Tensor) -> Tensor:
    """What a game's discriminator says in eval mode: [N]."""
    net = game.players["discriminator"].eval_net
    return torch.cat([net(as_floats(part)) for part in images.split(250)]).double()


def auc(real: Tensor, fake: Tensor) -> float:
    """The chance that a real is judged above a fake: Mann and Whitney 1947."""
    order = torch.cat([real, fake]).argsort().argsort().double()
    ranks = order[: len(real)].sum() - len(real) * (len(real) - 1) / 2
    return (ranks / (len(real) * len(fake))).item()


def own(rows: Rows) -> list[float]:
    """By seed, mean AUC on the own generator's samples less that on the others'.

    How good a discriminator or a generator is by itself cancels over the whole table.
    """
    found = []
    for seed in by(rows, "seed", "discriminator"):
        table = [r for r in rows if r["seed"] == seed]
        same = [r[r["discriminator"]] for r in table]
        others = [r[k] for r in table for k in IMAGES if k != r["discriminator"]]
        found.append(sum(same) / len(same) - sum(others) / len(others))
    return found


def judge(rows: Rows) -> Verdict:
    middle, low, high = interval(own(rows))
    apart, alike = low > BOUND or high < -BOUND, -BOUND < low and high < BOUND
    words = CONFIRMED if apart else REFUTED if alike else UNDECIDED
    return Verdict(
        words,
        f"the AUC on its own generator's samples less that on the others' is {middle:.3f} "
        f"({low:.3f} to {high:.3f}, {len(own(rows))} seeds)",
    )


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    table = torch.tensor([[r[k] for k in IMAGES] for r in rows]).view(-1, len(IMAGES), len(IMAGES))
    mean = table.mean(0)
    axes.imshow(mean, vmin=0, vmax=1, cmap="RdYlGn")
    for i, row in enumerate(mean.tolist()):
        for j, value in enumerate(row):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center")
    ticks = range(len(IMAGES))
    axes.set_xticks(ticks, [f"{name}'s\nsamples" for name in IMAGES])
    axes.set_yticks(ticks, [f"{name}'s\ndiscriminator" for name in IMAGES])
    axes.set_title("AUC, held-out reals above fakes", fontsize=10)


CLAIM = Claim(
    says="A discriminator is tuned to its own generator: it is no universal judge.",
    how=f"{', '.join(f'{k} after {v:,} images' for k, v in IMAGES.items())} of Fashion-MNIST. "
    f"Each discriminator, in eval mode, judges {N:,} held-out reals and {N:,} samples of each "
    "generator; the AUC is 0.5 where it cannot tell them apart. Models are those of "
    "`recall-precision`, and are trained by whichever of the two is run first.",
    rule="By seed, the mean AUC on the own generator's samples less the mean on the others'; how "
    "strong a player is by itself cancels over the table. Confirmed if the interval lies wholly "
    f"above {BOUND} or wholly below -{BOUND}; refuted if it lies wholly between.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=lambda rows: means(rows, "discriminator", tuple(IMAGES)),
    draw=draw,
)
