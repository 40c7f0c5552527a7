"""`cardigan train`: from a recipe's name to pictures, a report and numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from .. import durable, settings
from ..errors import UserError
from ..recipe import MOST_SAMPLES, Recipe


def train(argv: Sequence[str]) -> None:
    """Reads the recipe and its options, then trains, measures and tells where things lie."""
    if not argv or argv[0].startswith("-"):
        raise UserError(
            "expected a recipe: `cardigan train dcgan`; `cardigan list` shows them all"
        )
    name, options = argv[0], argv[1:]
    recipe = settings.find(name)
    parser = _parser(name, recipe)
    parsed = settings.read(parser, options, partial(_faults, name, recipe, parser))
    recipe = _lengthened(settings.build(recipe, parser, parsed), parsed).fitted()

    from ..session import Stopped, play

    path = _folder(name, parsed)
    try:
        run = play(name, recipe, path, parsed.override)
    except Stopped as stopped:
        print(f"saved after {stopped.seen:,} images; the same command goes on from there")
        raise SystemExit(128 + stopped.number) from None
    _conclude(run, recipe, parsed.measure)


def _parser(name: str, recipe: Recipe) -> ArgumentParser:
    parser = settings.parser_of(recipe, f"cardigan train {name}")
    settings.add_files(parser)
    parser.add_argument("--out", type=str | None, help="The run's folder (default: runs/RECIPE).")
    parser.add_argument("--images", type=int | None, help="Short for --training.images.")
    parser.add_argument("--epochs", type=float | None, help="The same, in passes over the data.")
    parser.add_argument("--measure", type=int, default=2000, help="Samples measured at the end.")
    parser.add_argument(
        "--override", action="store_true", help="Go on with a run that was trained otherwise."
    )
    return parser


def _folder(name: str, parsed: Any) -> Path:
    return Path(parsed.out or f"runs/{name}")


def _faults(name: str, recipe: Recipe, parser: ArgumentParser, parsed: Any) -> Iterator[str]:
    """What does not fit of options that are well formed; of data, headers are read at most."""
    try:
        recipe = settings.build(recipe, parser, parsed)
    except UserError as error:
        yield str(error)
        return
    for step in (partial(_lengthened, parsed=parsed), type(recipe).fitted):
        try:
            recipe = step(recipe)
        except UserError as error:
            yield str(error)
    problems = list(recipe.problems())
    yield from problems
    if parsed.measure != 0 and not 2 <= parsed.measure <= MOST_SAMPLES:
        yield f"measure must be 0 or from 2 to ten million, got {parsed.measure}"
    checks: list[Callable[[], object]] = [
        lambda: durable.check(_folder(name, parsed) / "recipe.json"),
        lambda: _check_device(recipe.training.device),
        lambda: _check_measure(recipe.training.best),
    ]
    if not any("batch" in problem for problem in problems):
        checks.append(lambda: recipe.held(1))  # of many, the first says that they do not fit
    for check in checks:
        try:
            check()
        except UserError as error:
            yield str(error)


def _check_device(name: str) -> None:
    if name not in ("auto", "cpu"):  # torch is imported late
        from ..device import pick

        pick(name)


def _check_measure(name: str) -> None:
    if name:
        from ..metrics.measure import known

        known([name])


def _lengthened(recipe: Recipe, parsed: Any) -> Recipe:
    """The recipe with --images or --epochs put into `training.images`."""
    if parsed.images is not None and parsed.epochs is not None:
        raise UserError("expected --images or --epochs, got both: give one of them")
    images = parsed.images
    if parsed.epochs is not None:
        if not 0 < parsed.epochs < 1e12:
            raise UserError(f"epochs must lie in (0, 1e12), got {parsed.epochs}")
        images = round(parsed.epochs * recipe.epoch())
    if images is None:
        return recipe
    return replace(recipe, training=replace(recipe.training, images=images))


def _conclude(run: Any, recipe: Recipe, count: int) -> None:
    """Measures the samples, and says where everything lies."""
    from .. import distributed
    from ..errors import printable

    if distributed.rank():
        return
    if count:
        _measure(run, recipe, count)
    newest = max(run.pictures.glob("*.png"), default=None)
    places = {"picture": newest} if newest else {}
    places["report"] = run.path / "report.html"
    if best := run.best():
        places["best"] = best
    for name, path in places.items():
        print(f"{name:<8} {printable(str(path))}")


def _measure(run: Any, recipe: Recipe, count: int) -> None:
    """Shows figures; what cannot be measured has been trained all the same."""
    from .evaluate import measured, show

    try:
        show(measured(str(run.path), "", [], count, 0, False, "", recipe.training.device))
    except UserError as error:
        durable.tell(f"warning: trained, but not measured: {error}")
