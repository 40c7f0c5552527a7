"""One sitting of a run: begins it, or goes on where the last checkpoint stands, to the bit."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from . import (
    __version__,
    changes,
    checkpoint,
    device,
    distributed,
    durable,
    hooks,
    memory,
    report,
    signals,
    tensorboard,
)
from .abilities import Generates
from .data.dataset import Dataset
from .data.stream import Stream, Together
from .game import Game
from .measuring import Budget, beside_training, measurer
from .metrics.figures import Figure
from .progress import Progress
from .randomness import mix
from .recipe import Recipe, to_json
from .run import Run, make
from .signals import Stopped
from .subjects import Reals, held_out
from .train import Hook, train


def play(name: str, recipe: Recipe, path: Path, override: bool = False) -> Run:
    """Trains a recipe in a run's folder, from where the folder stands to `training.images`.

    Arguments:
        override: Goes on although recipe, data or code have changed, and records that.

    Raises:
        UserError: If the folder holds something else, or a run that does not fit.
        Stopped: If a signal asked for the end.
    """
    run, where = Run(path), device.pick(recipe.training.device)
    memory.keep()
    with distributed.group(where):
        first = distributed.rank() == 0
        if first:
            changes.permit(run, name, recipe, override)
        with nullcontext() if first else _silent():
            sitting = _made(run, name, recipe, where, override)
        distributed.wait_for_all()  # the first may have decoded held-out data
        with durable.lock(path) if first else _silent():
            stopped = sitting.play()
    # All have left the group by now: torchrun ends the others as soon as one has ended.
    if stopped and distributed.rank():
        raise SystemExit(128 + stopped.number)
    if stopped:
        raise stopped
    return run


def _made(run: Run, name: str, recipe: Recipe, where: torch.device, override: bool) -> "Sitting":
    """Loads and makes all that a sitting needs: what does not fit is told, and nothing written."""
    training, world = recipe.training, distributed.world()
    recipe.held(world)
    dataset = recipe.dataset()
    torch.manual_seed(mix(training.seed))
    game = make(recipe)
    game.to(where, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    stream, beside = recipe.stream(dataset, where, world), None
    if training.measure_share and distributed.rank() == 0:
        reals = Reals(dataset, held_out(lambda: recipe.dataset("test")))
        beside = reals, *beside_training(reals, training.best, game, training.measure_images)
    return Sitting(run, name, recipe, where, override, dataset, game, stream, beside)


@dataclass(frozen=True)
class Sitting:
    """What one process does in one sitting; the first process writes the folder."""

    run: Run
    name: str
    recipe: Recipe
    device: torch.device
    override: bool
    dataset: Dataset
    game: Game
    stream: Stream | Together
    measured: tuple[Reals, dict[str, Figure], str] | None  # beside training, and by what is best

    def play(self) -> Stopped | None:
        """Trains until `training.images` or a signal."""
        training, game = self.recipe.training, self.game
        about = self.about(self.dataset)
        self.begin(game, self.dataset, about)
        if training.compile:
            for player in game.players.values():
                player.net.compile(dynamic=False)
        if game.seen >= training.images:
            seen = f"{self.run.path} has seen its {game.seen:,} images"
            durable.tell(f"{seen}: give more --images to go on")
            return None
        with ExitStack() as stack:
            asked = stack.enter_context(signals.gathered())
            beside = [] if distributed.rank() else self.beside(game, self.dataset, about, stack)
            finished = train(
                game,
                self.stream,
                training.images,
                seed=training.seed,
                accumulate=training.copies(distributed.world()),
                precision=device.PRECISIONS[training.precision](self.device),
                tolerate=training.tolerate,
                hooks=[
                    Hook(training.checkpoint_every, _compare, at_end=True),
                    *beside,
                    Hook(training.checkpoint_every, _wait, at_end=True),
                ],
                stop=lambda: bool(asked),
            )
        return None if finished else Stopped(asked[0] if asked else signal.SIGTERM, game.seen)

    def about(self, dataset: Dataset) -> dict[str, Any]:
        """What a resumed run is compared with, beside its recipe."""
        with device.PRECISIONS[self.recipe.training.precision](self.device)():
            bfloat16 = torch.is_autocast_enabled(self.device.type)
        return {
            "data": dataset.fingerprint,
            "version": __version__,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "processes": distributed.world(),
            "device": {"cuda": torch.cuda.get_device_name}.get(self.device.type, str)(self.device),
            "precision": "bfloat16" if bfloat16 else "float32",
        }

    def begin(self, game: Game, dataset: Dataset, about: dict[str, Any]) -> None:
        """Sets the game to where the run stands; all processes read the same files."""
        newest, overridden = checkpoint.latest(self.run.checkpoints), []
        if newest is None:
            self.recipe.prepare(game, dataset)
        else:
            old = checkpoint.read(newest).about
            overridden = changes.permit_about(self.run, old, about, self.override)
            checkpoint.restore(game, newest)
        if distributed.rank() == 0:
            durable.clear(self.run.checkpoints)
            self.run.cut(game.seen)
            changes.record(self.run, self.name, self.recipe, overridden)
        distributed.compare({"the data": [about["data"]], **_memory(game)}, game.device)

    def beside(
        self, game: Game, dataset: Dataset, about: dict[str, Any], stack: ExitStack
    ) -> list[Hook]:
        """What happens beside training: progress, log, pictures, checkpoints."""
        run, training = self.run, self.recipe.training
        events = tensorboard.writer(run.path, game.seen)
        stack.callback(events.close)
        stack.callback(report.write, run.path, self.recipe.summary)
        progress = stack.enter_context(Progress(training.images, game.seen, "training"))
        shown = dataset.images[:1_000] if dataset.modes else None
        text = to_json(self.name, self.recipe, __version__)
        painter = hooks.painter(run, events, training.seed, shown)
        draws = isinstance(game, Generates)
        return [
            Hook(training.batch, hooks.shower(progress)),
            Hook(training.log_every, hooks.logger(run, events, game.seen)),
            *([Hook(training.picture_every, painter, at_end=True)] if draws else []),
            Hook(
                training.checkpoint_every,
                hooks.saver(run, text, about, training.keep),
                at_end=True,
            ),
            *self.measuring(),
        ]

    def measuring(self) -> list[Hook]:
        """Measures what was just saved, where that is wanted and the data allow."""
        if self.measured is None:
            return []
        (reals, figures, best), training = self.measured, self.recipe.training
        if not figures:
            return []
        budget = Budget(training.measure_share)
        call = measurer(
            self.run, reals, figures, best, training.measure_images, training.seed, budget,
            self.game.seen,
        )  # fmt: skip
        return [Hook(training.checkpoint_every, call, at_end=True, waits=True)]


@contextmanager
def _silent() -> Iterator[None]:
    """What all processes would say, the first says."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        yield


def _wait(game: Game, log: Mapping[str, torch.Tensor]) -> None:
    """Waits for the first process, which saves and measures alone."""
    distributed.wait_for_all()


def _compare(game: Game, log: Mapping[str, torch.Tensor]) -> None:
    """Finds the process whose state is no longer that of the others, before it is saved."""
    tensors = {name: [tensor] for name, tensor in game.state_dict().items()}
    distributed.compare({**_memory(game), **tensors}, game.device)


def _memory(game: Game) -> dict[str, list[torch.Tensor | str]]:
    """What a process has of the run's folder, beside weights, which the first sends to all."""
    optimizers = [player.optimizer.state_dict()["state"] for player in game.players.values()]
    states = [state for states in optimizers for _, state in sorted(states.items())]
    values = [value for state in states for _, value in sorted(state.items())]
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    return {"the clock": [f"{game.seen} {game.rounds}"], "an optimiser's memory": [*tensors]}
