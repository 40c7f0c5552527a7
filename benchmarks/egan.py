"""How long is one round of E-GAN with the networks of its public code for CIFAR-10?

    python benchmarks/egan.py [--repeats 5] [--out FILE.md]

A round: batches of 32, three moves of the discriminator, a child by each of three mutations, each
judged by 256 latents and 256 images, one survivor. `plain` is the same algorithm as one writes it
first: float32, contiguous, unfused Adam, `loss.backward()`, what the discriminator would learn
from the reals computed anew for every child. Both take turns, so that a machine's moods meet them
alike; a ratio is taken within each turn.
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from statistics import median

import torch
from step import facts, seconds
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam

from cardigan import optimizers, priors
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Stream
from cardigan.device import fastest, pick
from cardigan.game import Player
from cardigan.games import EGAN
from cardigan.games.egan import MUTATIONS
from cardigan.train import train

BATCH, STEPS, EVALUATION, LATENTS, WIDTH, DIVERSITY = 32, 3, 256, 100, 128, 0.01
COUNTS = [12_653_827, 11_033_473]
TARGET_SECONDS, TARGET_RATIO = 10, 1.7


class Generator(nn.Module):
    """z [N, Z] -> image [N, 3, 32, 32], without batch norm."""

    def __init__(self) -> None:
        super().__init__()
        w = WIDTH
        self.net = nn.Sequential(
            nn.Unflatten(1, (LATENTS, 1, 1)),
            nn.ConvTranspose2d(LATENTS, 8 * w, 4), nn.ReLU(),
            nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(w, 3, 3, 1, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.net(z)


class Discriminator(nn.Module):
    """Image [N, 3, 32, 32] -> logit [N]."""

    def __init__(self) -> None:
        super().__init__()
        w = WIDTH
        layers = [nn.Conv2d(3, w, 3, 1, 1, bias=False), nn.LeakyReLU(0.2)]
        for before, after in ((w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 8 * w, 1))

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        return self.net(image).squeeze(1)


def cardigan_round(images: Tensor) -> Callable[[], None]:
    """One round as `cardigan train` plays it."""
    adam = optimizers.adam(0.5)
    game = EGAN(
        [Player(Generator(), adam, 2e-4)],
        Player(Discriminator(), adam, 2e-4),
        priors.uniform(LATENTS),
        discriminator_steps=STEPS,
        evaluation=EVALUATION,
        diversity=DIVERSITY,
    )
    game.to(images.device, memory_format=torch.channels_last)  # pyright: ignore
    stream = Stream(Dataset("noise", images), BATCH, device=images.device)
    precision = fastest(images.device)
    return lambda: train(game, stream, game.seen + 1, precision=precision) and None


def plain_round(images: Tensor) -> Callable[[], None]:
    """One round as one writes it first."""
    device = images.device
    generator, judge = Generator().to(device), Discriminator().to(device)
    moves_g = Adam(generator.parameters(), 2e-4, (0.5, 0.999), fused=False, foreach=False)
    moves_d = Adam(judge.parameters(), 2e-4, (0.5, 0.999), fused=False, foreach=False)

    def latents(n: int) -> Tensor:
        return torch.rand(n, LATENTS, device=device) * 2 - 1

    def drawn(n: int) -> Tensor:
        return images[torch.randint(len(images), (n,), device=device)].float() / 127.5 - 1

    def loss(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        on_fake = judge(fake)
        return (softplus(-judge(real)) + softplus(on_fake)).mean(), on_fake

    def fitness(real: Tensor) -> float:
        told, on_fake = loss(real, generator(latents(EVALUATION)).detach())
        lesson = torch.autograd.grad(told, [*judge.parameters()])
        norm = torch.cat([g.flatten() for g in lesson]).norm()
        return (on_fake.sigmoid().mean() - DIVERSITY * norm.log()).item()

    def play() -> None:
        for _ in range(STEPS):
            moves_d.zero_grad()
            loss(drawn(BATCH), generator(latents(BATCH)).detach())[0].backward()
            moves_d.step()
        parent = deepcopy((generator.state_dict(), moves_g.state_dict()))
        real, children = drawn(EVALUATION), []
        for mutation in MUTATIONS.values():
            generator.load_state_dict(parent[0])
            moves_g.load_state_dict(deepcopy(parent[1]))
            moves_g.zero_grad()
            mutation(judge(generator(latents(BATCH)))).mean().backward()
            moves_g.step()
            child = deepcopy((generator.state_dict(), moves_g.state_dict()))
            children.append((fitness(real), child))
        _, best = max(children, key=lambda pair: pair[0])
        generator.load_state_dict(best[0])
        moves_g.load_state_dict(best[1])

    return play


def measure(repeats: int, device: torch.device) -> list[str]:
    """The table, and whether the targets are met."""
    counts = [sum(p.numel() for p in net.parameters()) for net in (Generator(), Discriminator())]
    assert counts == COUNTS, counts
    images = torch.randint(256, (512, 3, 32, 32), dtype=torch.uint8, device=device)
    plays = {"plain": plain_round(images), "cardigan": cardigan_round(images)}
    times: dict[str, list[float]] = {name: [] for name in plays}
    for turn in range(repeats + 1):
        for name, play in plays.items():
            took = seconds(play, 1)
            print(f"{name}: {took:.2f} s{'' if turn else ' (warming up)'}", flush=True)
            if turn:
                times[name].append(took)
    ratios = [a / b for a, b in zip(times["plain"], times["cardigan"], strict=True)]
    ours, ratio = median(times["cardigan"]), median(ratios)
    met = "met" if ours <= TARGET_SECONDS and ratio >= TARGET_RATIO else "not met"
    return [
        f"generator {counts[0]:,} weights, discriminator {counts[1]:,}", "",
        "| loop | milliseconds a round (median) | range |", "|---|---|---|",
        *(f"| {name} | {ms(median(of))} | {ms(min(of))} to {ms(max(of))} |"
          for name, of in times.items()),
        "",
        f"cardigan is {ratio:.2f} times as fast (median; {min(ratios):.2f} to {max(ratios):.2f}). "
        f"Targets: at most {TARGET_SECONDS} s a round on two cores, at least {TARGET_RATIO} "
        f"times: {met}.",
    ]  # fmt: skip


def ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    device = pick(given.device)
    text = "\n".join([facts(device, BATCH), "", *measure(given.repeats, device)])
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
