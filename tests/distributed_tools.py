"""What the tests of many processes share: children that find each other as torchrun's do.

Run as a script under torchrun, `distributed_tools.py DEATHS WORDS...` is `cardigan WORDS`, except
that the processes that DEATHS names, as `attempt:rank:batch,...`, kill themselves at that batch.
"""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from process_tools import Child, Ended, plain
from reliability_tools import die, fingerprint
from small import SMALL, flags, toy
from torch.distributed import TCPStore

from cardigan import __main__, distributed, session
from cardigan.data.stream import Stream
from cardigan.recipe import Recipe

Work = Callable[[], object]
IMAGES = 64  # in the toy data: an epoch is a few rounds


class Ranks:
    """`cardigan WORDS` on several processes, each a fork of this one, which keeps their store.

    Arguments:
        setup: What a child does first; it knows its `distributed.rank()` by then.
    """

    def __init__(
        self, world: int, words: Iterable[object], folder: Path, *setup: Work, attempt: int = 0
    ):
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

        def join(rank: int) -> Work:
            def begin() -> None:
                os.environ |= {
                    "RANK": str(rank),
                    "LOCAL_RANK": str(rank),
                    "WORLD_SIZE": str(world),
                    "LOCAL_WORLD_SIZE": str(world),
                    "MASTER_ADDR": "127.0.0.1",
                    "MASTER_PORT": str(self.store.port),
                    "TORCHELASTIC_RUN_ID": "test",
                    "TORCHELASTIC_USE_AGENT_STORE": "True",
                    "TORCHELASTIC_RESTART_COUNT": str(attempt),
                }
                for work in setup:
                    work()

            return begin

        self.children = [Child([*words], folder / f"{r}", join(r)) for r in range(world)]

    def wait(self, seconds: float = 60) -> list[Ended]:
        """How each ended."""
        return [child.wait(seconds) for child in self.children]


def each(world: int, folder: Path, work: Work) -> None:
    """Runs a function on several processes that have joined; alone, with one."""

    def joined() -> None:
        with distributed.group(torch.device("cpu")):
            work()
        raise SystemExit(0)

    def alone() -> None:
        work()
        raise SystemExit(0)

    if world == 1:
        ended = [Child([], folder, alone).wait()]
    else:
        ended = Ranks(world, [], folder, joined).wait()
    assert all(e.code == 0 for e in ended), "".join(e.err for e in ended)


def train(
    world: int, name: str, folder: Path, *options: object, setup: Iterable[Work] = ()
) -> Ranks:
    """Trains a small recipe on toy data in `folder/run`."""
    words = [*command(name, folder), "--measure=0", *options]
    return Ranks(world, words, folder / "ranks", plain, toys, *setup)


def command(name: str, folder: Path) -> list[str]:
    """The words that train a small recipe for 30 rounds, with a checkpoint each 10."""
    recipe, batch = SMALL[name], SMALL[name].training.batch
    often = {"log_every": batch, "picture_every": 10 * batch, "checkpoint_every": 10 * batch}
    training = replace(recipe.training, images=30 * batch, **often)
    return ["train", name, *flags(replace(recipe, training=training)), f"--out={folder / 'run'}"]


def trained(
    world: int, name: str, folder: Path, *options: object, setup: Iterable[Work] = ()
) -> list[Ended]:
    """The same, of what must end well."""
    ended = train(world, name, folder, *options, setup=setup).wait()
    assert all(e.code == 0 for e in ended), "".join(e.err for e in ended)
    return ended


# ------------------------------------------------------------------------- what a child is told


def toys() -> None:
    """Trains on toy data, whatever the recipe says."""
    own = {type(recipe) for recipe in SMALL.values() if "dataset" in vars(type(recipe))}
    for cls in {Recipe, *own}:
        cls.dataset = lambda self, split="train": toy(self, IMAGES)


def noting_state(folder: Path) -> Work:
    """Notes every bit of this process's state before and after training."""

    def setup() -> None:
        real = session.train

        def train(game, *args, **kwargs):
            note(game, "before")
            finished = real(game, *args, **kwargs)
            note(game, "after")
            return finished

        session.train = train

    def note(game, when):
        (folder / f"{when}{distributed.rank()}").write_text(fingerprint(game))

    return setup


def states(folder: Path, when: str) -> list[str]:
    """What `noting_state` noted, a line a process."""
    return [path.read_text() for path in sorted(folder.glob(f"{when}?"))]


def at_batch(number: int, ranks: Iterable[int], act: Work) -> Work:
    """Lets these processes do something as they draw their batch of that number."""

    def setup() -> None:
        real, drawn = Stream.__next__, [0]

        def draw(self):
            drawn[0] += 1
            if drawn[0] == number and distributed.rank() in ranks:
                act()
            return real(self)

        Stream.__next__ = draw

    return setup


def sending(number: int) -> Work:
    """Sends this process a signal."""
    return lambda: os.kill(os.getpid(), number)


def main() -> int:
    """A worker of torchrun, which may be about to die."""
    deaths, *words = sys.argv[1:]
    for death in deaths.split(","):
        attempt, rank, batch = map(int, death.split(":"))
        if attempt == int(os.environ["TORCHELASTIC_RESTART_COUNT"]):
            at_batch(batch, [rank], die)()
    plain()
    toys()
    return __main__.main(words)


if __name__ == "__main__":
    sys.exit(main())
