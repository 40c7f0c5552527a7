"""Samples as pictures: images in a grid, points in a scatter plot."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from . import durable
from .data.stream import as_bytes

WIDTH = 900  # pixels that a picture is at most enlarged to
PAPER, GREY, INK = "white", "#b8b4aa", "#1f5f8b"


def draw(samples: Tensor, reals: Tensor | None = None, columns: int = 0) -> Image.Image:
    """A picture of images [N, C, H, W] in [-1, 1] or bytes, or of points [N, 2].

    Arguments:
        reals: Of points: what they should look like, drawn behind them.
        columns: Of images: as `grid` has it.
    """
    if samples.ndim == 2:
        return scatter(samples, reals)
    return grid(samples if samples.dtype == torch.uint8 else as_bytes(samples), columns)


def grid(images: Tensor, columns: int = 0, gap: int = 2, scale: int = 0) -> Image.Image:
    """Images uint8 [N, C, H, W], grey or RGB, in rows from the top left.

    Arguments:
        columns: Images in a row; 0 makes the grid as square as N allows.
        gap: White pixels around each image.
        scale: Whole factor that images are enlarged by, without smoothing; 0 chooses the largest
            with which eight images in a row, or a longer row, stay within 900 pixels.
    """
    n, channels, _, width = images.shape
    assert n and channels in (1, 3) and images.dtype == torch.uint8
    columns = columns or math.ceil(math.sqrt(n))
    scale = scale or _scale(max(columns, 8), width, gap)
    large = images.cpu().repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    cells = pad(large, (gap, 0, gap, 0), value=255)
    blank = cells.new_full((-n % columns, *cells.shape[1:]), 255)
    rows = torch.cat([cells, blank]).unflatten(0, (-1, columns))
    whole = rows.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)  # C, rows x H, columns x W
    pixels = pad(whole, (0, gap, 0, gap), value=255).permute(1, 2, 0).squeeze(2)
    return Image.fromarray(pixels.contiguous().numpy())


def _scale(columns: int, width: int, gap: int) -> int:
    return max(1, (WIDTH - gap * (columns + 1)) // (columns * width))


def scatter(points: Tensor, reals: Tensor | None = None) -> Image.Image:
    """Points [N, 2] over real ones [M, 2], which also set the frame: pictures stay comparable."""
    figure = Figure(figsize=(6, 6), dpi=100, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
    for cloud, colour in ((reals, GREY), (points, INK)):
        if cloud is not None:
            x, y = cloud.float().cpu().unbind(1)
            axes.scatter(x.numpy(), y.numpy(), s=6, c=colour, alpha=0.6, linewidths=0)
    centre, reach = _frame(points if reals is None else reals)
    axes.set_xlim(centre[0] - reach, centre[0] + reach)
    axes.set_ylim(centre[1] - reach, centre[1] + reach)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _frame(points: Tensor) -> tuple[list[float], float]:
    """The centre of a square that holds the finite points, and half its side, with a margin."""
    finite = points.float().cpu()[points.isfinite().all(1).cpu()]
    if not len(finite):
        return [0.0, 0.0], 1.0
    low, high = finite.amin(0), finite.amax(0)
    return ((low + high) / 2).tolist(), max(float((high - low).max()) * 0.6, 1e-3)


def save(image: Image.Image, path: Path) -> None:
    """Writes a PNG without metadata, whole or not at all."""
    bare = image.copy()
    bare.info.clear()
    file = io.BytesIO()
    bare.save(file, format="PNG")
    durable.replace(path, file.getvalue())


def save_animation(frames: Sequence[Image.Image], path: Path, seconds: float = 0.06) -> None:
    """Writes a GIF that goes round for ever, whole or not at all.

    Arguments:
        seconds: Of each frame; GIF knows hundredths.
    """
    first, *others = (frame.convert("P", palette=Image.Palette.ADAPTIVE) for frame in frames)
    file = io.BytesIO()
    milliseconds = round(100 * seconds) * 10
    first.save(
        file, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0
    )
    durable.replace(path, file.getvalue())
