"""A recipe: everything that makes a run, as one frozen dataclass. Its fields are its options."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_type_hints

from .errors import UserError

if TYPE_CHECKING:  # torch is imported late: help and lists answer at once
    import torch

    from .data.dataset import Dataset
    from .data.stream import Stream, Together
    from .game import Game


MOST_SAMPLES = 10_000_000  # that are ever measured at once


def harmless(default: Any) -> Any:
    """A field that may change when a run goes on: it does not touch what is learnt."""
    return field(default=default, metadata={"harmless": True})


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how fast and where a recipe is trained."""

    fewest: ClassVar[int] = 1
    """Images that may be asked for; 0 where a recipe finds a number for the data."""

    images: int = harmless(1_000_000)
    """Real images to train on."""
    batch: int = 64
    """Images that a move looks at, over all processes and accumulated copies."""
    microbatch: int = 0
    """Images that a process holds at once; 0 holds its whole share of the batch."""
    seed: int = 0
    """Of the weights, the order of the data and every draw."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of products; auto takes bfloat16 where the device is fast at it."""
    device: str = harmless("auto")
    """Where to train: auto, cpu, cuda, cuda:1, mps."""
    compile: bool = False
    """Compile the networks: slow to start, worth it for long runs on a GPU."""
    tolerate: int = 0
    """Rounds in a row whose gradient may be non-finite, and is skipped, before training stops."""
    log_every: int = harmless(1_000)
    """Images between two lines of the log."""
    picture_every: int = harmless(20_000)
    """Images between two pictures of the fixed latents."""
    checkpoint_every: int = harmless(20_000)
    """Images between two checkpoints."""
    keep: int = harmless(2)
    """Checkpoints that are kept, beside the best."""
    best: str = harmless("")
    """The measure that tells the best checkpoint; by default the first that the data allow."""
    measure_images: int = harmless(1_000)
    """Samples that are measured beside training, at checkpoints."""
    measure_share: float = harmless(0.05)
    """The share of the time that measuring may take; 0 measures nothing beside training."""

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each."""
        least = {
            "images": self.fewest, "seed": 0, "microbatch": 0, "tolerate": 0, "measure_images": 2,
        }  # fmt: skip
        if not 0 <= self.measure_share <= 1:
            yield f"training.measure_share must lie between 0 and 1, got {self.measure_share}"
        for name in ("images", "batch", "microbatch", "seed", "tolerate", "log_every",
                     "picture_every", "checkpoint_every", "keep", "measure_images"):  # fmt: skip
            value, lowest = getattr(self, name), least.get(name, 1)
            if not lowest <= value < 2**63:
                yield f"training.{name} must be at least {lowest} and below 2^63, got {value}"
        if self.measure_images > MOST_SAMPLES:
            yield f"training.measure_images must be at most ten million, got {self.measure_images}"

    def held(self, world: int) -> int:
        """Images that each of `world` processes holds at once."""
        held = self.microbatch or max(self.batch // world, 1)
        if self.batch % (held * world):
            raise UserError(
                f"training.batch {self.batch} is not a multiple of {world} processes times "
                f"{held} images held at once: choose --training.microbatch so that it is"
            )
        return held

    def copies(self, world: int) -> int:
        """Rounds that are played in lockstep so that a move sees a whole batch."""
        return self.batch // (self.held(world) * world)


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """What a paper trained, as numbers."""

    paper: ClassVar[str]
    """Authors, year and where to read it."""
    can: ClassVar[tuple[str, ...]] = ("sample", "decode")
    """What its game can do."""
    least: ClassVar[int] = 1
    """Images that a process must hold at once; batch norm needs two."""
    points: ClassVar[bool] = False
    """Whether it draws points in the plane, and not images."""
    classes: ClassVar[int] = 0
    """Labels that its networks are told; conditional recipes make it a field, where 0 takes the
    data's own."""

    data: str = "fashion-mnist-mini"
    """What to train on: a name that `cardigan data list` shows, or a folder or zip of images."""
    size: int = 0
    """Height and width of images; 0 takes the data's own."""
    channels: int = 0
    """1 for grey, 3 for colour; 0 takes the data's own."""
    training: Training = field(default_factory=Training)

    @property
    def summary(self) -> str:
        """What it is and who wrote it up, in a line."""
        return f"{(type(self).__doc__ or '').strip()} {self.paper}."

    @abstractmethod
    def game(self) -> "Game":
        """The networks and the order in which they move, before the first round."""

    def prepare(self, game: "Game", dataset: "Dataset") -> None:  # noqa: B027
        """What a paper sets from the data before the first round; mostly nothing."""

    def dataset(self, split: str = "train") -> "Dataset":
        """The data, as the networks see it."""
        from .data import catalogue

        return catalogue.load(self.data, split, self.size, self.channels)

    def epoch(self) -> int:
        """Images of one pass over the data."""
        from .data import catalogue

        return catalogue.describe(self.data).count

    def stream(
        self, dataset: "Dataset", device: "torch.device", world: int = 1
    ) -> "Stream | Together":
        """The data in the order of the run, and the clock."""
        from .data.stream import Stream

        held, told = self.held(world), self.conditions(dataset)
        return Stream(dataset, held, self.training.seed, device, told)

    def held(self, world: int) -> int:
        """Images that each of `world` processes holds at once, which are as many as it needs."""
        if (held := self.training.held(world)) < self.least:
            raise UserError(
                f"each of {world} processes would hold {held} images at once, and needs "
                f"{self.least}: choose a larger --training.batch"
            )
        return held

    def conditions(self, dataset: "Dataset") -> "torch.Tensor | None":
        """What networks may be told of each picture, [N, ...]; its label, by default."""
        return dataset.labels

    @property
    def sets(self) -> tuple[str, ...]:
        """The data sets that it names; the size of images is that of the first."""
        return (self.data,)

    def fitted(self) -> Self:
        """The recipe with what the data tell filled in: a run is loaded without its data."""
        from .data import catalogue

        found = [catalogue.describe(name) for name in self.sets]
        for info in found:
            if self.points != (info.channels == 0):
                kinds = {True: "points in the plane", False: "images"}
                raise UserError(
                    f"expected {kinds[self.points]} as --data, got {info.name}, which holds "
                    f"{kinds[not self.points]}: `cardigan data list` shows what there is"
                )
        first = found[0]
        shape = {"size": first.size, "channels": max(info.channels for info in found)}
        told = {"classes": len(first.classes), "attributes": first.attributes}
        own = {f.name for f in fields(self)}
        for name in own & told.keys():
            asked = getattr(self, name)
            if asked not in (0, told[name]) or not told[name]:
                raise UserError(
                    f"expected data with {asked or 'known'} {name}, got {first.name}, which has "
                    f"{told[name]}: name other --data"
                )
        facts = {name: fact for name, fact in (shape | told).items() if name in own}
        filled = replace(self, **{name: getattr(self, name) or facts[name] for name in facts})
        return filled.suited(first.count)

    def suited(self, count: int) -> Self:
        """The recipe with what suits a number of images filled in; mostly nothing."""
        return self

    def problems(self) -> Iterator[str]:
        """What does not fit, a phrase each; recipes add their own."""
        yield from self.training.problems()
        for name, value in asdict(self).items():
            if isinstance(value, int | float) and abs(value) >= 2**63:
                yield f"{name} must be below 2^63, got {value}"
        if self.size < 0 or self.channels not in (0, 1, 3):
            yield (
                "size must be at least 0 and channels 0, 1 or 3, "
                f"got {self.size} and {self.channels}"
            )
        if self.training.batch < self.least or 0 < self.training.microbatch < self.least:
            yield f"training.batch and training.microbatch must be at least {self.least}"

    def checked(self) -> Self:
        """Itself, or one line that tells everything that does not fit."""
        if problems := list(self.problems()):
            raise UserError("; ".join(problems))
        return self


def to_json(name: str, recipe: Recipe, version: str) -> str:
    """The record of a run: which recipe, of which version, with which numbers."""
    return json.dumps({"recipe": name, "version": version, "fields": asdict(recipe)}, indent=2)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `a.b: value`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def groups(cls: type) -> dict[str, type]:
    """The fields of a recipe that hold options of their own, and what they hold."""
    hints = get_type_hints(cls).items()
    return {name: kind for name, kind in hints if isinstance(kind, type) and is_dataclass(kind)}


def is_harmless(cls: type, name: str) -> bool:
    """Whether the field `a.b` of a recipe may change when a run goes on."""
    first, _, rest = name.partition(".")
    if rest:
        return first in groups(cls) and is_harmless(groups(cls)[first], rest)
    return any(f.name == first and f.metadata.get("harmless") for f in fields(cls))
