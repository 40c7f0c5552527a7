"""How long work gets on: a bar on a terminal, a plain line now and then without one."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from operator import length_hint
from typing import Self, TypeVar

from rich import progress as bars
from rich.console import Console
from rich.table import Column
from rich.text import Text

FIRST = (1.0, 2.0, 5.0, 10.0)  # seconds at which the first plain lines are due
EVERY = 30.0  # seconds from one to the next after that,
SHARE = 0.05  # or this share of the work, whichever comes first

T = TypeVar("T")


class Progress:
    """Shows how far work has come, how fast it goes, how long it will take and what it tells.

    A context manager. All goes to standard error, so that output can be piped.

    Arguments:
        total: What there is to do.
        start: What is done already; a resumed run's speed and time left are its own.
        label: What the work is called.
        unit: What is counted.
        console: Where to show it.
        clock: Seconds, ever growing.
    """

    def __init__(
        self,
        total: int,
        start: int = 0,
        label: str = "",
        *,
        unit: str = "images",
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console or Console(stderr=True)
        self.unit, self.clock = unit, clock
        self.bar = bars.Progress(
            *_columns(unit),
            console=self.console,
            get_time=clock,
            refresh_per_second=4,
            redirect_stdout=False,  # which may be a pipe
        )
        self.id = self.bar.add_task(label, total=total, completed=start, told="")
        self.began, self.lines = clock(), _Lines(total)

    @property
    def task(self) -> bars.Task:
        """What is known about the work."""
        return self.bar.tasks[0]

    def __enter__(self) -> Self:
        if self.console.is_interactive:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_interactive:
            self.bar.stop()
        elif self.lines.unsaid(self.clock() - self.began):
            self._say()

    def update(self, seen: int, told: Mapping[str, float] | None = None) -> None:
        """So much is done; `told` are numbers to show beside it."""
        words = "  ".join(f"{name} {value:.3g}" for name, value in (told or {}).items())
        self.bar.update(self.id, completed=seen, told=words)
        if not self.console.is_interactive and self.lines.due(self.clock() - self.began, seen):
            self._say()

    def _say(self) -> None:
        task = self.task
        left = "" if task.finished else f"{_duration(task.time_remaining)} left"
        done = f"{task.completed:,.0f} of {task.total:,.0f} {self.unit}".strip()
        parts = [
            f"{task.percentage:3.0f}%",
            done,
            _rate(task, self.unit),
            left,
            task.fields["told"],
        ]
        line = ", ".join(part for part in parts if part)
        name = f"{task.description}: " if task.description else ""
        self.console.file.write(f"{name}{line}\n")
        self.console.file.flush()


def track(items: Iterable[T], label: str, total: int = 0, unit: str = "") -> Iterator[T]:
    """Passes the items on and shows how many have gone by; `total` where they have no length."""
    with Progress(total or length_hint(items), label=label, unit=unit) as progress:
        for done, item in enumerate(items, 1):
            yield item
            progress.update(done)


class _Lines:
    """When a plain line is due; nothing that ends within a second says anything."""

    def __init__(self, total: int) -> None:
        self.step = max(1.0, total * SHARE)
        self.next_time, self.next_seen = FIRST[0], math.inf
        self.said = 0.0

    def due(self, elapsed: float, seen: int) -> bool:
        """Whether to say something now, which is then taken as said."""
        if elapsed < self.next_time and seen < self.next_seen:
            return False
        self.said = elapsed
        self.next_time = next((t for t in FIRST if t > elapsed), elapsed + EVERY)
        self.next_seen = seen + self.step if elapsed >= FIRST[-1] else math.inf
        return True

    def unsaid(self, elapsed: float) -> bool:
        """Whether something is left to say at the end."""
        return elapsed >= FIRST[0] and elapsed > self.said


class _RateColumn(bars.ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: bars.Task) -> Text:
        return Text(_rate(task, self.unit), style="cyan")


def _columns(unit: str) -> list[bars.ProgressColumn]:
    told = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return [
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.TaskProgressColumn(),
        _RateColumn(unit),
        bars.TimeRemainingColumn(compact=True),
        bars.TextColumn("{task.fields[told]}", markup=False, style="dim", table_column=told),
    ]


def _rate(task: bars.Task, unit: str) -> str:
    speed = task.finished_speed or task.speed
    return f"{speed:,.{0 if speed >= 100 else 1}f} {unit}/s".replace(" /", "/") if speed else ""


def _duration(seconds: float | None) -> str:
    return "-:--:--" if seconds is None else str(timedelta(seconds=round(seconds)))
