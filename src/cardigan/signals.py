"""Signals that ask for the end: the first one politely, the second at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class Stopped(Exception):
    """A signal asked for the end, and the run was saved. `number` is the signal's."""

    def __init__(self, number: int, seen: int) -> None:
        super().__init__(number, seen)
        self.number, self.seen = number, seen


@contextmanager
def gathered() -> Iterator[list[int]]:
    """A list that receives the first signal; the second ends the process at once."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            os._exit(128 + number)
        asked.append(number)
        print("\ncardigan: saving; once more ends at once", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
