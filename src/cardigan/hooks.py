"""What happens beside training: functions of the game and of the last round's log."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from . import checkpoint, pictures, tensorboard
from .abilities import Translates, Watches
from .game import Game
from .guard import Log
from .progress import Progress
from .randomness import seeded
from .run import Run
from .subjects import generating

Call = Callable[[Game, Log], None]
# What fits beside a bar.
SHOWN = ("discriminator", "generator", "classifier", "bound", "bits", "error")
ROWS, COLUMNS = 16, 8  # of a picture of classes: how many at most, and samples of each


def numbers(log: Log) -> dict[str, float]:
    """The log as floats: the only place that waits for the device, and once for all of it."""
    values = torch.stack([value.float() for value in log.values()]).tolist() if log else []
    return dict(zip(log, values, strict=True))


def logger(run: Run, events: tensorboard.Writer, start: int) -> Call:
    """Writes the log to log.jsonl and to TensorBoard."""
    last = time.monotonic()
    began, seen = last - (run.seconds() or 0.0), start

    def call(game: Game, log: Log) -> None:
        nonlocal last, seen
        beside = game.watched() if isinstance(game, Watches) else {}
        now, told = time.monotonic(), numbers(log | beside)
        speed = (game.seen - seen) / max(now - last, 1e-9)
        last, seen = now, game.seen
        told |= {"images_per_second": round(speed, 1)}
        line = {"seen": game.seen, "seconds": round(now - began, 2)}
        run.append_log(line | {name: float(f"{value:.6g}") for name, value in told.items()})
        events.scalars(game.seen, told)

    return call


def shower(progress: Progress, seconds: float = 0.5) -> Call:
    """Moves the progress bar, a few times a second at most."""
    last = 0.0

    def call(game: Game, log: Log) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= seconds or game.seen >= (progress.task.total or 0):
            last = now
            progress.update(game.seen, numbers({k: log[k] for k in SHOWN if k in log}))

    return call


def painter(
    run: Run, events: tensorboard.Writer, seed: int, reals: Tensor | None, n: int = 64
) -> Call:
    """Draws the same latents each time: how the samples change is how the game learns.

    Of a game with classes each row is a class.
    """
    count = n if reals is None else 1_000

    def call(game: Game, log: Log) -> None:
        samples, columns = shown(game, count, seed)
        picture = pictures.draw(samples, reals, columns)
        run.pictures.mkdir(exist_ok=True)
        pictures.save(picture, run.pictures / f"{game.seen:09}.png")
        events.picture(game.seen, "samples", picture)

    return call


def shown(game: Game, count: int, seed: int) -> tuple[Tensor, int]:
    """Samples, and how many belong in a row; 0 leaves that open.

    Of a translator: each picture before its translation.
    """
    if isinstance(game, Translates):
        with seeded(seed, game.device):
            x = game.sources(count // 2)
            return torch.stack([x, game.translate(x)], 1).flatten(0, 1), 0
    rows = torch.arange(min(game.classes, ROWS)).repeat_interleave(COLUMNS)
    if not len(rows):
        return generating(game).sample(count, seed=seed), 0
    label = rows.to(game.device)
    return generating(game).sample(len(rows), seed=seed, label=label), COLUMNS


def saver(run: Run, recipe: str, about: dict[str, object], keep: int) -> Call:
    """Writes a checkpoint, then deletes those that are too many; the best so far stays."""

    def call(game: Game, log: Log) -> None:
        checkpoint.save(run.checkpoints, game, recipe, about)
        best = run.best()
        checkpoint.prune(run.checkpoints, keep, protect=[best.name] if best else [])

    return call
