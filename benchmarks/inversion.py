"""Is what a generator drew found again? Inversion of a run's own samples.

    python benchmarks/inversion.py RUN [-n 100] [--starts 4] [--steps 300] [--space z ...]

Samples of latents that are then forgotten are inverted by descent from several starts. A sample
counts as recovered if the distance to it, in features of the shipped classifier, falls by 90 % or
more from that of what the mean latent draws. Chance stands beside: the nearest of as many drawn
samples as the starts are chosen from.
"""

import argparse
import time
from pathlib import Path

import torch
from step import facts
from torch import Tensor

from cardigan import device as devices
from cardigan.explore.inversion import DRAWN, Look, Search, balanced, distances, invert
from cardigan.explore.spaces import Space, conditions, spaces
from cardigan.game import Game
from cardigan.metrics.features import seen_by
from cardigan.metrics.networks import classifier_for
from cardigan.run import Run

FALL, TARGET = 0.9, 0.9  # by how much distances shall fall, and in which share of samples
SEED = 1_000  # of the samples; those of the starts begin at 0
LEVELS = (0.5, 0.8, 0.9, 0.95)


def measured(
    game: Game, space: Space, targets: Tensor, look: Look, search: Search
) -> tuple[Tensor, Tensor, float]:
    """By how much distances fall, by descent and by chance: [N] each; and seconds."""
    began = time.monotonic()
    found = invert(game, space, targets, search)
    seconds = time.monotonic() - began
    mean = distances(look, found.mean_images, targets)
    told = conditions(game, DRAWN)
    drawn = space.decode(space.draw(DRAWN, 0, told), told)
    chance = torch.cdist(look(targets), look(drawn)).amin(1)
    return 1 - distances(look, found.images, targets) / mean, 1 - chance / mean, seconds


def row(name: str, falls: Tensor) -> str:
    shares = [(falls >= level).double().mean().item() for level in LEVELS]
    cells = [f"{share:.0%}" for share in shares]
    return f"| {name} | {falls.median().item():.1%} | {' | '.join(cells)} |"


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("-n", type=int, default=100)
    parser.add_argument("--starts", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--space", nargs="*", default=[])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    run = Run(given.run)
    game = run.load().to(devices.pick(given.device))
    look = seen_by(classifier_for(run.recipe.dataset(), game.device).net)
    there = spaces(game)
    source, told = there["z"], conditions(game, given.n, SEED)
    targets = source.decode(source.draw(given.n, SEED, told), told)
    compared = balanced([look, lambda x: x.flatten(1)], targets)
    search = Search(compared, starts=given.starts, steps=given.steps)
    lines = [
        f"{given.n} samples of {run.name} after {game.seen:,} images, {given.starts} starts, "
        f"{given.steps} steps; {facts(game.device).partition(', batch')[0]}", "",
        f"| space | median fall | {' | '.join(f'by {level:.0%}' for level in LEVELS)} |",
        "|---|---|" + "---|" * len(LEVELS),
    ]  # fmt: skip
    for name in given.space or there:
        falls, chance, seconds = measured(game, there[name], targets, look, search)
        share = (falls >= FALL).double().mean().item()
        verdict = {True: "met", False: "not met"}[share >= TARGET]
        lines += [row(name, falls), row(f"{name}, nearest of {DRAWN} drawn", chance)]
        print(f"{name}: {share:.0%} fall by {FALL:.0%} or more, target {TARGET:.0%} {verdict}; "
              f"{seconds:.0f} s")  # fmt: skip
    page = "\n".join(lines)
    print(page)
    if given.out:
        given.out.write_text(page + "\n")


if __name__ == "__main__":
    main()
