"""Measuring beside training, which never waits for it longer than a share of the time."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from . import distributed, durable
from .abilities import Generates, Translates
from .errors import UserError
from .game import Game
from .guard import Log
from .metrics.figures import Figure, cost
from .metrics.measure import chosen, measure
from .metrics.networks import network
from .run import COST, Run
from .subjects import Reals, draw

PILOT = 64  # samples that tell what measuring will take
LOOKS = 7  # pictures that are looked at for each: itself, five train reals and a test real


class Budget:
    """Time that something may take of the time that goes by.

    Arguments:
        share: Of the time.
        clock: Seconds that go by.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.share, self.clock = share, clock
        self.start, self.spent = clock(), 0.0
        self.last: float | None = None  # what it took the last time

    def affords(self, seconds: float) -> bool:
        """Whether `seconds` more stay within the share of the time up to then."""
        return self.spent + seconds <= self.share * (self.elapsed + seconds)

    @property
    def elapsed(self) -> float:
        """The time that went by."""
        return self.clock() - self.start

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Counts what the block takes; what fails tells nothing of what the next will take."""
        start = self.clock()
        try:
            yield
            self.last = self.clock() - start
        finally:
            self.spent += self.clock() - start


def measurer(
    run: Run,
    reals: Reals,
    figures: Mapping[str, Figure],
    best: str,
    count: int,
    seed: int,
    budget: Budget,
    start: int = 0,
) -> Callable[[Game, Log], None]:
    """Measures at a checkpoint, if there is time: figures go to metrics.jsonl.

    A checkpoint that cannot be afforded is passed over; a later one can. What a measurement will
    take is what the last one took, and before the first what a pilot of a few samples took, times
    as many. What the pilot will take nobody knows: it waits as if looking at a picture took as
    long as training on one. A measurement that fails is told and passed over, too.

    Arguments:
        figures: What to measure, among them `best`, by which checkpoints are told apart.
        count: Samples.
        start: The game's clock when the budget began.
    """
    net = network("", reals.train)

    def found(game: Game, n: int) -> dict[str, Any]:
        drawn = draw(game, n, seed) if isinstance(game, Generates) else None
        return measure(
            n if drawn is None else drawn.images, *reals, seed, figures,
            labels=drawn and drawn.labels, game=game, net=net, intervals=False,
        )  # fmt: skip

    def call(game: Game, log: Log) -> None:
        try:
            with distributed.alone():
                if not _affordable(budget, partial(found, game), count, game.seen - start):
                    return
                with budget.spending():
                    told = found(game, count)
            line = {"seen": game.seen, COST: cost(told[best]), "best_by": best} | told
        except Exception as error:  # whatever it is: hours of training do not end with it
            durable.tell(f"nothing was measured at {game.seen:,} images: {_said(error)}")
        else:
            run.append_metrics(line)

    return call


def _affordable(budget: Budget, found: Callable[[int], object], count: int, seen: int) -> bool:
    """Whether there is time for `count` samples; a pilot tells, once there is time for that.

    Arguments:
        found: Measures so many samples.
        seen: Images that were trained on since the budget began.
    """
    if budget.last is None and budget.share < 1:
        few = min(PILOT, count)
        if not budget.affords(LOOKS * few * budget.elapsed / max(seen, 1)):
            return False
        with budget.spending():
            found(few)
        assert budget.last is not None
        budget.last *= count / few
    return budget.affords(budget.last or 0.0)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else repr(error)


def beside_training(
    reals: Reals, best: str, game: object = None, count: int = 1_000
) -> tuple[dict[str, Figure], str]:
    """The figures that are cheap enough, and the one by which the best checkpoint is told.

    Arguments:
        count: Samples that are to be measured.

    Raises:
        UserError: The data or the count do not allow the figure that was asked for, or it takes
            too long beside training.
    """
    asked = chosen(reals.train, [best] if best else [], game=game)
    if best:
        _check(*next(iter(asked.items())), reals, _available(reals, game, count))
    quick = {n: figure for n, figure in chosen(reals.train, game=game).items() if figure.quick}
    name = best and next(iter(asked)) or next(iter(quick), "")
    return quick | {name: asked[name]} if name else {}, name


def _check(name: str, figure: Figure, reals: Reals, count: int) -> None:
    """Refuses as the best what could not be told of a checkpoint."""
    other = "choose another --training.best"
    if figure.trains:
        raise UserError(
            f"expected a measure that can be taken beside training, got {name}, which trains "
            f"classifiers of its own: {other}, and ask `cardigan evaluate` for it"
        )
    if figure.needs > count:
        raise UserError(
            f"expected at least {figure.needs} samples and reals for {name}, got {count}: raise "
            f"--training.measure_images, or {other}"
        )
    side = min(reals.train.images.shape[2:], default=0)
    if figure.side > side:
        raise UserError(
            f"expected images of {figure.side} pixels or more for {name}, got {side}: {other}"
        )


def _available(reals: Reals, game: object, count: int) -> int:
    """Samples that can be measured, of `count` that are wanted."""
    if isinstance(game, Translates):
        count = len(game.sources(count, seed=0))
    if reals.test is None:
        return min(count, len(reals.train) // 2)
    return min(count, len(reals.train), len(reals.test))
