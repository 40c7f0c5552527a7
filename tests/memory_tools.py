"""How much memory some work takes, on Linux."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def grown(work: Callable[[], Any]) -> int:
    """KiB that the process held at the most while it worked, beyond what it held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held now
    before = _peak()
    work()
    return _peak() - before


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
