"""How long is a training round in which the discriminator pays for steep slopes?

    python benchmarks/penalties.py [--size 32] [--width 32] [--repeats 9] [--out FILE.md]

WGAN-GP and R1, each as cardigan plays it and in the plainest eager loop: float32, contiguous,
unfused Adam, `loss.backward()`, which also computes gradients that nobody needs, and a forward
pass of its own for the penalty. Both play in turn within one run, so that a machine's moods meet
them alike; the ratio of each repeat is taken against the plain loop of the same repeat. Networks
are the recipes' own: DCGAN's, without batch norm in the discriminator.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from step import BATCH, CHANNELS, LATENTS, facts, seconds
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam

from cardigan.data.dataset import Dataset
from cardigan.device import fastest, pick
from cardigan.nets.dcgan import Discriminator, Generator
from cardigan.nets.layers import NONE
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN
from cardigan.train import train

Penalty = Callable[[nn.Module, Tensor, Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def unit_slope(judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    return 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


def r1(judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    real = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return 5 * slope.flatten(1).square().sum(1).mean()


PLAIN: dict[str, tuple[int, Loss, Loss, Penalty]] = {
    "wgan-gp": (5, lambda real, fake: fake - real, lambda real, fake: -fake, unit_slope),
    "r1-gan": (
        1, lambda real, fake: softplus(-real) + softplus(fake),
        lambda real, fake: softplus(-fake), r1,
    ),
}  # fmt: skip


def plain_round(name: str, images: Tensor, width: int) -> Callable[[], None]:
    """One round of the loop that everybody writes first."""
    steps, judging, drawing, penalty = PLAIN[name]
    device, size = images.device, images.shape[-1]
    generator = Generator(LATENTS, size, CHANNELS, width).to(device)
    discriminator = Discriminator(size, CHANNELS, width, NONE).to(device)
    moves_g, moves_d = (Adam(net.parameters(), lr=2e-4) for net in (generator, discriminator))

    def fakes() -> Tensor:
        return generator(torch.rand(BATCH, LATENTS, device=device) * 2 - 1)

    def play() -> None:
        for _ in range(steps):
            index = torch.randint(len(images), (BATCH,), device=device)
            real, fake = images[index].float() / 127.5 - 1, fakes().detach()
            moves_d.zero_grad()
            loss = judging(discriminator(real), discriminator(fake)).mean()
            (loss + penalty(discriminator, real, fake)).backward()
            moves_d.step()
        moves_g.zero_grad()
        on_fake = discriminator(fakes())
        drawing(on_fake, on_fake).mean().backward()
        moves_g.step()

    return play


def cardigan_round(recipe: DCGAN, images: Tensor, width: int) -> Callable[[], None]:
    """One round of cardigan as `cardigan train` plays it."""
    training = replace(recipe.training, batch=BATCH)
    shape = {"size": images.shape[-1], "channels": CHANNELS, "width": width}
    recipe = replace(recipe, **shape, training=training)
    game = recipe.game().to(images.device, memory_format=torch.channels_last)
    stream = recipe.stream(Dataset("noise", images), images.device)
    precision = fastest(images.device)
    return lambda: train(game, stream, game.seen + BATCH, precision=precision)


def lazily(recipe: DCGAN) -> DCGAN:
    """The same where every 16th round pays, 16 times."""
    return replace(recipe, discriminator=replace(recipe.discriminator, penalty_every=16))


def measure(name: str, images: Tensor, width: int, repeats: int, rounds: int) -> list[str]:
    """Rows of the table for one method."""
    recipe = RECIPES[name]
    assert isinstance(recipe, DCGAN)
    plays = {
        "plain": plain_round(name, images, width),
        "cardigan": cardigan_round(recipe, images, width),
        "cardigan, every 16th round pays": cardigan_round(lazily(recipe), images, width),
    }
    for play in plays.values():
        seconds(play, 2)
    times: dict[str, list[float]] = {how: [] for how in plays}
    for _ in range(repeats):
        for how, play in plays.items():
            times[how].append(seconds(play, rounds))
    rows = []
    for how, values in times.items():
        ratios = [base / value for base, value in zip(times["plain"], values, strict=True)]
        rows.append(
            f"| {name} | {how} | {1e3 * median(values):.1f} "
            f"| {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=16, help="rounds timed at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    device = pick(given.device)
    shape = (512, CHANNELS, given.size, given.size)
    images = torch.randint(256, shape, dtype=torch.uint8, device=device)
    lines = [
        f"{facts(device)}, size {given.size}, width {given.width}", "",
        "| method | loop | ms a round (median) | times plain (median) | range |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(lines), flush=True)
    for name in PLAIN:
        rows = measure(name, images, given.width, given.repeats, given.rounds)
        print("\n".join(rows), flush=True)
        lines += rows
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
