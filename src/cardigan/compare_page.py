"""A comparison as one page: pictures, figures with their intervals, verdicts, cost, settings."""

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment
from PIL import Image

from .comparison import ALPHA, DIRECTIONS, Pair, summary, verdict
from .curves import number
from .metrics.figures import FLOOR

WIDTH = 300  # of the frame that intervals are drawn in, in the SVG's units
MARGIN = 8  # of it, on both sides
LARGEST = 900  # pixels across a picture
LONGEST = 200  # letters of a text that others wrote
NOTHING = "–"


class Row(NamedTuple):
    """One generator by one figure."""

    name: str
    place: int  # among the generators, which gives it its colour
    value: str
    interval: str
    at: float  # in the frame
    low: float | None
    high: float | None
    best: bool


class Block(NamedTuple):
    """One figure of all."""

    title: str
    direction: str
    floor: str
    floor_at: float | None
    summary: str
    rows: list[Row]
    verdicts: list[tuple[str, str]]  # what a pair comes to, and the difference


class Card(NamedTuple):
    """A picture, ready for a page."""

    name: str
    place: int | None
    width: int
    height: int
    data: str  # as a data: address


def render(results: Mapping[str, Any], pictures: Mapping[str, Image.Image]) -> str:
    """The page as HTML; it needs no other file, network or script, and all words are escaped.

    Arguments:
        results: What `cardigan compare --json` prints.
        pictures: Of the reals, and of each by its name.
    """
    environment = Environment(autoescape=True, finalize=_printable, trim_blocks=True)
    template = environment.from_string(
        files("cardigan").joinpath("compare.html").read_text("utf-8")
    )
    names = list(results["subjects"])
    return template.render(
        names=names,
        about=results["about"],
        cards=[_card(k, names, picture) for k, picture in pictures.items()],
        blocks=[
            _block(k, figure, results["about"]["samples"])
            for k, figure in results["figures"].items()
        ],
        costs=[(name, costs(results["subjects"][name])) for name in names],
        runs=[name for name in names if results["subjects"][name]["seen"] is not None],
        settings=[(field, row) for field, row in results["settings"].items()],
        floors=any(f["better"] == FLOOR for f in results["figures"].values()),
        text=text,
        nothing=NOTHING,
        frame=WIDTH,
        alpha=ALPHA,
    )


def title(name: str) -> str:
    """`frechet_distance` to `Fréchet distance`."""
    words = name.replace("_", " ").replace("frechet", "Fréchet").replace("ms ssim", "MS-SSIM")
    return words[:1].upper() + words[1:]


def figures(value: float | None) -> str:
    """Four digits, with a minus sign that is one."""
    return NOTHING if value is None else f"{value:,.4g}".replace("-", "−")


def places(bounds: Iterable[tuple[float | None, float | None]]) -> int | None:
    """Decimals that intervals can bear: two digits of half the width of the narrowest.

    One that is far narrower than the others does not lengthen them all. None without a width.
    """
    widths = [high - low for low, high in bounds if low is not None and high is not None]
    found = [1 - math.floor(math.log10(width / 2)) for width in widths if width > 0]
    return max(0, min(8, max(found), min(found) + 2)) if found else None


def rounded(value: float | None, decimals: int | None) -> str:
    """To so many decimals, with a minus sign that is one; to four digits where none are given."""
    if value is None or decimals is None:
        return figures(value)
    told = f"{value:,.{decimals}f}"
    return told.lstrip("-") if not float(told.replace(",", "")) else told.replace("-", "−")


def rounded_floor(floor: float | None, decimals: int | None) -> str:
    """As the values, but never so short that nothing of it is left."""
    if floor is None or decimals is None or abs(floor) >= 10 ** (1 - decimals):
        return rounded(floor, decimals)
    return f"{floor:.2g}".replace("-", "−")


def between(low: float | None, high: float | None, decimals: int | None) -> str:
    """An interval in words."""
    if low is None or high is None:
        return NOTHING
    return f"{rounded(low, decimals)} to {rounded(high, decimals)}"


def decimals_of(figure: Mapping[str, Any]) -> int | None:
    """Of all numbers of one figure, which stand below one another."""
    return places((number(e.get("low")), number(e.get("high"))) for e in figure["values"].values())


def text(value: Any) -> str:
    """A setting as the command line would take it."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(text, value))
    told = value if isinstance(value, str) else json.dumps(value)
    return told if len(told) <= LONGEST else f"{told[:LONGEST]}…"


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds."""
    return NOTHING if seconds is None else str(timedelta(seconds=min(round(seconds), 10**9)))


def _block(name: str, figure: Mapping[str, Any], n: int) -> Block:
    entries, pairs = figure["values"], [Pair(**pair) for pair in figure["pairs"]]
    floor, decimals = number(figure["floor"]), decimals_of(figure)
    place = _scale(entries, floor)
    rows = [_row(who, i, entry, place, decimals) for i, (who, entry) in enumerate(entries.items())]
    return Block(
        title(name),
        DIRECTIONS[figure["better"]].words,
        rounded_floor(floor, decimals),
        None if floor is None else place(floor),
        summary(pairs, n),
        [row._replace(best=row.name == figure["best"]) for row in rows],
        [(verdict(pair, n), _difference(pair)) for pair in pairs],
    )


def _row(name: str, i: int, entry: Mapping[str, Any], place: Any, decimals: int | None) -> Row:
    value, low, high = (number(entry.get(key)) for key in ("value", "low", "high"))
    assert value is not None, "figures have values"
    known = low is not None and high is not None
    return Row(
        name,
        i,
        rounded(value, decimals),
        between(low, high, decimals),
        place(value),
        place(low) if known else None,
        place(high) if known else None,
        False,
    )


def _scale(entries: Mapping[str, Mapping[str, Any]], floor: float | None) -> Any:
    """From numbers to places in the frame, which holds them all."""
    found = [number(e.get(key)) for e in entries.values() for key in ("value", "low", "high")]
    known = [value for value in (*found, floor) if value is not None]
    low, high = min(known), max(known)
    reach = (high - low) or 1.0
    return lambda x: round(MARGIN + (x - low) / reach * (WIDTH - 2 * MARGIN), 1)


def _difference(pair: Pair) -> str:
    decimals = places([(pair.low, pair.high)])
    interval = between(pair.low, pair.high, decimals)
    return f"{pair.first} − {pair.second} = {rounded(pair.difference, decimals)} ({interval})"


def costs(cost: Mapping[str, Any]) -> list[str]:
    """Images seen, time, parameters of the generator and of all players."""
    counts = [
        NOTHING if cost[k] is None else f"{cost[k]:,}" for k in ("seen", "generator", "players")
    ]
    return [counts[0], duration(cost["seconds"]), *counts[1:]]


def _card(name: str, names: list[str], picture: Image.Image) -> Card:
    picture.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    picture.convert("RGB").save(file, format="WEBP", quality=90)
    data = base64.b64encode(file.getvalue()).decode()
    place = names.index(name) if name in names else None
    return Card(name, place, *picture.size, f"data:image/webp;base64,{data}")


def _printable(value: Any) -> Any:
    """Without control characters, bidirectional overrides and halves of characters."""
    if type(value) is not str:  # such as markup, which the template itself has made
        return value
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
