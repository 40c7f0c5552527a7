"""What a game takes held-out images for, beside what they are."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from . import pictures
from .data.dataset import Dataset
from .data.stream import as_floats
from .metrics.sets import numbered, some
from .pictures import PAPER
from .report import PREDICTIONS

SHOWN, COLUMNS = 40, 8
RIGHT, WRONG = "#77736a", "#b4432f"


def write(folder: Path, game: Any, classes: tuple[str, ...], test: Dataset, seed: int) -> Path:
    """Saves a picture of test images that the seed chose, as a game that classifies sees them.

    Raises:
        UserError: Images of a class that is none of the game's `classes`.
    """
    assert test.labels is not None, "what has no labels cannot be classified"
    which = some(torch.arange(len(test)), SHOWN, seed)
    told = game.classify(as_floats(test.images[which])).argmax(1).cpu()
    truth = numbered(test.labels[which], test.classes, classes)
    drawn = draw(test.images[which], truth, told, classes)
    pictures.save(drawn, folder / PREDICTIONS)
    return folder / PREDICTIONS


def draw(images: Tensor, truth: Tensor, told: Tensor, names: tuple[str, ...]) -> Image.Image:
    """Images uint8 [N, C, H, W], each over what it was taken for; the wrong ones are framed.

    Arguments:
        truth: The classes, int64 [N].
        told: What they were taken for, int64 [N].
    """
    rows = math.ceil(len(images) / COLUMNS)
    figure = Figure(figsize=(COLUMNS * 1.25, rows * 1.55), dpi=90, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    for k, (image, is_, said) in enumerate(
        zip(images, truth.tolist(), told.tolist(), strict=True)
    ):
        axes = figure.add_subplot(rows, COLUMNS, k + 1, xticks=[], yticks=[])
        pixels = image.permute(1, 2, 0).squeeze(2).numpy()
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        wrong = is_ != said
        axes.spines[:].set(color=WRONG if wrong else PAPER, linewidth=2.5)
        caption = f"{names[said]}\nis {names[is_]}" if wrong else names[said]
        axes.set_xlabel(caption, fontsize=7, color=WRONG if wrong else RIGHT, labelpad=3)
    figure.subplots_adjust(0.01, 0.07, 0.99, 0.99, wspace=0.1, hspace=0.32)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
