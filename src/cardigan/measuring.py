"""Measuring beside training, which never waits for it longer than a share of the time."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from . import distributed
from .abilities import Generates
from .game import Game
from .metrics.figures import Figure, cost
from .metrics.measure import chosen, measure
from .metrics.networks import network
from .run import COST, Run
from .subjects import Reals, draw
from .train import Log

PILOT = 64  # samples that tell what measuring will take


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
        return self.spent + seconds <= self.share * (self.clock() - self.start + seconds)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Counts what the block takes."""
        start = self.clock()
        yield
        self.last = self.clock() - start
        self.spent += self.last


def measurer(
    run: Run,
    reals: Reals,
    figures: Mapping[str, Figure],
    best: str,
    count: int,
    seed: int,
    budget: Budget,
) -> Callable[[Game, Log], None]:
    """Measures at a checkpoint, if there is time: figures go to metrics.jsonl.

    A checkpoint that cannot be afforded is passed over; a later one can. What a measurement will
    take is what the last one took, and before the first what a few samples take, times as many.

    Arguments:
        figures: What to measure, among them `best`, by which checkpoints are told apart.
        count: Samples.
    """
    net = network("", reals.train)

    def found(game: Game, n: int) -> dict[str, Any]:
        drawn = draw(game, n, seed) if isinstance(game, Generates) else None
        return measure(
            n if drawn is None else drawn.images, *reals, seed, figures,
            labels=drawn and drawn.labels, game=game, net=net, intervals=False,
        )  # fmt: skip

    def call(game: Game, log: Log) -> None:
        with distributed.alone():
            if budget.last is None and budget.share < 1:
                with budget.spending():
                    found(game, PILOT)
                assert budget.last is not None
                budget.last *= max(1.0, count / PILOT)
            if not budget.affords(budget.last or 0.0):
                return
            with budget.spending():
                told = found(game, count)
        run.append_metrics({"seen": game.seen, COST: cost(told[best]), "best_by": best} | told)

    return call


def beside_training(reals: Reals, best: str, game: object = None) -> tuple[dict[str, Figure], str]:
    """The figures that are cheap enough, and the one by which the best checkpoint is told.

    Raises:
        UserError: The data do not allow the figure that was asked for.
    """
    asked = chosen(reals.train, [best] if best else [], game=game)
    quick = {n: figure for n, figure in chosen(reals.train, game=game).items() if figure.quick}
    name = best and next(iter(asked)) or next(iter(quick), "")
    return quick | {name: asked[name]} if name else {}, name
