"""A run as one page: pictures, curves, measures, settings, from the run's files alone."""

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment
from PIL import Image

from . import curves, durable, reading
from .curves import number
from .data.images import MEGAPIXELS, without_warnings
from .recipe import flatten

LARGE, SMALL = 900, 300  # pixels across: the newest picture, and those of the strip
STRIP = 10  # pictures
PREDICTIONS = "predictions.png"  # of a game that classifies
LONGEST = 200  # letters of a text out of a file
DEEPEST = 200  # brackets in a line of JSON, well below what Python can nest


class Picture(NamedTuple):
    """A picture of samples, ready for a page."""

    seen: int
    width: int
    height: int
    data: str  # as a data: address


class Measure(NamedTuple):
    """A row of the table of measures."""

    name: str
    value: float
    floor: float | None
    ratio: float | None
    note: str


def write(run_folder: Path, description: str = "") -> Path:
    """Writes `report.html` into a run's folder; it needs no other file, network or script.

    Files that are missing, damaged or cut off leave their part of the page out.

    Arguments:
        description: A line on the recipe and its paper.
    """
    page = run_folder / "report.html"
    durable.replace(page, render(run_folder, description).encode())
    return page


def render(run_folder: Path, description: str = "") -> str:
    """The page as HTML, in which everything out of a file is escaped."""
    recipe = _object(run_folder / "recipe.json")
    log, measured = _lines(run_folder / "log.jsonl"), _lines(run_folder / "metrics.jsonl")
    measured.sort(key=lambda line: number(line.get("seen")) or 0)  # an older one may come later
    pictures = sorted((run_folder / "pictures").glob("*.png"))
    environment = Environment(autoescape=True, finalize=_printable, trim_blocks=True)
    environment.filters["figures"] = lambda value: f"{value:,.4g}".replace("-", "−")
    template = environment.from_string(
        files("cardigan").joinpath("report.html").read_text("utf-8")
    )
    return template.render(
        name=_text(recipe.get("recipe", run_folder.resolve().name)),
        description=" ".join(description.split()),
        facts=_facts(run_folder, recipe, log),
        newest=next(_pictures(pictures[::-1], LARGE), None),
        strip=list(_pictures(_spread(pictures, STRIP), SMALL)),
        predictions=_picture(run_folder / PREDICTIONS, LARGE),
        frame=(curves.WIDTH, curves.HEIGHT),
        plots=[_titled(plot) for plot in curves.plots(log)],
        measures=_measures(measured[-1]) if measured else [],
        measured_how=_said(measured[-1].get("about")) if measured else "",
        measured_at=number(measured[-1].get("seen")) if measured else None,
        histories=_histories(measured),
        settings=_flat(recipe.get("fields", {})),
    )


# Files, which a crash may have cut off, and which a stranger may have written.


def _object(path: Path) -> dict[str, Any]:
    try:
        return _parsed(reading.content(path, reading.TEXT))
    except OSError:
        return {}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [line for line in map(_parsed, reading.lines(path)) if line]


def _parsed(text: bytes) -> dict[str, Any]:
    if max(text.count(b"["), text.count(b"{")) > DEEPEST:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# Pictures


def _spread(items: list[Path], count: int) -> list[Path]:
    """At most `count` of them, evenly from the first to the last."""
    chosen = np.linspace(0, len(items) - 1, min(len(items), count)).round().astype(int)
    return [items[i] for i in chosen]


def _pictures(paths: list[Path], width: int) -> Iterator[Picture]:
    """Those of the pictures that can be read, and are named after the clock."""
    for path in paths:
        if path.stem.isdecimal() and (picture := _picture(path, width, int(path.stem))):
            yield picture


def _picture(path: Path, width: int, seen: int = 0) -> Picture | None:
    """A picture, no wider than `width`, if it can be read."""
    if not path.is_file():  # a pipe is not waited for
        return None
    try:
        with without_warnings(), Image.open(path, formats=["PNG"]) as image:
            if image.width * image.height > MEGAPIXELS * 1e6:
                return None
            image.thumbnail((width, 2 * width))
            file = io.BytesIO()
            image.convert("RGB").save(file, format="WEBP", quality=88)
            data = base64.b64encode(file.getvalue()).decode()
            return Picture(seen, *image.size, f"data:image/webp;base64,{data}")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


# Numbers


def _facts(
    run_folder: Path, recipe: Mapping[str, Any], log: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    last = log[-1] if log else {}
    facts = []
    if seen := number(last.get("seen")):
        facts.append(("images seen", f"{seen:,.0f}"))
    if seconds := number(last.get("seconds")):
        facts.append(("time", str(timedelta(seconds=min(round(seconds), 10**9)))))
    rates = [r for line in log if (r := number(line.get("images_per_second")))]
    if rates:
        facts.append(("images per second", f"{np.median(rates):,.0f}"))
    facts.append(("cardigan", _text(recipe.get("version", ""))))
    manifests = sorted((run_folder / "checkpoints").glob("*/manifest.json"))
    about = _object(manifests[-1]).get("about", {}) if manifests else {}
    facts += [(name.replace("_", " "), text) for name, text in _flat(about)]
    return [(name, text) for name, text in dict(facts).items() if text]


def _measures(record: Mapping[str, Any]) -> list[Measure]:
    entries = {name: entry for name, entry in record.items() if isinstance(entry, dict)}
    rows = [_measure(_title(name), entry) for name, entry in entries.items()]
    return [row for row in rows if row]


def _measure(name: str, entry: Mapping[str, Any]) -> Measure | None:
    value, floor = number(entry.get("value")), number(entry.get("floor"))
    if value is None:
        return None
    rest = {key: entry[key] for key in entry.keys() - {"value", "floor"}}
    return Measure(name, value, floor, value / floor if floor and floor > 0 else None, _said(rest))


def _said(about: Any) -> str:
    """Numbers, to four digits, and notes in a line."""
    told = flatten(about) if isinstance(about, dict) else {}
    known = {k: v for k, v in told.items() if v is not None}
    short = {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in known.items()}
    rows = sorted((name, text) for name, text in _flat(short) if text)
    return "; ".join(f"{re.sub('[._]', ' ', name)} {text}" for name, text in rows)


def _histories(records: list[dict[str, Any]]) -> list[curves.Plot]:
    """How measures that were taken several times went."""
    rows = [
        {"seen": record.get("seen"), row.name: row.value}
        for record in records
        for row in _measures(record)
    ]
    by_clock: dict[float, dict[str, Any]] = {}
    for row in rows:
        by_clock.setdefault(number(row["seen"]) or 0, {}).update(row)
    return curves.plots(by_clock.values()) if len(by_clock) > 1 else []


def _titled(plot: curves.Plot) -> curves.Plot:
    named = [c._replace(name=_text(c.name.rpartition("/")[0] or c.name)) for c in plot.curves]
    return plot._replace(title=_title(plot.title), curves=named)


# Texts


def _flat(value: Any) -> list[tuple[str, str]]:
    """Nested settings as the command line names them: `training.batch`."""
    rows = flatten(value) if isinstance(value, dict) else {}
    return [(_text(name), _text(inner)) for name, inner in rows.items()]


def _title(name: str) -> str:
    name = _text(name).replace("_", " ")
    return name[:1].upper() + name[1:]


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(_text, value))
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _printable(value: Any) -> Any:
    """Without control characters, bidirectional overrides and halves of characters."""
    if type(value) is not str:  # such as markup, which the template itself has made
        return value
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
