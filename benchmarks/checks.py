"""What do checks and the log cost a training round of DCGAN?

    python benchmarks/checks.py [--sizes 32 64] [--widths 32 64] [--repeats 25] [--out FILE.md]

All variants train in turn within one run, in an order that turns with each repeat, so that a
machine's moods meet them alike. `bare` is the loop without a look at anything: no gradient, weight
or statistic is checked for being finite, and nothing is logged. `+ checks` is the loop as it is,
and `+ log` writes log.jsonl as often as `cardigan train` does. The cost is the share of time that
a variant takes beside `bare` in the same repeat: the median, and its interval at 95 % by
resampling the repeats. What the interval does not tell from nothing, is not told.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from step import BATCH, CHANNELS, facts, seconds
from torch import Tensor

from cardigan import game as games
from cardigan import hooks, tensorboard
from cardigan import train as loop
from cardigan.data.dataset import Dataset
from cardigan.device import fastest, pick
from cardigan.game import Game
from cardigan.recipes import RECIPES
from cardigan.run import Run

Play = Callable[[int], None]  # so many rounds


class Unguarded:
    """Stands where the guard does, and looks at nothing."""

    def __init__(self, game: Game, tolerate: int) -> None:
        self.buffers: list[Tensor] = []
        self.bad = torch.zeros((), dtype=torch.bool, device=game.device)

    def begin(self) -> None:
        """Nothing."""

    def end(self, log: loop.Log, seen: int) -> tuple[Tensor, bool]:
        """All is well, whatever the log says."""
        del log[loop.STOP]
        return self.bad, False

    def finish(self, seen: int) -> None:
        """Nothing."""


def playing(images: Tensor, width: int) -> Callable[[int, list[loop.Hook]], None]:
    """Plays a game of its own as `cardigan train` does, on noise."""
    recipe = replace(RECIPES["dcgan"], size=images.shape[-1], channels=CHANNELS, width=width)
    game = recipe.game().to(images.device, memory_format=torch.channels_last)
    stream, precision = recipe.stream(Dataset("noise", images), images.device), fastest

    def play(rounds: int, beside: list[loop.Hook]) -> None:
        until = game.seen + rounds * BATCH
        loop.train(game, stream, until, precision=precision(images.device), hooks=beside)

    return play


def variants(images: Tensor, width: int, folder: Path) -> dict[str, Play]:
    """Each with a game of its own."""
    bare, checked, logged = (playing(images, width) for _ in range(3))
    every = RECIPES["dcgan"].training.log_every
    log = loop.Hook(every, hooks.logger(Run(folder), tensorboard._Nowhere(), 0))

    def unguarded(rounds: int) -> None:
        with (
            mock.patch.object(loop, "Guard", Unguarded),
            mock.patch.object(games, "_step_unless", lambda bad, optimizer: optimizer.step()),
        ):
            bare(rounds, [])

    return {
        "bare": unguarded,
        "+ checks": lambda rounds: checked(rounds, []),
        "+ log": lambda rounds: logged(rounds, [log]),
    }


def costs(plays: dict[str, Play], repeats: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a round of each variant, a number a repeat."""
    times: dict[str, list[float]] = {name: [] for name in plays}
    names = list(plays)
    for name in names:
        plays[name](3)
    for i in range(repeats):
        for name in names[i % 3 :] + names[: i % 3]:
            once = seconds(lambda name=name: plays[name](rounds), 1)
            times[name].append(once / rounds)
    return times


def interval(ratios: list[float]) -> tuple[float, float]:
    """Of the median, at 95 %."""
    values = torch.tensor(ratios)
    draw = torch.Generator().manual_seed(0)
    index = torch.randint(len(values), (10_000, len(values)), generator=draw)
    low, high = values[index].median(1).values.quantile(torch.tensor([0.025, 0.975])).tolist()
    return low, high


def measure(
    size: int, width: int, repeats: int, rounds: int, device: torch.device, folder: Path
) -> list[str]:
    """Rows of the table for one size and width."""
    images = torch.randint(256, (512, CHANNELS, size, size), dtype=torch.uint8, device=device)
    times = costs(variants(images, width, folder), repeats, rounds)
    rows = []
    for name, values in times.items():
        shares = [100 * (v / b - 1) for v, b in zip(values, times["bare"], strict=True)]
        low, high = interval(shares)
        rows.append(
            f"| {size} | {width} | {name} | {1e3 * median(values):.2f} "
            f"| {median(shares):+.2f} % | {low:+.2f} to {high:+.2f} % |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=16, help="rounds timed at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    device = pick(given.device)
    lines = [
        facts(device), "",
        "| size | width | loop | ms a round (median) | cost (median) | 95 % |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            for width in given.widths:
                rows = measure(size, width, given.repeats, given.rounds, device, Path(folder))
                print("\n".join(rows), flush=True)
                lines += rows
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
