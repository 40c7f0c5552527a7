"""Modules of torch-fidelity by themselves: the whole of it wants torchvision, which tests do not.

It lies in a folder of its own, since torchmetrics cannot be imported where it finds torch-fidelity
and no torchvision.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

PACKAGE = "torch_fidelity"
FOLDER = Path(sys.prefix) / "oracles" / PACKAGE


@contextmanager
def fidelity(module: str) -> Iterator[ModuleType]:
    """A module of torch-fidelity for as long as the block lasts, and what it imports itself.

    Raises:
        ImportError: torch-fidelity is not there.
    """
    package = ModuleType(PACKAGE)  # empty, in the place of one that imports everything
    package.__path__ = [str(FOLDER)]
    sys.modules[PACKAGE] = package
    try:
        yield import_module(f"{PACKAGE}.{module}")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]
