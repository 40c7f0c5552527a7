"""`cardigan evaluate`: how good are a run's samples, or anybody's?"""

import json as to_text
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..recipe import MOST_SAMPLES
from .arguments import check

if TYPE_CHECKING:
    from ..subjects import Subject

FLOOR = "floor: held-out real data in the samples' place; 95 %: were other samples drawn"


def evaluate(
    run: str,
    against: str = "",
    metrics: list[str] = [],  # noqa: B006 - read, never changed
    n: int = 2000,
    seed: int = 0,
    by_class: bool = False,
    features: str = "",
    json: bool = False,
    device: str = "auto",
) -> None:
    """Measures samples of a run, or a folder of images, beside what real data get.

    Args:
        run: A run's folder, one of its checkpoints, or a folder or zip of images.
        against: Data to compare with: a catalogue name, folder or zip; a run's own by default.
        metrics: What to measure (all that the data allow and that takes seconds, by default), by
            the names of the page on measures; fid, kid, swd, ppl and cas are short for some.
        n: How many samples to draw, or of the images to take.
        seed: Of the samples and of the choice of reals.
        by_class: Measures each class by itself, too.
        features: What looks at pictures: fashion, digits, inception, or inception:WEIGHTS; by
            default the network that suits the data.
        json: Print JSON instead of a table.
        device: Where samples are drawn and looked at: auto, cpu, cuda, cuda:1, mps.
    """
    check_counts(n, seed)
    check(device, features, metrics)

    from .. import device as devices
    from .. import distributed

    with distributed.group(devices.pick(device)):
        results = measured(run, against, metrics, n, seed, by_class, features, device)
    if distributed.rank() == 0:
        print(to_text.dumps(results, indent=2)) if json else show(results)


def check_counts(n: int, seed: int) -> None:
    """Refuses counts and seeds that nothing can be drawn by."""
    if not 2 <= n <= MOST_SAMPLES or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 2 to ten million and a --seed of 0 or more, got {n} and {seed}"
        )


def measured(
    path: str,
    against: str,
    metrics: list[str],
    n: int,
    seed: int,
    by_class: bool,
    features: str,
    device: str,
) -> dict[str, Any]:
    """Measures, and notes the figures of a run in its folder."""
    from .. import device as devices
    from .. import distributed, prediction_picture, report
    from ..abilities import Classifies, Generates
    from ..metrics.measure import chosen, measure
    from ..metrics.networks import network
    from ..subjects import subject

    found = subject(path, device, against)
    train, test = found.reals(against)
    net = network(features, train, devices.pick(device))
    figures = chosen(train, metrics, net, found.game)
    drawn = found.draw(n, seed) if isinstance(found.game, Generates | None) else None
    results = measure(
        n if drawn is None else drawn.images, train, test, seed, figures,
        labels=drawn and drawn.labels, classes=found.classes, game=found.game, net=net,
        by_class=by_class,
    )  # fmt: skip
    if found.run is None:
        results["about"]["notes"] += _on_shapes(found, against)
        return results
    results: dict[str, Any] = {"seen": found.seen} | results
    if distributed.rank() == 0:
        if isinstance(found.game, Classifies) and test is not None and test.labels is not None:
            picture = prediction_picture.write(
                found.run.path, found.game, found.classes, test, seed
            )
            notes = [*results["about"]["notes"], f"predictions beside the truth: {picture}"]
            results["about"] |= {"notes": notes}
        found.run.append_metrics(results)
        report.write(found.run.path, found.run.recipe.summary)
    return results


def _on_shapes(found: "Subject", against: str) -> Iterator[str]:
    """Of a folder's pictures, and of reals that were brought to their shape."""
    from ..subjects import reshaped

    assert found.images is not None, "it is no run"
    if found.images.images.dim() == 4:
        shape = found.images.images.shape[1:]
        yield from reshaped(found.name, found.path, shape, "their own")
        yield from reshaped(against, against, shape, "the samples")


def show(results: dict[str, Any]) -> None:
    """Prints figures as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    about = results["about"]
    samples = f"{about['samples']} samples, " if about["samples"] else ""
    table = Table("measure", title=f"{samples}{about['reals']} reals")
    for column in ("value", "95 %", "floor", "ratio"):
        table.add_column(column, justify="right")
    for name, figure in _figures(results):
        table.add_row(name, *_row(figure))
    for name, inner in results.get("classes", {}).items():
        table.add_section()
        table.add_row(Text(f"{name}, {inner['samples']} samples", style="bold"))
        for figure_name, figure in _figures(inner):
            table.add_row(f"  {figure_name}", *_row(figure))
    console = Console()
    console.print(table)
    for note in (
        FLOOR if samples else "95 %: were other reals drawn",
        *_network(about),
        *about["notes"],
    ):
        console.print(Text(note, style="dim"))


def _figures(results: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((k, v) for k, v in results.items() if isinstance(v, dict) and "value" in v)


def _network(about: dict[str, Any]) -> list[str]:
    """What the samples were looked at through; points are taken as they are."""
    if about["network"] is None:
        return []
    return [f"features: {about['network']} {about['network_sha256'][:12]}, {about['resize']}"]


def _row(figure: dict[str, Any]) -> tuple[str, str, str, str]:
    """A ratio to a floor of nothing, or below it by chance, says nothing."""
    value, floor, low, high = (figure.get(k) for k in ("value", "floor", "low", "high"))
    interval = "" if low is None else f"{low:.4g} to {high:.4g}"
    ratio = f"{value / floor:.3g}" if floor is not None and floor > 0 else "-"
    return f"{value:.4g}", interval, "-" if floor is None else f"{floor:.4g}", ratio
