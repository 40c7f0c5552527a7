"""Where everything is known in closed form: what the generator descends, and D on finite data."""

from collections.abc import Callable
from itertools import product
from math import log
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.nn.functional import softplus

from cardigan.losses import MINIMAX
from cardigan.nets.mlp import PointDiscriminator
from cardigan.optimizers import adam
from cardigan.randomness import mix

from .frame import Claim, Rows, Verdict, by, every, told

BATCH, WIDTH, LR = 256, 64, 2e-3
ROUNDS, GENERATOR_LR, FIRST = 200, 0.05, 20
STEPS = (1, 5, 25)
SETS, LONG = (100, 1_000, 10_000), (10, 30, 100, 300, 1_000, 3_000)
COSINE, FALL = 0.9, 0.05


class Laws(NamedTuple):
    """Two Gaussians, and one that is to become like them: x = a + e^b z, in the line or plane."""

    data: MixtureSameFamily
    grid: Tensor  # [M, D], where integrals are summed
    cell: float  # the volume of one place of the grid


def laws(dimensions: int) -> Laws:
    centres = torch.tensor([[-1.5], [1.5]]).double() * torch.ones(dimensions).double()
    parts = Independent(Normal(centres, 0.6), 1)
    axis = torch.linspace(-8, 8, {1: 2001, 2: 201}[dimensions], dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * dimensions).view(-1, dimensions)
    step = (axis[1] - axis[0]).item()
    return Laws(
        MixtureSameFamily(Categorical(torch.ones(2).double()), parts), grid, step**dimensions
    )


def fake_law(place: Tensor, scale: Tensor) -> Independent:
    return Independent(Normal(place, scale.exp().expand_as(place)), 1)


#   JSD(p, q) = 1/2 KL(p, m) + 1/2 KL(q, m),   m = (p + q) / 2
def jensen_shannon(world: Laws, fake: Independent) -> Tensor:
    p, q = world.data.log_prob(world.grid), fake.log_prob(world.grid)
    m = torch.logaddexp(p, q) - log(2)
    return world.cell * (p.exp() * (p - m) + q.exp() * (q - m)).sum() / 2


#   V(D, G) = E log D(x) + E log(1 - D(G(z))),   at best -log 4 + 2 JSD
def value(world: Laws, fake: Independent, logits: Tensor) -> Tensor:
    p, q = world.data.log_prob(world.grid).exp(), fake.log_prob(world.grid).exp()
    return -world.cell * (p * softplus(-logits) + q * softplus(logits)).sum()


def measure(seed: int, folder: Path) -> Rows:
    rows = []
    for dimensions in (1, 2):
        world = laws(dimensions)
        for k in STEPS:
            torch.manual_seed(mix(seed, dimensions, k))
            rows.append({"kind": "play", "dimensions": dimensions, "k": k, **_play(world, k)})
        for n in SETS:
            torch.manual_seed(mix(seed, dimensions, n))
            rows += [
                {"kind": "finite", "dimensions": dimensions, "n": n, **row}
                for row in _complete(world, n)
            ]
    return rows


def _play(world: Laws, k: int) -> dict[str, float]:
    """The minimax game with k steps; after each round both gradients, by sums over the grid."""
    net, step = _discriminator(world)
    dimensions = world.grid.shape[1]
    place, scale = torch.full((dimensions,), 3.0).double(), torch.zeros(1).double()
    cosines, gaps, divergences = [], [], []
    for _ in range(ROUNDS):
        fake = fake_law(place, scale)
        for _ in range(k):
            step(world.data.sample((BATCH,)), fake.sample((BATCH,)))
        place, scale = place.requires_grad_(), scale.requires_grad_()
        law, own = fake_law(place, scale), (place, scale)
        divergence = jensen_shannon(world, law)
        wanted = torch.autograd.grad(divergence, own, retain_graph=True)
        with torch.no_grad():
            logits = net(world.grid.float()).double()
        # The discriminator is held still: the value's gradient is that of the minimax generator.
        reached = value(world, law, logits)
        found = torch.autograd.grad(reached, own)
        cosines.append(_cosine(torch.cat(wanted), torch.cat(found)))
        gaps.append((2 * divergence - log(4) - reached).item())
        divergences.append(divergence.item())
        place, scale = ((p - GENERATOR_LR * g).detach() for p, g in zip(own, found, strict=True))
    late = slice(FIRST, None)
    return {
        "cosine": sum(cosines[late]) / len(cosines[late]),
        "gap": sum(gaps[late]) / len(gaps[late]),
        "divergence": divergences[-1],
    }


def _complete(world: Laws, n: int) -> Rows:
    """A discriminator that is trained for long on n reals and n fakes, and judged on others."""
    net, step = _discriminator(world)
    law = fake_law(torch.zeros(world.grid.shape[1]).double(), torch.full((1,), log(1.6)).double())
    reals, fakes = world.data.sample((n,)), law.sample((n,))
    best = (2 * jensen_shannon(world, law) - log(4)).item()
    rows, done = [], 0
    for steps in LONG:
        for _ in range(steps - done):
            a, b = (torch.randint(n, (min(n, BATCH),)) for _ in range(2))
            step(reals[a], fakes[b])
        done = steps
        with torch.no_grad():
            seen = -MINIMAX.discriminator(net(reals.float()), net(fakes.float())).mean().item()
            held_out = value(world, law, net(world.grid.float()).double()).item()
        rows.append({"steps": steps, "seen": seen - best, "held out": held_out - best})
    return rows


def _discriminator(world: Laws) -> tuple[PointDiscriminator, Callable[[Tensor, Tensor], None]]:
    """A network, and what a step on reals and fakes does to it."""
    net = PointDiscriminator(WIDTH, world.grid.shape[1])
    optimizer = adam(0.5)(net.parameters())
    for group in optimizer.param_groups:
        group["lr"] = LR

    def step(real: Tensor, fake: Tensor) -> None:
        optimizer.zero_grad()
        MINIMAX.discriminator(net(real.float()), net(fake.float())).mean().backward()
        optimizer.step()

    return net, step


def _cosine(a: Tensor, b: Tensor) -> float:
    return (a @ b / (a.norm() * b.norm()).clamp_min(1e-30)).item()


def judge(rows: Rows) -> Verdict:
    plays = [r for r in rows if r["kind"] == "play"]
    few, most = STEPS[0], STEPS[-1]
    cosine = _by_seed([r for r in plays if r["k"] == most], "cosine")
    gaps = [_by_seed([r for r in plays if r["k"] == k], "gap") for k in (few, most)]
    kept = [one - many for one, many in zip(*gaps, strict=True)]
    fall = list(_falls(rows, SETS[0]).values())
    return Verdict(
        every([(cosine, COSINE), (kept, 0.0), (fall, FALL)]),
        f"with {most} steps between the generator's, its gradient and that of the divergence have "
        f"a cosine of {told(cosine)}; the discriminator stays nearer to its optimum than with "
        f"{few}, by {told(kept)} nats; trained to completion on {SETS[0]} reals, what it is worth "
        f"on others falls by {told(fall)} nats from its best",
    )


def _by_seed(rows: Rows, key: str) -> list[float]:
    return [sum(v) / len(v) for v in by(rows, "seed", key).values()]


def _falls(rows: Rows, n: int) -> dict[int, float]:
    """By seed, how far the value on others falls from its best to the end, over dimensions."""
    found: dict[int, list[float]] = {}
    for seed, dimensions in product({r["seed"] for r in rows}, (1, 2)):
        path = [
            r["held out"]
            for r in rows
            if r["kind"] == "finite"
            and (r["seed"], r["dimensions"], r["n"]) == (seed, dimensions, n)
        ]
        found.setdefault(seed, []).append(max(path) - path[-1])
    return {seed: sum(v) / len(v) for seed, v in found.items()}


def table(rows: Rows) -> list[list[str]]:
    lines = [["case", "cosine of gradients", "nats below the optimum", "divergence at the end"]]
    for dimensions, k in product((1, 2), STEPS):
        chosen = [r for r in rows if r.get("k") == k and r["dimensions"] == dimensions]
        means = [
            sum(r[key] for r in chosen) / len(chosen) for key in ("cosine", "gap", "divergence")
        ]
        lines.append([f"{dimensions}-D, k = {k}", *(f"{m:.4f}" for m in means)])
    return lines


def draw(rows: Rows, axes) -> None:  # noqa: ANN001
    for colour, n in zip(("C3", "C1", "C0"), SETS, strict=True):
        chosen = [r for r in rows if r.get("n") == n]
        for key, style in (("seen", "--"), ("held out", "-")):
            line = by(chosen, "steps", key)
            label = f"{n:,} reals, {'held out' if key == 'held out' else 'those it learns from'}"
            values = [sum(v) / len(v) for v in line.values()]
            axes.plot(list(line), values, style, color=colour, label=label)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set(
        xscale="log", ylim=(-0.6, 0.6), xlabel="steps of the discriminator, the generator held",
        ylabel="nats above the best there is",
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=8)


CLAIM = Claim(
    says="Near the discriminator's optimum the generator descends the Jensen-Shannon divergence; "
    "k steps of the discriminator between the generator's keep it there; trained to completion on "
    "finite data it overfits.",
    how="Data: two Gaussians of deviation 0.6 at -1.5 and 1.5, in the line and in the plane. "
    "Generator: a + e^b z, so that both densities are known, and integrals are sums over a grid, "
    f"in float64. Discriminator: {WIDTH} tanh units twice, Adam at {LR:g}, batches of {BATCH} "
    f"fresh samples. {ROUNDS} rounds of the minimax game, the generator by plain descent at "
    f"{GENERATOR_LR:g}; after round {FIRST} the gradients of generator and divergence are "
    "compared, and the value with its optimum. Then the generator is held at N(0, 1.6^2) and the "
    f"discriminator trained for {LONG[-1]:,} steps on n reals and n fakes.",
    rule=f"By seed, a mean over the line and the plane: the cosine with {STEPS[-1]} steps (bound "
    f"{COSINE}), how much nearer to the optimum {STEPS[-1]} steps keep it than {STEPS[0]} (bound "
    f"0), and by how much the value on others falls from its best with {SETS[0]} reals (bound "
    f"{FALL}). Confirmed if all three intervals lie above their bounds, refuted if one lies "
    "below.",
    seeds=(0, 1, 2, 3, 4),
    measure=measure,
    judge=judge,
    table=table,
    draw=draw,
)  # fmt: skip
