"""How long is one training round of DCGAN, beside the same networks in the plainest eager loop?

    python benchmarks/step.py [--sizes 32 64] [--widths 32 64] [--repeats 15] [--out FILE.md]

All variants train in turn within one run, so that a machine's moods meet them alike; the ratio of
each repeat is taken against the plain loop of the same repeat. `plain` is float32, contiguous,
unfused Adam and `loss.backward()`, and the same algorithm as cardigan's: each move draws latents
of its own. `plain, fakes twice` is what tutorials write: both moves judge the same fakes, which
saves a pass through the generator. The rows `+ ...` add one optimisation to `plain`, `all four`
adds all of them, and `cardigan` is the library's own loop, which also logs, averages the weights
and checks every gradient for being finite.
"""

import argparse
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.optim import Adam

from cardigan.data.dataset import Dataset
from cardigan.device import fastest, pick
from cardigan.nets.dcgan import Discriminator, Generator
from cardigan.recipes import RECIPES
from cardigan.train import train

BATCH, CHANNELS, LATENTS = 64, 3, 100


class Plain(NamedTuple):
    """What is added to the plainest loop."""

    channels_last: bool = False
    bfloat16: bool = False
    fused: bool = False
    again: bool = False  # both moves judge the same fakes
    own: bool = False  # in the generator's turn, no gradient for the discriminator's weights


VARIANTS = {
    "plain": Plain(),
    "plain, fakes twice": Plain(again=True),
    "+ channels-last": Plain(channels_last=True),
    "+ bfloat16": Plain(bfloat16=True),
    "+ fused Adam": Plain(fused=True),
    "+ own gradients only": Plain(own=True),
    "all four": Plain(channels_last=True, bfloat16=True, fused=True, own=True),
}


def plain_rounds(how: Plain, images: Tensor, width: int) -> Callable[[int], None]:
    """Rounds of the loop that everybody writes first."""
    device, size = images.device, images.shape[-1]
    generator = Generator(LATENTS, size, CHANNELS, width).to(device)
    discriminator = Discriminator(size, CHANNELS, width).to(device)
    if how.channels_last:
        generator.to(memory_format=torch.channels_last)
        discriminator.to(memory_format=torch.channels_last)
    adam = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": how.fused}
    moves_g, moves_d = (
        Adam(generator.parameters(), **adam),
        Adam(discriminator.parameters(), **adam),
    )
    context = fastest(device) if how.bfloat16 else nullcontext

    def latents() -> Tensor:
        return torch.rand(BATCH, LATENTS, device=device) * 2 - 1

    def play_one() -> None:
        index = torch.randint(len(images), (BATCH,), device=device)
        real = images[index].float() / 127.5 - 1
        if how.channels_last:
            real = real.contiguous(memory_format=torch.channels_last)
        moves_d.zero_grad()
        with context():
            fake = generator(latents())
            on_real, on_fake = discriminator(real).float(), discriminator(fake.detach()).float()
        (softplus(-on_real) + softplus(on_fake)).mean().backward()
        moves_d.step()
        moves_g.zero_grad()
        with context():
            on_fake = discriminator(fake if how.again else generator(latents())).float()
        inputs = list(generator.parameters()) if how.own else None
        softplus(-on_fake).mean().backward(inputs=inputs)
        moves_g.step()

    def play(rounds: int) -> None:
        for _ in range(rounds):
            play_one()

    return play


def cardigan_rounds(images: Tensor, width: int) -> Callable[[int], None]:
    """Rounds of cardigan as `cardigan train` plays them."""
    recipe = replace(RECIPES["dcgan"], size=images.shape[-1], channels=CHANNELS, width=width)
    game = recipe.game().to(images.device, memory_format=torch.channels_last)
    stream = recipe.stream(Dataset("noise", images), images.device)
    precision = fastest(images.device)
    return lambda n: train(game, stream, game.seen + n * BATCH, precision=precision)


def seconds(play: Callable[[], object], rounds: int) -> float:
    """Seconds a round."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(rounds):
        play()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / rounds


def measure(size: int, width: int, repeats: int, rounds: int, device: torch.device) -> list[str]:
    """Rows of the table for one size and width."""
    images = torch.randint(256, (512, CHANNELS, size, size), dtype=torch.uint8, device=device)
    plays = {name: plain_rounds(how, images, width) for name, how in VARIANTS.items()}
    plays["cardigan"] = cardigan_rounds(images, width)
    for play in plays.values():
        play(3)
    times: dict[str, list[float]] = {name: [] for name in plays}
    for _ in range(repeats):
        for name, play in plays.items():
            times[name].append(seconds(partial(play, rounds), 1) / rounds)
    rows = []
    for name, values in times.items():
        ratios = [base / value for base, value in zip(times["plain"], values, strict=True)]
        ms, speed = 1e3 * median(values), BATCH / median(values)
        rows.append(
            f"| {size} | {width} | {name} | {ms:.1f} | {speed:,.0f} "
            f"| {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
        )
    return rows


def facts(device: torch.device, batch: int = BATCH) -> str:
    """Where and when this was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if device.type in ("cuda",):
        machine = torch.cuda.get_device_name(device)
    else:
        cpu = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
        ]
        machine = cpu[0].split(":")[1].strip() if cpu else platform.processor()
    return (
        f"`python {shlex.join(sys.argv)}`, commit {commit or 'unknown'}, {date.today()}, "
        f"{machine}, {torch.get_num_threads()} threads, torch {torch.__version__}, batch {batch}, "
        f"{CHANNELS} channels"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=4, help="rounds timed at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    device = pick(given.device)
    lines = [
        facts(device), "",
        "| size | width | loop | ms a round (median) | images/s | times plain (median) | range |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    for size in given.sizes:
        for width in given.widths:
            rows = measure(size, width, given.repeats, given.rounds, device)
            print("\n".join(rows), flush=True)
            lines += rows
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
