"""Applies a function to many files in threads, and shows how far it has come."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..progress import track
from .images import without_warnings

Item = TypeVar("Item")
Result = TypeVar("Result")
TOGETHER = 256  # results that may wait in memory


def each(
    function: Callable[[Item], Result], items: Sequence[Item], doing: str
) -> Iterator[tuple[Item, Result]]:
    """Yields every item with its result, in order."""
    with without_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from track(_by_and_by(pool, function, items), doing, len(items), "files")


def _by_and_by(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[tuple[Item, Result]]:
    for start in range(0, len(items), TOGETHER):
        some = items[start : start + TOGETHER]
        yield from zip(some, pool.map(function, some), strict=True)
