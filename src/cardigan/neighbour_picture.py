"""Samples beside the real images that lie nearest to them, in labelled columns."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .data.dataset import Dataset
from .metrics.nearest import Neighbours
from .neighbourhood import Neighbourhood
from .pictures import INK, PAPER, grid
from .subjects import Reals

CELL = 72  # pixels that an image is enlarged to, where it is smaller
GAP, ROOM, MARGIN = 4, 22, 16  # between images, between columns of unlike kind, around
HEAD, FOOT, CAPTION = 58, 52, 14  # text above, below, and under each image
TEXT, FAINT = "#333333", "#77736a"


class Column(NamedTuple):
    """Images of one kind: for each row one or several, side by side."""

    title: str  # lines, from the top
    images: Tensor  # uint8 [R, K, C, H, W]
    captions: Sequence[Sequence[str]]  # [R][K]
    framed: Tensor  # bool [R, K], those to look at


class Cell(NamedTuple):
    """The size of an image on the page."""

    wide: int
    high: int
    scale: int


def draw(columns: Sequence[Column], footer: str = "", apart: int = 0) -> Image.Image:
    """A picture of R rows; all columns have as many.

    Arguments:
        footer: Lines below.
        apart: The row above which room is left; none at 0.
    """
    high, wide = columns[0].images.shape[3:]
    scale = max(1, -(-CELL // max(high, wide)))
    cell = Cell(scale * wide, scale * high, scale)
    starts, width = _starts(columns, cell.wide)
    step = cell.high + CAPTION + GAP
    tops = [HEAD + r * step + ROOM * (0 < apart <= r) for r in range(len(columns[0].images))]
    page = Image.new("RGB", (width, tops[-1] + step + FOOT), PAPER)
    pen = ImageDraw.Draw(page)
    for column, left in zip(columns, starts, strict=True):
        _title(pen, column.title, left)
        for r, top in enumerate(tops):
            for k in range(column.images.shape[1]):
                _put(page, pen, column, r, k, (left + k * (cell.wide + GAP), top), cell)
    pen.multiline_text((MARGIN, page.height - FOOT + 8), footer, FAINT, _font(11), spacing=5)
    return page


def _put(
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    column: Column,
    r: int,
    k: int,
    corner: tuple[int, int],
    cell: Cell,
) -> None:
    """One image, its caption and its frame."""
    x, y = corner
    page.paste(grid(column.images[r, k][None], gap=0, scale=cell.scale), corner)
    if column.framed[r, k]:
        pen.rectangle((x - 2, y - 2, x + cell.wide + 1, y + cell.high + 1), outline=INK, width=2)
    pen.text((x + cell.wide / 2, y + cell.high + 3), column.captions[r][k], FAINT, _font(10), "ma")


def _starts(columns: Sequence[Column], wide: int) -> tuple[list[int], int]:
    """Where columns begin, and the width of all: a title is never cut."""
    starts, x = [], MARGIN
    for column in columns:
        starts.append(x)
        images = column.images.shape[1] * (wide + GAP) - GAP
        title = max(_font(12).getlength(line) for line in column.title.splitlines())
        x += max(images, int(title)) + ROOM
    return starts, x - ROOM + MARGIN


def _title(pen: ImageDraw.ImageDraw, title: str, left: int) -> None:
    first, *others = title.splitlines()
    pen.text((left, 14), first, TEXT, _font(12, "bold"))
    pen.text((left, 31), "\n".join(others), FAINT, _font(11))


@cache
def _font(size: int, weight: str = "normal") -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib, so that pictures look alike everywhere."""
    wanted = font_manager.FontProperties(family="DejaVu Sans", weight=weight)
    return ImageFont.truetype(font_manager.findfont(wanted), size)


def columns(found: Neighbourhood, samples: Tensor, reals: Reals, which: Tensor) -> list[Column]:
    """The samples of these indices [R], and their nearest reals."""
    none = torch.zeros(len(which), 1, dtype=torch.bool)
    made = [Column("samples", _rows(samples, which[:, None]), [[""] for _ in which], none)]
    for name, space in found.spaces.items():
        near, far = space.nearest_train, space.nearest_held_out
        nearer = none if far is None else near.distances[which, :1] < far.distances[which]
        made.append(_column(f"training\nby {name}", reals.train, near, nearer, space.unit, which))
        if far is not None and reals.test is not None:
            titled = f"held out\nby {name}"
            made.append(_column(titled, reals.test, far, ~nearer, space.unit, which))
    return made


def _column(
    title: str, data: Dataset, near: Neighbours, framed: Tensor, unit: float, which: Tensor
) -> Column:
    distances, indices = near.distances[which] / unit, near.indices[which]
    captions = [[f"{d:.3g}" for d in row] for row in distances.tolist()]
    frames = torch.zeros(indices.shape, dtype=torch.bool)
    frames[:, :1] = framed
    return Column(title, _rows(data.images, indices), captions, frames)


def _rows(images: Tensor, which: Tensor) -> Tensor:
    """Images [R, K, C, H, W] at indices [R, K]."""
    return images[which.flatten()].unflatten(0, (len(which), -1))
