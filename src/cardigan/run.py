"""A run's folder: what was trained, what it learnt, what was measured.

runs/dcgan/
  recipe.json            recipe, version, fields
  checkpoints/000128000/
  log.jsonl  metrics.jsonl  pictures/000128000.png  report.html
"""

import json
import os
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from . import checkpoint, durable, reading, settings
from .errors import UserError
from .game import Game
from .recipe import Recipe

COST = "cost"
"""In metrics.jsonl: how far a checkpoint is from the best there could be, by a chosen measure."""


BEST = "best"
"""In the place of a checkpoint's folder: the best one. `runs/dcgan/best` is no folder itself."""


class Run:
    """A run, by its folder or by that of one of its checkpoints, or `best` inside its folder.

    Where training collapsed, the best checkpoint is the one before: the newest is not.

    Raises:
        UserError: If there is no best one yet; on use, if the folder holds no run.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        if "\0" in str(path):
            raise UserError(f"expected a folder, got {str(path)!r}, which is no name of one")
        if path.name == BEST and not path.exists() and (run := Run(path.parent)).exists:
            path = run._best()
        self.chosen = path if os.path.isfile(path / checkpoint.MANIFEST) else None
        self.path = path.absolute().parent.parent if self.chosen else path

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def pictures(self) -> Path:
        """The folder of pictures."""
        return self.path / "pictures"

    @property
    def record(self) -> Path:
        """Where recipe.json lies: the chosen checkpoint has one of its own."""
        return (self.chosen or self.path) / "recipe.json"

    @property
    def exists(self) -> bool:
        """Whether a run was ever started here."""
        return os.path.isfile(self.record)  # false, too, for a name that is too long

    @property
    def name(self) -> str:
        """Which recipe it follows."""
        return self._read()[0]

    @property
    def recipe(self) -> Recipe:
        """What it was trained with."""
        return self._read()[1]

    @property
    def version(self) -> str:
        """Which version of the package trained it last."""
        return str(self._record().get("version"))

    @property
    def overrides(self) -> list[Any]:
        """What was changed on purpose while it went on: a list of changes each time."""
        overrides = self._record().get("overrides")
        return overrides if isinstance(overrides, list) else []

    def _record(self) -> dict[str, Any]:
        self._read()
        return json.loads(reading.content(self.record, reading.TEXT))

    def _read(self) -> tuple[str, Recipe]:
        try:
            text = reading.content(self.record, reading.TEXT)
            return settings.from_json(text, str(self.record))
        except OSError:
            raise UserError(
                f"{self.path} is not a run: expected a folder that `cardigan train` made, "
                "or a checkpoint in one"
            ) from None

    def newest(self) -> Path:
        """The chosen checkpoint, or the newest that is whole."""
        newest = self.chosen or checkpoint.latest(self.checkpoints)
        if newest is None:
            raise UserError(
                f"{self.path} holds no checkpoint that is whole: run `cardigan train "
                f"{self.name} --out {self.path}` to make one"
            )
        return newest

    def best(self) -> Path | None:
        """The checkpoint with the best figure of those measured beside training, if it is kept.

        Only figures of the last one's kind and count are compared: others are no measure for it.
        """
        lines = reading.lines(self.path / "metrics.jsonl")
        told = [found for found in map(_judged, lines) if found]
        alike = sorted(found for found in told if found.by == told[-1].by)
        places = (self.checkpoints / f"{found.seen:09}" for found in alike)
        return next((place for place in places if place.is_dir()), None)

    def _best(self) -> Path:
        if (best := self.best()) is None:
            raise UserError(
                f"{self.path} has no best checkpoint: nothing was measured beside training; name "
                "the run's folder for the newest"
            )
        return best

    def load(self) -> Game:
        """The game with the weights of `newest`, on the CPU: no trainer, no data."""
        game = make(self.recipe)
        checkpoint.restore(game, self.newest(), optimizers=False)
        return game

    def seconds(self, seen: float = inf) -> float | None:
        """How long it had trained when it had seen so many images; None if its log tells not."""
        told = [line for line in reading.lines(self.path / "log.jsonl") if _at(line) <= seen]
        try:
            return float(json.loads(told[-1])["seconds"])
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            return None

    def append_log(self, line: Mapping[str, Any]) -> None:
        """Adds a line to log.jsonl."""
        _append(self.path / "log.jsonl", line)

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Adds a line to metrics.jsonl."""
        _append(self.path / "metrics.jsonl", line)

    def cut(self, seen: int) -> None:
        """Forgets what was noted after the clock `seen`, for it is going to happen again."""
        for name in ("log.jsonl", "metrics.jsonl"):
            if (path := self.path / name).exists():
                lines = _whole(path).splitlines(keepends=True)
                kept = b"".join(line for line in lines if _at(line) <= seen)
                durable.replace(path, kept)
        for picture in self.pictures.glob("*.png"):
            if picture.stem.isdecimal() and int(picture.stem) > seen:
                picture.unlink()


class _Judged(NamedTuple):
    cost: float
    seen: int
    by: tuple[str, int]  # the measure, and of how many samples


def make(recipe: Recipe) -> Game:
    """A recipe's game, or one line why there is none: too large, or of no size at all."""
    try:
        return recipe.game()
    except (RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"such networks cannot be made ({reason}): choose another size, channels or width"
        ) from None


def load(path: str | Path) -> Game:
    """The game that a run learnt, from its folder or one of its checkpoints."""
    return Run(path).load()


def _whole(path: Path) -> bytes:
    """A log that is going to be written anew: what cannot be read must not be lost."""
    try:
        return reading.content(path, reading.LOG)
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}: move it elsewhere to go on"
        ) from None


def _append(path: Path, line: Mapping[str, Any]) -> None:
    try:
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}: make room and run again"
        ) from None


def _judged(line: bytes) -> _Judged | None:
    """What a line of metrics.jsonl says of a checkpoint, if it was written beside training."""
    try:
        told = json.loads(line)
        by = str(told["best_by"]), int(told["about"]["samples"])
        found = _Judged(float(told[COST]), int(told["seen"]), by)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return found if found.cost < inf else None


def _at(line: bytes) -> float:
    """The clock of a line; a line that a kill cut short lies beyond every clock."""
    try:
        return float(json.loads(line)["seen"]) if line.endswith(b"\n") else inf
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return inf
