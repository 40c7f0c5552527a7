"""`cardigan compare`: several generators, measured alike, in a table and on a page."""

import json as to_text
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import UserError, printable
from .arguments import check, place
from .evaluate import check_counts

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.table import Table

    from ..recipe import Recipe
    from ..subjects import Reals, Subject

SHOWN = 36  # pictures of each
PLENTY = 1_000  # points of each


def compare(
    subjects: list[str],
    against: str = "",
    metrics: list[str] = [],  # noqa: B006 - read, never changed
    n: int = 2000,
    seed: int = 0,
    features: str = "",
    json: bool = False,
    out: str = "compare.html",
    device: str = "auto",
) -> None:
    """Measures runs and folders of images alike, tells which is better and where nobody knows.

    Args:
        subjects: Two or more runs, checkpoints, and folders or zips of images.
        against: Data to compare with: a catalogue name, folder or zip; the runs' own by default.
        metrics: What to measure, as for `cardigan evaluate`; by default what all of them allow.
        n: How many samples to draw of each, or of the images to take.
        seed: Of the samples and of the choice of reals.
        features: What looks at pictures, as for `cardigan evaluate`.
        json: Print JSON instead of tables.
        out: The page to write, an .html.
        device: Where samples are drawn: auto, cpu, cuda, cuda:1, mps.
    """
    check_counts(n, seed)
    path = place(out, ".html")
    names = _names(subjects)
    check(device, features, metrics)

    from .. import compare_page, durable

    results, pictures = measured(names, subjects, against, metrics, n, seed, features, device)
    page = compare_page.render(results, pictures)
    durable.replace(path, page.encode("utf-8", "replace"))
    print(to_text.dumps(results, indent=2)) if json else _print(results, out)


def _names(paths: Sequence[str]) -> list[str]:
    from ..comparison import names

    if len(paths) < 2:
        got = ", ".join(paths) or "none"
        raise UserError(
            f"expected two or more runs or folders of images to compare, got {got}: "
            "name another, or use `cardigan evaluate` for one"
        )
    try:
        return [printable(name, 60) for name in names(paths)]
    except ValueError as error:
        raise UserError(f"{error}: name each once") from None


class Shape(NamedTuple):
    """What all are compared with, and the shape that all pictures have then."""

    data: str
    size: int
    channels: int


def measured(
    names: Sequence[str],
    paths: Sequence[str],
    against: str,
    metrics: list[str],
    n: int,
    seed: int,
    features: str,
    device: str,
) -> "tuple[dict[str, Any], dict[str, Image]]":
    """All figures, ready for JSON, and a picture of the reals and of each."""
    from .. import comparison
    from .. import device as devices
    from ..data import catalogue
    from ..metrics.measure import chosen, measure
    from ..metrics.networks import network
    from ..subjects import check_kind
    from ..subjects import reals as load

    recipes = dict(_recipes(names, paths))
    shape = _shape(recipes, against)
    for name, path in zip(names, paths, strict=True):
        points = recipes[name].points if name in recipes else catalogue.holds_points(path)
        check_kind(name, points, shape.data)
    reals = load(*shape)
    subjects = _subjects(names, paths, reals, device)
    net = network(features, reals.train, devices.pick(device))
    figures = {k: chosen(reals.train, metrics, net, s.game) for k, s in subjects.items()}
    shared = set.intersection(*map(set, figures.values()))
    count = min(n, *(len(s.images) for s in subjects.values() if s.images is not None), n)
    found, pictures = {}, {"reals": _drawn(reals.train.images, reals, seed)}
    for name, subject in subjects.items():
        drawn = subject.draw(count, seed)
        pictures[name] = _drawn(drawn.images, reals)
        some = {k: figure for k, figure in figures[name].items() if k in shared}
        found[name] = measure(
            drawn.images, *reals, seed, some,
            labels=drawn.labels, classes=subject.classes, game=subject.game, net=net,
        )  # fmt: skip
    first = found[names[0]]["about"]
    left_out = sorted(set().union(*figures.values()) - shared)
    notes = [*_notes(subjects, reals, count, n, left_out), *first["notes"]]
    results = {
        "about": first | {"notes": list(dict.fromkeys(notes))},
        "subjects": {name: _cost(subject) for name, subject in subjects.items()},
        "figures": comparison.compared(found),
        "settings": comparison.differing(
            {name: _settings(subjects[name], recipe) for name, recipe in recipes.items()}
        ),
    }
    return results, pictures


# What is compared


def _recipes(names: Sequence[str], paths: Sequence[str]) -> "Iterator[tuple[str, Recipe]]":
    """Of those that are runs."""
    from ..run import Run

    for name, path in zip(names, paths, strict=True):
        if (run := Run(path)).exists:
            yield name, run.recipe


def _shape(recipes: "Mapping[str, Recipe]", against: str) -> Shape:
    """One set of reals in one shape for all; or one line why there is none."""
    data = {name: recipe.data for name, recipe in recipes.items()}
    if not against and not data:
        raise UserError(
            "expected a run among them, or what to compare the images with: add --against DATA"
        )
    if not against and len(set(data.values())) > 1:
        raise UserError(
            f"expected runs on the same data, got {_told(data)}: name what to compare all of "
            "them with, --against DATA"
        )
    shapes = {name: (recipe.size, recipe.channels) for name, recipe in recipes.items()}
    if len(set(shapes.values())) > 1:
        raise UserError(
            f"expected runs that draw one shape, got {_told(shapes)} (size, channels): draw from "
            "one with `cardigan sample RUN --out FOLDER`, and compare the folder"
        )
    shape = next(iter(shapes.values()), (0, 0))
    return Shape(against or next(iter(data.values())), *shape)


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def _subjects(
    names: Sequence[str], paths: Sequence[str], reals: "Reals", device: str
) -> "dict[str, Subject]":
    """Runs on the device; images in the shape of the reals."""
    from ..data import catalogue
    from ..run import Run
    from ..subjects import Subject, subject

    images = reals.train.images
    shape = (images.shape[-1], images.shape[1]) if images.dim() == 4 else (0, 0)

    def one(path: str) -> Subject:
        if Run(path).exists:
            return subject(path, device)
        return Subject(path, images=catalogue.load(path, "train", *shape))

    return {name: one(path) for name, path in zip(names, paths, strict=True)}


def _notes(
    subjects: "Mapping[str, Subject]",
    reals: "Reals",
    count: int,
    n: int,
    left_out: Sequence[str],
) -> Iterator[str]:
    from ..subjects import reshaped

    if count < n:
        yield f"{count} samples of each are used: {_fewest(subjects)} has no more"
    if left_out:
        yield f"{', '.join(left_out)} left out: not all that are compared can be asked for it"
    for name, subject in subjects.items():
        if subject.images is not None and subject.images.images.dim() == 4:
            yield from reshaped(name, subject.path, reals.train.images.shape[1:], "the reals")


def _fewest(subjects: "Mapping[str, Subject]") -> str:
    counts = {name: len(s.images) for name, s in subjects.items() if s.images is not None}
    return min(counts, key=counts.__getitem__)


# What is known of each


def _settings(subject: "Subject", recipe: "Recipe") -> dict[str, Any]:
    from ..recipe import flatten

    assert subject.run is not None, "recipes are of runs"
    about = {"recipe": subject.run.name, "version": subject.run.version}
    return about | flatten(asdict(recipe))


def _cost(subject: "Subject") -> dict[str, Any]:
    """What it took: images seen, seconds of training, parameters; all None for images."""
    cost: dict[str, Any] = {"path": subject.path, "seen": subject.seen, "seconds": None}
    cost |= {"generator": None, "players": None}
    if subject.run is None or subject.game is None:
        return cost
    sizes = {
        name: sum(p.numel() for p in player.net.parameters())
        for name, player in subject.game.players.items()
    }
    return cost | {
        "seconds": subject.run.seconds(subject.game.seen),
        "generator": sizes.get("generator"),
        "players": sum(sizes.values()),
    }


def _drawn(images: Any, reals: "Reals", *seed: int) -> "Image":
    """The first of them, or some by the seed; points over real ones."""
    from .. import pictures
    from ..metrics.sets import some

    count = SHOWN if images.dim() == 4 else PLENTY
    chosen = some(images, count, *seed) if seed else images[:count]
    return pictures.draw(chosen, None if images.dim() == 4 else reals.train.images[:PLENTY])


# What is printed


def _print(results: dict[str, Any], out: str) -> None:
    from rich.console import Console
    from rich.text import Text

    from ..comparison import Pair, summary

    console, n = Console(), results["about"]["samples"]
    console.print(_figures(results["figures"], n, results["about"]["reals"]))
    for name, figure in results["figures"].items():
        console.print(Text(f"{name}: {summary([Pair(**p) for p in figure['pairs']], n)}"))
    console.print(_costs(results["subjects"]))
    if results["settings"]:
        console.print(_differing(results["settings"]))
    for note in results["about"]["notes"]:
        console.print(Text(note, style="dim"))
    print(f"page     {printable(out)}")


def _figures(figures: Mapping[str, Any], n: int, reals: int) -> "Table":
    from ..compare_page import between, decimals_of, rounded, rounded_floor

    table = _table("measure", "", title=f"{n} samples of each, {reals} reals")
    for column in ("value", "95 %", "floor"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, figure in figures.items():
        table.add_section()
        decimals = decimals_of(figure)
        floor = rounded_floor(figure["floor"], decimals)
        for i, (who, entry) in enumerate(figure["values"].items()):
            value = rounded(entry["value"], decimals)
            interval = between(entry.get("low"), entry.get("high"), decimals)
            cells = ("" if i else name, who, value, interval, "" if i else floor)
            _add(table, cells, "bold" if who == figure["best"] else "")
    return table


def _costs(subjects: Mapping[str, Any]) -> "Table":
    from ..compare_page import costs

    table = _table("")
    for column in ("images seen", "training", "generator", "all players"):
        table.add_column(column, justify="right")
    for who, cost in subjects.items():
        _add(table, (who, *costs(cost)))
    return table


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> "Table":
    from ..compare_page import NOTHING, text

    runs = list(dict.fromkeys(who for row in settings.values() for who in row))
    table = _table("setting", *runs)
    for field, row in settings.items():
        cells = (text(row[who]) if who in row else NOTHING for who in runs)
        _add(table, (field, *cells))
    return table


def _table(*columns: str, title: str | None = None) -> "Table":
    from rich.table import Column, Table
    from rich.text import Text

    return Table(*(Column(Text(column)) for column in columns), title=title)


def _add(table: "Table", cells: Sequence[str], style: str = "") -> None:
    """A row, in which nothing that others wrote is taken for markup."""
    from rich.text import Text

    table.add_row(*(Text(printable(cell)) for cell in cells), style=style)
