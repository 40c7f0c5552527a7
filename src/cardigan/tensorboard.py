"""TensorBoard's event files, where the package tensorboard is installed."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from . import durable

ROOM = 2**20
"""Bytes without which nothing is written: TensorBoard's own thread dies of a full disk, loudly."""


class Writer(Protocol):
    """What a run tells TensorBoard; the clock is the images seen."""

    def scalars(self, seen: int, values: Mapping[str, float]) -> None:
        """A point on each of the named curves."""

    def picture(self, seen: int, name: str, image: Image.Image) -> None:
        """A picture."""

    def close(self) -> None:
        """Writes out what waits."""


def writer(run_folder: Path, seen: int = 0) -> Writer:
    """Writes to `run_folder/tensorboard`, or nowhere if TensorBoard is not installed.

    Arguments:
        seen: Where a resumed run goes on. What an earlier process wrote after it is void.
    """
    try:
        # Takes over a second, and TensorBoard is an extra.
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        return _Nowhere()
    # TensorBoard drops events whose step is greater than or equal to `purge_step`.
    purge = seen and seen + 1
    folder = run_folder / "tensorboard"
    return _Events(run_folder, lambda: SummaryWriter(str(folder), purge_step=purge))


class _Nowhere:
    def scalars(self, seen: int, values: Mapping[str, float]) -> None:
        pass

    def picture(self, seen: int, name: str, image: Image.Image) -> None:
        pass

    def close(self) -> None:
        pass


class _Events:
    """Events as long as there is room for them: training goes on without."""

    def __init__(self, run_folder: Path, make: Callable[[], Any]) -> None:
        self.run_folder, self.events = run_folder, None
        self.events = self._try(make)

    def scalars(self, seen: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if self.events:
                self._try(self.events.add_scalar, name, value, seen)

    def picture(self, seen: int, name: str, image: Image.Image) -> None:
        if self.events:
            pixels = np.array(image.convert("RGB"))
            self._try(self.events.add_image, name, pixels, seen, dataformats="HWC")

    def close(self) -> None:
        if self.events:
            self._try(self.events.close)

    def _try(self, write: Callable[..., Any], *values: Any, **how: Any) -> Any:
        """Writes; where the disk refuses, this was the last time, and one line says so."""
        try:
            if shutil.disk_usage(self.run_folder).free < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(*values, **how)
        except OSError as error:
            self.events = None
            durable.tell(f"warning: no more is written for TensorBoard: {error.strerror}")
