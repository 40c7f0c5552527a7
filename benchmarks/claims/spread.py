"""Jobs on many processes of a machine, each with a thread of its own."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import torch


def spread(
    call: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Calls `call(*job)` for each job, and yields those that are done, with what they return.

    Of a job that fails it is the exception.

    Jobs begin in their order. They share nothing but the disk: what they find, they keep there.
    `call` stands in a module that can be imported, and so not in one that is run with `-m`.
    """
    context = get_context("spawn")  # a GPU cannot be used by forked processes
    with ProcessPoolExecutor(processes, context, _begin) as pool:
        pending = {pool.submit(call, *job): job for job in jobs}
        for done in as_completed(pending):
            yield pending[done], done.exception() or done.result()


def _begin() -> None:
    torch.set_num_threads(1)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """Ends with the command, however that ends: left alone, a worker would go on for hours."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
