"""How fast do the large models train, and what share of the device's matrix peak is that?

    python benchmarks/large.py [MODEL ...] [--batch N] [--repeats 5] [--rounds 4] [--out FILE.md]

One training round of a recipe, its networks and rules as they stand. `plain` plays it in the
plainest eager loop: float32, contiguous, unfused Adam, `loss.backward()` for every weight that the
loss hangs on. The rows `+ ...` add one optimisation to `plain`, `cardigan` is the library's own
loop, and `compiled` the same after `--training.compile true`. Each trains in turn with `plain`,
so that a machine's moods meet both alike: compare ratios, which are taken repeat by repeat, not
milliseconds. Images are those of a batch, though BigGAN's discriminator sees two in a round.
Operations are those of matrix products and convolutions in one plain round, counted as PyTorch
counts them; the peak is that of a large matrix product in bfloat16, measured in the same run, for
all rows: the plain loop's convolutions are not in full float32 on a GPU, either.
"""

import argparse
import gc
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from step import facts, seconds
from torch.optim import Adam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from cardigan.data.dataset import Dataset
from cardigan.device import fastest, pick
from cardigan.game import Game
from cardigan.recipe import Recipe
from cardigan.recipes import RECIPES
from cardigan.recipes.stylegan import StyleGAN2
from cardigan.train import train


class Model(NamedTuple):
    """A recipe at the size that is measured, and images that a GPU and a CPU hold at once."""

    recipe: Recipe
    classes: int
    batch: int
    small: int


MODELS = {
    # Orthogonal first weights would take minutes, and cost no round anything.
    "biggan-128": Model(replace(RECIPES["biggan-128"], initial="normal"), 1000, 64, 4),
    "stylegan2-128": Model(StyleGAN2(size=128, latents=512, base=8192, gamma=1.0), 0, 64, 4),
    "r3gan-64": Model(RECIPES["r3gan-64"], 0, 32, 4),
    "glow-32": Model(RECIPES["glow-32"], 0, 64, 4),
    "gated-pixelcnn": Model(replace(RECIPES["gated-pixelcnn"], size=28, channels=1), 0, 128, 32),
}  # fmt: skip


class Plain(NamedTuple):
    """What is added to the plainest loop."""

    channels_last: bool = False
    bfloat16: bool = False
    fused: bool = False
    compiled: bool = False
    own: bool = False  # no gradient for weights that do not move


VARIANTS = {
    "plain": Plain(),
    "+ channels-last": Plain(channels_last=True),
    "+ bfloat16": Plain(bfloat16=True),
    "+ fused Adam": Plain(fused=True),
    "+ compiled networks": Plain(compiled=True),
    "+ own gradients only": Plain(own=True),
}
LOOPS = (*VARIANTS, "cardigan", "compiled")


def made(model: Model, batch: int, device: torch.device) -> tuple[Recipe, Dataset]:
    """The recipe at a batch, and noise for its data."""
    channels = model.recipe.channels or 3
    size = model.recipe.size
    images = torch.randint(256, (4 * batch, channels, size, size), dtype=torch.uint8)
    labels = torch.randint(max(model.classes, 1), (4 * batch,))
    training = replace(model.recipe.training, batch=batch, microbatch=0)
    shape: dict[str, Any] = {"channels": channels, "training": training}
    if model.classes:
        shape["classes"] = model.classes
    names = tuple(map(str, range(model.classes)))
    data = Dataset("noise", images, labels if model.classes else None, names)
    return replace(model.recipe, **shape), data


def plain_rounds(how: Plain, game: Game, stream: Any) -> Callable[[], None]:
    """Rounds of a game in the loop that everybody writes first."""
    moves = {
        player: Adam(
            [p for p in player.net.parameters() if p.requires_grad],
            lr=1e-5, betas=(0.0, 0.99), fused=how.fused, foreach=False if not how.fused else None,
        )
        for player in game.players.values()
    }  # fmt: skip
    context = fastest(game.device) if how.bfloat16 else nullcontext

    def play() -> None:
        copy, told = game.round(stream), None
        while (move := _next(copy, told, context)) is not None:
            for optimizer in moves.values():
                optimizer.zero_grad()
            own = [p for q in move.players for p in q.net.parameters() if p.requires_grad]
            move.loss.mean().backward(inputs=own if how.own else None)
            for player in move.players:
                moves[player].step()
            told = move.log
        game.seen, game.rounds = stream.seen, game.rounds + 1

    return play


def _next(copy: Any, told: Any, context: Callable[[], Any]) -> Any:
    try:
        with context():
            return copy.send(told)
    except StopIteration:
        return None


def rounds_of(name: str, model: Model, batch: int, device: torch.device) -> Callable[[], Any]:
    """What plays one round, by the name of a row."""
    torch.manual_seed(0)
    recipe, data = made(model, batch, device)
    how = VARIANTS.get(name, Plain(channels_last=True, compiled=name == "compiled"))
    game = recipe.game().to(device)
    if how.channels_last:
        game.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    stream = recipe.stream(data, device)
    if how.compiled:
        for player in game.players.values():
            player.net.compile(dynamic=False)
    if name in VARIANTS:
        return plain_rounds(how, game, stream)
    precision = fastest(device)
    return lambda: train(game, stream, game.seen + batch, precision=precision)


def peak(device: torch.device) -> float:
    """Operations a second of a large square product in bfloat16."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    return 2 * side**3 / min(seconds(lambda: a @ b, 5) for _ in range(3))


class Counter(TorchDispatchMode):
    """Operations of matrix products and convolutions.

    PyTorch's own mode follows modules, too, which fails for maps that StyleGAN2 learns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def counted(play: Callable[[], None]) -> int:
    """Operations of one round."""
    with Counter() as counter:
        play()
    return counter.total


def measure(
    name: str, loops: Sequence[str], batch: int, repeats: int, rounds: int, device: torch.device
) -> list[str]:
    """Rows of the table for one model."""
    model = MODELS[name]
    batch = batch or (model.small if device.type == "cpu" else model.batch)
    highest = peak(device)
    base = rounds_of("plain", model, batch, device)
    operations, rows = counted(base), []
    for loop in loops:
        try:
            play = base if loop == "plain" else rounds_of(loop, model, batch, device)
            ratios, times = side_by_side(base, play, repeats, rounds)
        except Exception as error:  # noqa: BLE001  # of compilers, whatever they raise
            rows.append(f"| {name} | {batch} | {loop} | fails: {type(error).__name__} | | | | |")
            print(f"{name}, {loop}: {error}".splitlines()[0])
        else:
            rows.append(row(name, batch, loop, ratios, times, operations, highest))
        print(rows[-1], flush=True)
        play = None
        gc.collect()  # a game's networks and optimisers know each other
    return rows


def side_by_side(
    base: Callable[[], Any], play: Callable[[], Any], repeats: int, rounds: int
) -> tuple[list[float], list[float]]:
    """How many times as fast one loop is as the base, by repeat, and its seconds a round."""
    both = dict.fromkeys((base, play))
    for one in both:
        seconds(one, 2)
    found = [{one: seconds(one, rounds) for one in both} for _ in range(repeats)]
    return [f[base] / f[play] for f in found], [f[play] for f in found]


def profile(name: str, batch: int, device: torch.device) -> None:
    """Prints where the device's time goes in four rounds of cardigan's loop."""
    model = MODELS[name]
    batch = batch or (model.small if device.type == "cpu" else model.batch)
    play = rounds_of("cardigan", model, batch, device)
    seconds(play, 2)
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds[: 1 + (device.type == "cuda")]) as seen:
        took = seconds(play, 4)
    key = f"self_{device.type}_time_total"
    print(f"{name}, batch {batch}: {1e3 * took:.1f} ms a round")
    print(seen.key_averages().table(sort_by=key, row_limit=14, max_name_column_width=70))


def row(
    name: str, batch: int, other: str, ratios: list[float], times: list[float], operations: int,
    highest: float,
) -> str:  # fmt: skip
    """One line of the table."""
    took, rate = median(times), operations / median(times)
    return (
        f"| {name} | {batch} | {other} | {1e3 * took:.1f} | {batch / took:,.0f} "
        f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {rate / 1e12:.2f} "
        f"| {100 * rate / highest:.0f} % |"
    )


HEADING = ("model", "batch", "loop", "ms a round", "images/s", "times plain", "TFLOP/s", "of the peak")  # noqa: E501  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--loops", nargs="+", choices=LOOPS, default=LOOPS, metavar="LOOP")
    parser.add_argument("--profile", action="store_true", help="only tell where time goes")
    parser.add_argument("--batch", type=int, default=0, help="0 takes what suits the device")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=4, help="rounds timed at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if unknown := set(given.models) - {*MODELS}:
        parser.error(f"no model is called {min(unknown)}: choose from {', '.join(MODELS)}")
    device, models = pick(given.device), given.models or [*MODELS]
    if given.profile:
        for name in models:
            profile(name, given.batch, device)
        return
    told = f"matrix peak {peak(device) / 1e12:.2f} TFLOP/s in bfloat16"
    head = [f"{facts(device, given.batch)}; {told}", "", f"| {' | '.join(HEADING)} |"]
    lines = [*head, "|---" * len(HEADING) + "|"]
    print("\n".join(lines), flush=True)
    for name in models:
        lines += measure(name, given.loops, given.batch, given.repeats, given.rounds, device)
        if given.out:
            given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
