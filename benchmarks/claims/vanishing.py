"""What reaches the generator of each loss as its discriminator gets better."""

from collections.abc import Mapping
from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import torch

from cardigan.game import Game
from cardigan.games.gan import GAN
from cardigan.randomness import mix
from cardigan.recipes.dcgan import DCGAN
from cardigan.recipes.options import Restraints
from cardigan.run import make

from .d_overfits import auc
from .frame import Claim, Rows, Verdict, by, every, told
from .models import trained

BEGUN = 20_000
AT = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
N = 500
GONE = -1.0

_PLAIN = DCGAN(discriminator_norm="layer")
LOSSES: Mapping[str, DCGAN] = {
    "minimax": replace(_PLAIN, loss="minimax"),
    "non-saturating": _PLAIN,
    "least-squares": replace(_PLAIN, loss="least-squares"),
    "wasserstein": replace(
        _PLAIN, loss="wasserstein", discriminator=Restraints(penalty="unit-slope")
    ),
}


def measure(seed: int, folder: Path) -> Rows:
    begun = trained("dcgan", seed, folder.parent, BEGUN)
    return [row for name, recipe in LOSSES.items() for row in _path(name, recipe, begun, seed)]


def _path(name: str, recipe: DCGAN, begun: Game, seed: int) -> Rows:
    """A discriminator learns against a generator that stands still."""
    recipe = recipe.fitted()
    torch.manual_seed(mix(seed))
    game: Any = make(recipe)
    game.generator.net.load_state_dict(begun.players["generator"].net.state_dict())
    stream = recipe.stream(recipe.dataset(), torch.device("cpu"))
    rows = []
    for step in range(1, AT[-1] + 1):
        move = next(game.round(stream))  # the discriminator's is the first
        game.discriminator.backward(move.loss.mean())
        game.discriminator.step(stream.seen)
        if step in AT:
            rows.append({"loss": name, "steps": step, **_look(game, recipe)})
    return rows


def _look(game: GAN, recipe: DCGAN) -> dict[str, float]:
    """How well reals are told from fakes, and the norm of what the generator would descend."""
    dataset = recipe.dataset("test")
    held_out = dataset.images[:N].float() / 127.5 - 1
    fake = game.fake(N, None)
    loss = game.generator_loss(game, held_out, fake, None).mean()
    slopes = torch.autograd.grad(loss, game.generator.lists.own)
    with torch.no_grad():
        judged = auc(*(game.discriminator(x, None).double() for x in (held_out, fake)))
    return {"auc": judged, "gradient": torch.stack(torch._foreach_norm(slopes)).norm().item()}


def faded(rows: Rows, loss: str) -> list[float]:
    """By seed, log10 of the last gradient's norm over the largest on the way."""
    paths = by([r for r in rows if r["loss"] == loss], "seed", "gradient")
    return [log10(max(path[-1], 1e-30) / max(path)) for path in paths.values()]


def judge(rows: Rows) -> Verdict:
    minimax, *others = (faded(rows, name) for name in LOSSES)
    gone = [-value for value in minimax]
    words = every([(gone, -GONE), *((kept, GONE) for kept in others)])
    lines = [f"{name} {told(faded(rows, name))}" for name in LOSSES]
    return Verdict(words, f"log10 of the last gradient over the largest: {', '.join(lines)}")


def table(rows: Rows) -> list[list[str]]:
    lines = [
        [
            "loss",
            "AUC at the end",
            "largest gradient",
            "last gradient",
            "log10 of last over largest",
        ]
    ]
    for name in LOSSES:
        chosen = [r for r in rows if r["loss"] == name]
        paths = by(chosen, "seed", "gradient").values()
        ends = [path[-1] for path in by(chosen, "seed", "auc").values()]
        columns = (ends, [max(p) for p in paths], [p[-1] for p in paths], faded(rows, name))
        lines.append([name, *(f"{sum(c) / len(c):.3g}" for c in columns)])
    return lines


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for name in LOSSES:
        line = by([r for r in rows if r["loss"] == name], "steps", "gradient")
        values = torch.tensor([*line.values()]).log10()
        middle = 10 ** values.mean(1)
        axes.plot(list(line), middle, "o-", label=name)
        axes.fill_between(list(line), *(10**v for v in values.aminmax(dim=1)), alpha=0.15)
    axes.set(
        xscale="log", yscale="log", xlabel="steps of the discriminator, the generator held",
        ylabel="norm of the generator's gradient",
    )  # fmt: skip
    axes.legend(frameon=False)


CLAIM = Claim(
    says="Where the discriminator is good, the minimax generator's gradient vanishes; "
    "non-saturating, least-squares and Wasserstein losses keep it.",
    how=f"dcgan's generator after {BEGUN:,} images of Fashion-MNIST stands still, while a new "
    "discriminator (width 32, layer norm; under Wasserstein none, and a penalty of 10 on its "
    f"slope) learns for {AT[-1]} steps with each loss, at dcgan's rates. On the way: the AUC of "
    f"{N} held-out reals against {N} fakes, and the norm of the gradient that the loss gives the "
    "generator.",
    rule="By seed and loss, log10 of the last gradient's norm over the largest on the way; a loss "
    f"lets it vanish below {GONE:g}, a tenth. Confirmed if the interval of minimax lies below and "
    "those of the others above; refuted if that of minimax lies above, or one of the others "
    "below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)  # fmt: skip
