"""`cardigan audit`: is it fair? An attribute in samples beside reals, and what is learnt of it."""

import json as to_text
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, printable
from .arguments import check, place

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..metrics.audit import Question
    from ..subjects import Samples, Subject


def audit(
    run: str,
    attribute: str = "label",
    against: str = "",
    n: int = 5000,
    seed: int = 0,
    alpha: float = 0.001,
    uniform: bool = False,
    json: bool = False,
    out: str = "audit.png",
    device: str = "auto",
) -> None:
    """Compares how often each value of an attribute comes in samples and in real data.

    Args:
        run: A run's folder, one of its checkpoints, or a folder or zip of images.
        attribute: What is counted: label, or another attribute that the data know.
        against: Data to compare with: a catalogue name, folder or zip; a run's own by default.
        n: How many samples to draw, or of the images to take.
        seed: Of the samples and of the classifier that judges them.
        alpha: How often a fair generator may be accused.
        uniform: Compare with equal shares of all values instead of the reals'.
        json: Print JSON instead of a table.
        out: The picture to write, a .png.
        device: Where samples are drawn: auto, cpu, cuda, cuda:1, mps.
    """
    _check(n, seed, alpha)
    path = place(out, ".png")
    check(device)

    from .. import device as devices
    from .. import pictures
    from ..metrics.about import Made, about
    from ..metrics.attributes import learn
    from ..metrics.audit import audit, check_alike, question
    from ..subjects import subject

    found = subject(run, device, against)
    train, test = found.reals(against)
    asked = question(train, test, attribute, seed)
    drawn = found.draw(n, seed)
    check_alike(drawn.images, asked)
    judge = learn(asked.train.images, asked.train.values, len(asked.names), seed)
    result = audit(drawn.images, asked, seed, alpha, uniform, judge)
    notes = result["classifier"]["notes"]
    if found.game is not None and drawn.labels is not None:
        notes.append("each class was asked for as often as any other, whatever the data's mix")
    counts = {name: result[name] for name in ("samples", "reals", "held_out")}
    made = Made(train, seed, str(devices.pick(device)), judge)
    result["about"] = about(counts, made) | {"seen": found.seen, "picture": str(path)}
    result["learnt"] = _learnt(found, drawn, asked, seed, notes)
    pictures.save(_drawn(result), path)
    print(to_text.dumps(result, indent=2)) if json else _print(result, path)


def _check(n: int, seed: int, alpha: float) -> None:
    if not 100 <= n <= 10_000_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 100 to ten million and a --seed of 0 or more, got {n} and {seed}"
        )
    if not 1e-6 <= alpha <= 0.5:
        raise UserError(f"expected --alpha between 0.000001 and 0.5, got {alpha}")


def _learnt(
    found: "Subject", drawn: "Samples", asked: "Question", seed: int, notes: list[str]
) -> dict[str, Any] | None:
    """What a classifier learns from labelled samples; None, and mostly a note, without labels."""
    from ..metrics.learnt import treated
    from ..metrics.sets import numbered

    if asked.name == "label" or asked.held_out.labels is None or drawn.labels is None:
        return None
    try:
        labels = numbered(drawn.labels, found.classes, asked.classes)
    except UserError as error:
        notes.append(f"no classifier was trained on the samples: {error}")
        return None
    if len(labels.unique()) < 2:
        notes.append("no classifier was trained on the samples: they are of one class")
        return None
    return treated(drawn.images, labels, asked, seed)


def _print(result: dict[str, Any], path: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, accuracy = Console(), result["classifier"]["accuracy_by_value"]
    against = {"uniform": "equal shares"}.get(result["reference"], "reals")
    columns = "samples", f"{result['level']:.0%}", against, "classifier right"
    table = _table(Table, printable(result["attribute"]), columns)
    for name, row in result["values"].items():
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        shares = f"{row['samples']:.1%}", interval, f"{row['reals']:.1%}"
        table.add_row(Text(printable(name)), *shares, f"{accuracy[name]:.1%}")
    console.print(table)
    for line in _verdict(result):
        console.print(Text(line))
    if result["learnt"]:
        _print_learnt(console, result, _table)
    for note in result["classifier"]["notes"]:
        console.print(Text(f"note: {note}", style="dim"))
    print(f"picture  {printable(str(path))}")


def _table(kind: type, first: str, columns: tuple[str, ...]) -> Any:
    from rich.text import Text

    table = kind(box=None, pad_edge=False)
    table.add_column(Text(first))
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _verdict(result: dict[str, Any]) -> list[str]:
    gap, alpha = result["discrepancy"], result["alpha"]
    against = {"uniform": "equal shares"}.get(result["reference"], "the reals'")
    what = f"{printable(result['attribute'])} in {result['samples']:,} samples"
    told = {
        True: f"accused: the shares of {what} are not {against}",
        False: f"not accused: the shares of {what} may well be {against}",
    }[result["accused"]]
    side = {True: "below", False: "not below"}[result["accused"]]
    return [
        f"{told} (p = {result['p_value']:.2g}, {side} {alpha:g})",
        f"discrepancy {gap['value']:.3g}; chance alone gives {gap['floor']:.3g}",
    ]


def _print_learnt(console: Any, result: dict[str, Any], table_of: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    learnt = result["learnt"]
    title = f"a classifier that learnt from {learnt['learnt_from']:,} samples"
    table = table_of(Table, title, ("value", f"{result['level']:.0%}", "floor", "worst class"))
    right = learnt["accuracy"]
    table.add_row("accuracy", _number(right["value"]), "", _number(right["floor"]), "")
    for name, figure in learnt.items():
        if isinstance(figure, dict) and "class" in figure:
            interval = f"{_number(figure['low'])} to {_number(figure['high'])}"
            cells = _number(figure["value"]), interval, _number(figure["floor"])
            table.add_row(name, *cells, Text(printable(figure["class"])))
    console.print()
    console.print(table)
    floor = "floor: a classifier that learnt from as many training reals; both are judged on"
    console.print(Text(f"{floor} held-out reals, by {result['attribute']}", style="dim"))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _drawn(result: dict[str, Any]) -> "Image":
    """Bars of the shares, samples beside reals, with their intervals."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    from ..pictures import GREY, INK, PAPER

    rows = list(result["values"].values())
    figure = Figure(figsize=(max(5, 1.2 * len(rows) + 2), 4), dpi=120, facecolor=PAPER)
    canvas, axes, at = FigureCanvasAgg(figure), figure.add_subplot(), np.arange(len(rows))
    against = {"uniform": "equal shares"}.get(result["reference"], "reals")
    for label, colour, shift, keys in (
        ("samples", INK, -0.2, ("samples", "low", "high")),
        (against, GREY, 0.2, ("reals", "reals_low", "reals_high")),
    ):
        share, low, high = np.array([[row[key] for key in keys] for row in rows]).T
        share = share.clip(0, 1)
        reach = np.abs([share - low, high - share])
        axes.bar(at + shift, share, 0.38, color=colour, label=label)
        axes.errorbar(at + shift, share, reach, fmt="none", ecolor="#333333", capsize=3)
    names = [printable(name, 24).replace("$", r"\$") for name in result["values"]]
    axes.set_xticks(at, names, rotation=30 * (len(rows) > 6))
    axes.set_ylabel("share")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    word = {True: "accused", False: "not accused"}[result["accused"]]
    title = printable(result["attribute"]).replace("$", r"\$")
    axes.set_title(f"{title}: {word}, p = {result['p_value']:.2g}", loc="left")
    figure.tight_layout()
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
