"""`cardigan data`: what there is to train on, whether it is sound, and what it looks like."""

import json as to_text
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError, did_you_mean

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..data.check import Report
    from ..data.dataset import Dataset

HELP = """\
cardigan data list              every data set, and where it is or how to get it
cardigan data check FOLDER      looks at every file of a folder or zip
cardigan data show NAME         the first 64 pictures, and the facts
cardigan data fetch NAME        downloads a published set, verified by its checksum

cardigan data COMMAND --help shows the options.
"""
COLUMNS = 8
PLENTY = 5_000  # points in a picture


def main(argv: Sequence[str]) -> None:
    """Runs the command that the first word names."""
    from .arguments import call

    if not argv or argv[0] in ("-h", "--help"):
        print(HELP, end="")
    elif argv[0] in COMMANDS:
        call(COMMANDS[argv[0]], argv[1:], f"cardigan data {argv[0]}")
    else:
        raise UserError(
            f"expected cardigan data {'|'.join(COMMANDS)}, got {argv[0]!r}"
            f"{did_you_mean(argv[0], COMMANDS)}"
        )


def list_(json: bool = False, directory: str = "") -> None:
    """Lists every data set, and where it is or how to get it.

    Args:
        json: Print JSON instead of a table.
        directory: Where published sets are looked for first.
    """
    from ..data import catalogue

    rows = []
    for name in catalogue.NAMES:
        place, there = _place(name, directory)
        facts = catalogue.facts(name)._asdict() | {"here": there, "where": place}
        rows.append(facts | {"classes": list(facts["classes"])})
    if json:
        print(to_text.dumps(rows, indent=2))
    else:
        _print_table(rows)


def check(folder: str, json: bool = False, limit: float = 0.01, most: int = 20) -> None:
    """Looks at every file of a folder or zip; the status is 1 if training would refuse it.

    Args:
        folder: A folder or zip of images.
        json: Print JSON instead of text.
        limit: The share of bad files above which training is refused.
        most: Files that are listed of each fault; 0 lists them all.
    """
    if not 0 <= limit <= 1 or most < 0:
        raise UserError(
            f"expected --limit from 0 to 1 and --most of 0 or more, got {limit} and {most}"
        )

    from ..data import check as checks
    from ..errors import printable

    if not os.path.exists(os.path.expanduser(folder)):  # False, too, for what is no path at all
        raise UserError(
            f"expected a folder or a zip of images, got {printable(folder)!r}, where nothing is"
        )
    report = checks.check(folder, limit)
    print(to_text.dumps(report.as_json(), indent=2)) if json else _print_report(report, most)
    if report.refused:
        sys.exit(1)


def show(name: str, out: str = "", split: str = "train", size: int = 0, channels: int = 0) -> None:
    """Draws the first 64 pictures of a data set, or its points, and prints the facts.

    Args:
        name: A name that `cardigan data list` shows, or a folder or zip of images.
        out: The picture to write, a .png; by default the set's name in this folder.
        split: train or test.
        size: The side of the pictures; 0 is the set's own.
        channels: 1 for grey, 3 for colour; 0 is the set's own.
    """
    from .. import pictures
    from ..data import catalogue
    from ..errors import printable
    from .arguments import place

    path = place(out, ".png") if out else None
    dataset = catalogue.load(name, split, size, channels)
    path = path or Path(f"{Path(name).resolve().stem}.png")
    pictures.save(_drawn(dataset), path)
    for line in _facts(dataset):
        print(line)
    print(f"picture  {printable(str(path))}")


def fetch(name: str) -> None:
    """Downloads a published data set into the cache, and verifies it.

    Args:
        name: A name that `cardigan data list` shows.
    """
    from ..data import downloads

    print(f"{name} is in {downloads.fetch(name)}")


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_,
    "check": check,
    "show": show,
    "fetch": fetch,
}


def _place(name: str, directory: str) -> tuple[str, bool]:
    from ..data import catalogue

    try:
        return catalogue.where(name, directory), True
    except UserError as missing:
        return str(missing).split(": ", 1)[1], False


def _print_table(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("images", "shape", "classes"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("where, or how to get it", overflow="fold")
    for row in rows:
        shape = f"{row['channels']}x{row['size']}x{row['size']}" if row["channels"] else "2-D"
        style = "" if row["here"] else "dim"
        cells = (row["name"], f"{row['count']:,}", shape, str(len(row["classes"])), row["where"])
        table.add_row(*map(Text, cells), style=style)
    Console().print(table)
    print("Any folder or zip of PNG, JPEG or WebP files can be named instead.")


def _print_report(report: "Report", most: int) -> None:
    from ..errors import printable

    kinds: dict = {}
    for finding in report.findings:
        kinds.setdefault(finding.kind, []).append(finding)
    for kind, findings in kinds.items():
        print(f"{kind.severity}: {kind.name}, {len(findings)}: {kind.advice}")
        for finding in findings[: most or None]:
            detail = f" ({printable(finding.detail)})" if finding.detail else ""
            print(f"  {printable(finding.file)}{detail}")
        if most and len(findings) > most:
            print(f"  and {len(findings) - most} more; --most 0 lists them all")
    size, channels = report.shape
    state = "refused" if report.refused else "sound" if not report.findings else "usable"
    print(
        f"{printable(report.path)} is {state}: {report.good:,} pictures, "
        f"{len(report.classes) or 'no'} classes, {channels}x{size}x{size} by default"
    )


def _drawn(dataset: "Dataset") -> "Image":
    from .. import pictures

    if dataset.images.ndim == 2:
        return pictures.scatter(dataset.images[:PLENTY])
    return pictures.grid(dataset.images[: COLUMNS**2], columns=COLUMNS)


def _facts(dataset: "Dataset") -> list[str]:
    from ..errors import printable

    lines = [
        f"name     {printable(dataset.name)}",
        f"count    {len(dataset):,}",
        f"shape    {'x'.join(map(str, dataset.images.shape[1:]))}",
        f"sha256   {dataset.fingerprint}",
    ]
    if dataset.labels is not None:
        counts = dataset.labels.bincount(minlength=len(dataset.classes)).tolist()
        named = [f"{printable(n)} {k:,}" for n, k in zip(dataset.classes, counts, strict=True)]
        more = f", and {len(named) - 20} more" if len(named) > 20 else ""
        lines.append(f"classes  {', '.join(named[:20])}{more}")
        if dataset.images.ndim > 2:
            lines += _rows(dataset)
    return lines


def _rows(dataset: "Dataset") -> list[str]:
    """The classes of the pictures that are drawn, a row of the grid a line."""
    from ..errors import printable

    assert dataset.labels is not None
    names = [printable(dataset.classes[k], 20) for k in dataset.labels[: COLUMNS**2].tolist()]
    starts = range(0, len(names), COLUMNS)
    return [f"row {1 + i // COLUMNS}    {', '.join(names[i : i + COLUMNS])}" for i in starts]
