"""`cardigan evaluate`: how good are a run's samples?"""

import json as to_text
from typing import TYPE_CHECKING, Any

from ..errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from ..data.dataset import Dataset
    from ..game import Game
    from ..run import Run

    Data = tuple[Dataset, Dataset | None]


def evaluate(
    run: str,
    against: str = "",
    metrics: list[str] = [],  # noqa: B006 - read, never changed
    n: int = 2000,
    seed: int = 0,
    json: bool = False,
    device: str = "auto",
) -> None:
    """Measures samples of a run, or a folder of images, beside what real data get.

    Args:
        run: A run's folder, one of its checkpoints, or a folder or zip of images.
        against: Data to compare with: a catalogue name, folder or zip; a run's own by default.
        metrics: What to measure (all that the data allow, by default): frechet_distance or fid,
            kernel_distance or kid, classifier_score, class_histogram, mode_coverage.
        n: How many samples to draw, or of the images to take.
        seed: Of the samples and of the choice of reals.
        json: Print JSON instead of a table.
        device: Where samples are drawn: auto, cpu, cuda, cuda:1, mps.
    """
    if not 2 <= n <= 10_000_000 or not 0 <= seed < 2**63:
        raise UserError(
            f"expected -n of 2 to ten million and a --seed of 0 or more, got {n} and {seed}"
        )

    from ..run import Run

    measured = _of_run if Run(run).exists else _of_folder
    results = measured(run, against, metrics, n, seed, device)
    print(to_text.dumps(results, indent=2)) if json else _print(results)


def _of_run(
    path: str, against: str, metrics: list[str], n: int, seed: int, device: str
) -> dict[str, Any]:
    from .. import device as devices
    from .. import report
    from ..metrics.measure import chosen, measure
    from ..run import Run

    run = Run(path)
    train, test = _data_of(run, against)
    figures = chosen(train, metrics)
    game = run.load().to(devices.pick(device))
    samples = _draw(game, n, seed)
    results = {"seen": game.seen} | measure(samples, train, test, seed, figures)
    run.append_metrics(results)
    report.write(run.path, run.recipe.summary)
    return results


def _of_folder(
    path: str, against: str, metrics: list[str], n: int, seed: int, device: str
) -> dict[str, Any]:
    from ..data import catalogue
    from ..metrics.measure import chosen, measure, some

    if not against:
        raise UserError(
            f"expected a run's folder, or images and what to compare them with, got {path}: "
            "add --against DATA"
        )
    images = catalogue.load(path).images
    size, channels = (images.shape[-1], images.shape[1]) if images.dim() == 4 else (0, 0)
    train, test = _pair(against, size, channels)
    return measure(some(images, n, seed), train, test, seed, chosen(train, metrics))


def _data_of(run: "Run", against: str) -> "Data":
    recipe = run.recipe
    return _pair(against or recipe.data, recipe.size, recipe.channels)


def _pair(name: str, size: int, channels: int) -> "Data":
    """Train and test; no test set where the data have none."""
    from ..data import catalogue
    from ..data.folder import NoSplit

    train = catalogue.load(name, "train", size, channels)
    try:
        return train, catalogue.load(name, "test", size, channels)
    except NoSplit:
        return train, None


def _draw(game: "Game", n: int, seed: int, batch: int = 250) -> "Tensor":
    """Samples as a picture file would hold them: bytes; points stay floats."""
    import torch

    from ..data.stream import as_bytes
    from ..progress import track
    from ..randomness import mix

    parts = []
    for start in track(range(0, n, batch), "sampling"):
        part = game.sample(min(batch, n - start), seed=mix(seed, start)).cpu()
        parts.append(as_bytes(part) if part.dim() == 4 else part)
    return torch.cat(parts)


def _print(results: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    about = results["about"]
    table = Table("measure", title=f"{about['samples']} samples, {about['reals']} reals")
    for column in ("value", "floor", "ratio"):
        table.add_column(column, justify="right")
    for name, figure in results.items():
        if isinstance(figure, dict) and name != "about":
            table.add_row(name, *_row(figure["value"], figure["floor"]))
    console = Console()
    console.print(table)
    floor = "floor: held-out real data in the samples' place"
    for note in (floor, *_network(about), *about["notes"]):
        console.print(note, style="dim", highlight=False)


def _network(about: dict[str, Any]) -> list[str]:
    """What the samples were looked at through; points are taken as they are."""
    if "network" not in about:
        return []
    return [f"features: {about['network']} {about['network_sha256'][:12]}, not Inception's"]


def _row(value: float, floor: float) -> tuple[str, str, str]:
    """A ratio to a floor of nothing, or below it by chance, says nothing."""
    ratio = f"{value / floor:.3g}" if floor > 0 else "-"
    return f"{value:.4g}", f"{floor:.4g}", ratio
