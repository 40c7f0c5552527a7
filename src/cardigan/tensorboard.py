"""TensorBoard's event files, where the package tensorboard is installed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image


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
    return _Events(SummaryWriter(str(run_folder / "tensorboard"), purge_step=seen and seen + 1))


class _Nowhere:
    def scalars(self, seen: int, values: Mapping[str, float]) -> None:
        pass

    def picture(self, seen: int, name: str, image: Image.Image) -> None:
        pass

    def close(self) -> None:
        pass


class _Events:
    def __init__(self, events: Any) -> None:
        self.events = events

    def scalars(self, seen: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.events.add_scalar(name, value, seen)

    def picture(self, seen: int, name: str, image: Image.Image) -> None:
        self.events.add_image(name, np.array(image.convert("RGB")), seen, dataformats="HWC")

    def close(self) -> None:
        self.events.close()
