"""How much memory some work takes, on Linux."""

import ctypes
import gc
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any


def grown(work: Callable[[], Any]) -> int:
    """KiB that the process held at the most while it worked, beyond what it held before."""
    _give_back()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held now
    before = _peak()
    work()
    return _peak() - before


def _give_back() -> None:
    """What is free goes to the kernel: work that found its memory there would take nothing."""
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
