"""`cardigan curve`: what samples gain and lose as one thing about how they are drawn is varied."""

import json as to_text
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import UserError, did_you_mean, printable
from .arguments import check, place
from .evaluate import check_counts

if TYPE_CHECKING:
    from torch import Tensor

    from ..subjects import Samples, Subject

SHOWN = ("precision", "recall", "frechet_distance")
ROWS = 4  # latents that are shown at each value


class Varied(NamedTuple):
    """Something about how samples are drawn that a number sets."""

    low: float
    high: float  # of the values that are tried where none are given
    draw: "Callable[[Subject, int, int, float], Samples]"  # n, seed and the number
    check: "Callable[[Subject, Sequence[float]], None]" = lambda subject, values: None


def _truncated(subject: "Subject", n: int, seed: int, truncation: float) -> "Samples":
    """The same latents at each truncation."""
    return subject.draw(n, seed, truncation=truncation)


def _fit(subject: "Subject", truncations: Sequence[float]) -> None:
    from ..subjects import check_truncation

    assert subject.game is not None
    check_truncation(subject.game, *truncations)


VARIED = {"truncation": Varied(0.0, 1.0, _truncated, _fit)}


def curve(
    run: str,
    what: str,
    values: list[float] = [],  # noqa: B006 - read, never changed
    steps: int = 8,
    n: int = 2000,
    seed: int = 0,
    against: str = "",
    features: str = "",
    json: bool = False,
    out: str = "curve.png",
    device: str = "auto",
) -> None:
    """Plots fidelity against diversity, and the Fréchet distance, over the truncation.

    Args:
        run: A run's folder, or one of its checkpoints.
        what: What is varied: truncation, which draws latents nearer to their mean: a factor, or
            of BigGANs a threshold.
        values: The values to try; by default evenly spaced ones up to 1.
        steps: How many values to try, where none are given.
        n: How many samples to draw at each value.
        seed: Of the latents, which are the same at each value, and of the choice of reals.
        against: Data to compare with: a catalogue name, folder or zip; the run's own by default.
        features: What looks at pictures, as for `cardigan evaluate`.
        json: Print JSON instead of a table.
        out: The picture to write, a .png.
        device: Where samples are drawn: auto, cpu, cuda, cuda:1, mps.
    """
    check_counts(n, seed)
    if what not in VARIED:
        raise UserError(
            f"expected what to vary ({', '.join(VARIED)}), got {printable(what)!r}"
            f"{did_you_mean(what, VARIED)}"
        )
    path = place(out, ".png")
    varied = VARIED[what]
    chosen = _values(values, steps, varied)
    check(device, features)

    from .. import curve_picture, pictures
    from ..subjects import subject

    _check_draws_pictures(run)
    found = subject(run, device)
    varied.check(found, chosen)
    _check_matters(found, what, varied, chosen)
    results, shots = measured(found, what, varied, chosen, n, seed, against, features, device)
    pictures.save(curve_picture.draw(results, shots), path)
    print(to_text.dumps(results, indent=2)) if json else _print(results, out)


def _values(values: Sequence[float], steps: int, varied: Varied) -> list[float]:
    low, high = varied.low, varied.high
    if not values:
        if not 2 <= steps <= 100:
            raise UserError(f"expected --steps from 2 to 100, got {steps}")
        return [low + (high - low) * (i + 1) / steps for i in range(steps)]
    chosen = sorted(set(values))
    if len(chosen) < 2:
        raise UserError(f"expected two or more --values, got {values[0]:g}")
    return chosen


def _check_draws_pictures(path: str) -> None:
    from ..run import Run

    run = Run(path)
    if run.recipe.points:
        raise UserError(
            f"expected a run that draws pictures, got {path}, whose recipe {run.name} draws "
            "points: `cardigan evaluate` counts their modes"
        )


def _check_matters(subject: "Subject", what: str, varied: Varied, values: list[float]) -> None:
    first, last = (varied.draw(subject, 8, 0, value).images for value in (values[0], values[-1]))
    if first.equal(last):
        raise UserError(
            f"expected a run whose samples depend on {what}, got {subject.path}, which draws "
            f"the same at {values[0]:g} and {values[-1]:g}: there is no curve to plot"
        )


def measured(
    subject: "Subject",
    what: str,
    varied: Varied,
    values: Sequence[float],
    n: int,
    seed: int,
    against: str,
    features: str,
    device: str,
) -> "tuple[dict[str, Any], list[Tensor]]":
    """The figures at each value, ready for JSON, and pictures of the same latents at each."""
    from .. import device as devices
    from ..metrics.measure import chosen, measure
    from ..metrics.networks import network

    reals = subject.reals(against)
    net = network(features, reals.train, devices.pick(device))
    figures = chosen(reals.train, SHOWN, net)
    points, shots = [], []
    about: dict[str, Any] = {}
    for value in values:
        drawn = varied.draw(subject, n, seed, value)
        found = measure(drawn.images, *reals, seed, figures, net=net)
        about = found.pop("about")
        points.append({what: value} | found)
        shots.append(drawn.images[:ROWS])
    head = {"run": subject.path, "seen": subject.seen, "what": what}
    return head | {"points": points, "about": about}, shots


def _print(results: dict[str, Any], out: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..compare_page import places, rounded, rounded_floor

    about, what, points = results["about"], results["what"], results["points"]
    title = f"{about['samples']} samples at each, {about['reals']} reals; 95 % intervals"
    table = Table(title=title, box=None, pad_edge=False)
    table.add_column(what, justify="right", no_wrap=True)
    columns = [[*(f"{point[what]:g}" for point in points), "floor"]]
    for name in SHOWN:
        table.add_column(name, justify="right", no_wrap=True)
        entries = [point[name] for point in points]
        bounds = [(entry.get("low"), entry.get("high")) for entry in entries]
        decimals = places(bounds)
        values = [rounded(entry["value"], decimals) for entry in entries]
        reaches = [
            "" if low is None or high is None else f" ± {rounded((high - low) / 2, decimals)}"
            for low, high in bounds
        ]
        cells = [value + reach for value, reach in zip(values, reaches, strict=True)]
        columns.append([*cells, rounded_floor(entries[0].get("floor"), decimals)])
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    console = Console()
    console.print(table)
    for note in about["notes"]:
        console.print(Text(note, style="dim"))
    print(f"picture  {printable(out)}")
