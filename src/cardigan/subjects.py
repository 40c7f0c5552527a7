"""What is measured: the samples of a run, or somebody's folder of images; and with what."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from . import device as devices
from . import distributed
from .abilities import Generates, Translates
from .data import catalogue
from .data.dataset import Dataset
from .data.folder import NoSplit
from .data.stream import as_bytes
from .errors import UserError
from .game import Game
from .metrics.sets import some
from .progress import track
from .randomness import mix, seeded
from .recipe import Recipe
from .run import Run

BATCH = 250  # samples drawn at a time; another number draws other samples


class Samples(NamedTuple):
    """What somebody drew."""

    images: Tensor  # uint8 [N, C, H, W], as a picture file holds them; or points [N, D]
    labels: Tensor | None = None  # int64 [N], the classes that were asked for


class Reals(NamedTuple):
    """What samples are compared with."""

    train: Dataset
    test: Dataset | None  # none where the data have no test set


@dataclass(frozen=True)
class Subject:
    """A generator as far as it can be asked: a run, or images that somebody else made.

    Attributes:
        run: None for images.
        game: What the run learnt, on the device; None for images.
        images: None for a run.
    """

    path: str
    run: Run | None = None
    game: Game | None = None
    images: Dataset | None = None

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return Path(self.path).resolve().name

    @property
    def seen(self) -> int | None:
        """The clock of a run."""
        return None if self.game is None else self.game.seen

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels that it draws or tells; none where it knows no classes."""
        if self.images is not None:
            return self.images.classes
        return () if self.run is None else _classes(self.run.recipe)

    def draw(self, n: int, seed: int = 0, truncation: float | None = None) -> Samples:
        """Draws `n` samples, or takes at most `n` of the images; the same for the same seed."""
        if self.game is not None:
            return draw(self.game, n, seed, truncation)
        assert self.images is not None
        labels = self.images.labels
        return Samples(
            some(self.images.images, n, seed), None if labels is None else some(labels, n, seed)
        )

    def reals(self, against: str = "") -> Reals:
        """The data to compare with: those named, or those that a run was trained on.

        Raises:
            UserError: Images, and nothing to compare them with.
        """
        if self.run is not None:
            recipe = self.run.recipe
            if against:
                check_kind(self.name, recipe.points, against, recipe.data)
                return reals(against, recipe.size, recipe.channels)
            return Reals(recipe.dataset(), held_out(lambda: recipe.dataset("test")))
        if not against:
            raise UserError(
                f"expected a run's folder, or images and what to compare them with, got "
                f"{self.path}: add --against DATA"
            )
        assert self.images is not None
        images = self.images.images
        check_kind(self.name, images.dim() == 2, against)
        shape = (images.shape[-1], images.shape[1]) if images.dim() == 4 else (0, 0)
        return reals(against, *shape)


def subject(path: str, device: str = "auto", against: str = "given") -> Subject:
    """The run, or the images, that a path names.

    Arguments:
        device: Where a run's samples are drawn.
        against: What images will be compared with; if it is empty they are not even read.

    Raises:
        UserError: If the path holds neither, or images without anything to compare them with.
    """
    run = Run(path)
    if run.exists:
        return Subject(path, run, run.load().to(devices.pick(device)))
    if not against:
        return Subject(path)
    return Subject(path, images=catalogue.load(path))


def reals(name: str, size: int = 0, channels: int = 0) -> Reals:
    """Train and test; no test set where the data have none."""
    train = catalogue.load(name, "train", size, channels)
    return Reals(train, held_out(lambda: catalogue.load(name, "test", size, channels)))


def _classes(recipe: Recipe) -> tuple[str, ...]:
    """Of what was trained on; numbers where it is gone."""
    look = catalogue.facts if recipe.data in catalogue.NAMES else catalogue.describe
    try:
        return look(recipe.data).classes
    except UserError:
        return tuple(map(str, range(recipe.classes)))


def reshaped(who: str, path: str, shape: Sequence[int], like: str) -> Iterator[str]:
    """Notes on pictures that were brought to another shape, and on those that were enlarged.

    Arguments:
        shape: [C, H, W], that they were brought to.
        like: Whose shape that is.
    """
    info = catalogue.describe(path)
    own, wanted = f"{info.channels}x{info.size}x{info.size}", "x".join(map(str, shape))
    if own != wanted:
        yield f"pictures of {who} are brought from {own} to the shape of {like}, {wanted}"
    if small := catalogue.smaller(path, shape[-1]):
        yield (
            f"{small} pictures of {who} are smaller than {shape[-1]} pixels, and were enlarged: "
            "their detail is that of the enlargement"
        )


def check_kind(who: str, points: bool, against: str, own: str = "") -> None:
    """Refuses to compare points with pictures, before anything is read or drawn.

    Arguments:
        points: Whether `who` draws points, and not pictures.
        own: What it was trained on, which is another choice.
    """
    if points == catalogue.holds_points(against):
        return
    kinds = {True: "points in the plane", False: "pictures"}
    choice = f"leave --against away to take {own}, or " if own else ""
    raise UserError(
        f"expected {kinds[points]} to compare those of {who} with, got {against}, which holds "
        f"{kinds[not points]}: {choice}choose {kinds[points]} that `cardigan data list` shows"
    )


def held_out(load: Callable[[], Dataset]) -> Dataset | None:
    """The test set, or None where the data have none."""
    try:
        return load()
    except NoSplit:
        return None


def draw(game: Game, n: int, seed: int = 0, truncation: float | None = None) -> Samples:
    """Draws `n` samples, each process its share; the same for any number of processes.

    A game with classes draws each as often as any other; a translator has as many samples as it
    keeps pictures to translate.

    Raises:
        UserError: The game has no generator.
    """
    drawing, asked = generating(game), {} if truncation is None else {"truncation": truncation}
    if isinstance(game, Translates):
        sources = game.sources(n, seed)
        n = len(sources)
    labels = torch.arange(n) % game.classes if game.classes else None

    def part(start: int, count: int) -> Tensor:
        label = None if labels is None else labels[start : start + count]
        own = mix(seed, start)
        if isinstance(game, Translates):
            with seeded(own, game.device):
                return as_bytes(game.translate(sources[start : start + count]).cpu())
        samples = drawing.sample(count, seed=own, label=label, **asked).cpu()
        return as_bytes(samples) if samples.dim() == 4 else samples

    mine = range(0, n, BATCH)[distributed.rank() :: distributed.world()]
    parts = [part(s, min(BATCH, n - s)) for s in track(mine, "sampling")]
    return Samples(_whole(torch.cat(parts or [part(0, 1)[:0]]), n), labels)


def check_truncation(game: Game, *values: float) -> None:
    """Refuses a truncation that the game has not: factors lie between 0 and 1.

    Raises:
        UserError: Naming all values.
    """
    most = game.truncation.whole
    if not all(0 <= value <= most for value in values):
        got = ", ".join(f"{value:g}" for value in values)
        raise UserError(f"expected truncation from 0 to {most:g}, got {got}")


def generating(game: Game) -> Generates:
    """The game, if it draws samples.

    Raises:
        UserError: It has no generator.
    """
    if not isinstance(game, Generates):
        raise UserError(
            "expected a run that draws samples, and this one has no generator: `cardigan "
            "evaluate` tells how well it does what it does"
        )
    return game


def _whole(mine: Tensor, n: int) -> Tensor:
    """The samples of all processes, in the order of one."""
    if distributed.world() == 1:
        return mine
    batches = -(-n // BATCH)
    padded = mine.new_zeros((-(-batches // distributed.world()) * BATCH, *mine.shape[1:]))
    padded[: len(mine)] = mine
    count = batches - distributed.rank()
    held = padded.unflatten(0, (-1, BATCH))[: max(0, -(-count // distributed.world()))]
    return distributed.interleaved(held, batches).flatten(0, 1)[:n]
