"""What the tests of runs and of the command line share: `cardigan` in a child of this process.

The child is a fork of a process that has imported all, so that hundreds of them are cheap.
"""

import ctypes
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch._dynamo  # which optimisers import when they are made, at a cost of seconds
from PIL import Image
from reliability_tools import of_a_library

from cardigan import __main__, checkpoint, report, session, tensorboard
from cardigan.data.stream import Stream
from cardigan.nets import mlp

assert torch.get_num_threads() == 1, "conftest.py sets it before any parallel work"
Image.init()
for name in ("commands.data", "commands.train", "data.embedded", "data.folder", "metrics.measure"):
    import_module(f"cardigan.{name}")
with suppress(ImportError):  # jsonargparse imports it with the first signature that it reads
    import_module("attrs")  # and it compiles what it is made of

BATCH = 4
TINY = (
    "--size=16", "--width=2", "--latents=8", f"--training.batch={BATCH}",
    f"--training.log_every={BATCH}", "--training.measure_share=0", "--measure=0",
)  # fmt: skip
SECONDS = ("seconds", "images_per_second")  # of a line of the log: the only ones that may differ
HASHED = ("game.safetensors", "optimizers.safetensors", "state.json")

Setup = Callable[[], Any]


def pictures_in(folder: Path, count: int = 22) -> Path:
    """A small data set: `count` pictures of 16 pixels."""
    folder.mkdir(parents=True)
    for i, pixels in enumerate(np.random.default_rng(0).integers(256, size=(count, 16, 16))):
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i:02}.png")
    return folder


# ------------------------------------------------------------------------------------- children


class Ended(NamedTuple):
    """How a child ended."""

    code: int  # or minus the signal's number
    out: str
    err: str


class Child:
    """`cardigan WORDS` in a fork of this process."""

    def __init__(self, words: Sequence[object], folder: Path, setup: Setup = lambda: None):
        folder.mkdir(parents=True, exist_ok=True)
        self.files = folder / "out", folder / "err"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, forks and threads
            self.pid = os.fork()
        if not self.pid:
            _be_a_child([str(word) for word in words], self.files, setup)

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 120) -> Ended:
        """Its end, which comes in time or is made to come."""
        until = time.monotonic() + seconds
        while not (status := os.waitpid(self.pid, os.WNOHANG))[0]:
            if time.monotonic() > until:
                self.kill(signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError(f"still there after {seconds} s:\n{self.err}")
            time.sleep(0.002)
        return Ended(os.waitstatus_to_exitcode(status[1]), self.files[0].read_text(), self.err)

    @property
    def err(self) -> str:
        return self.files[1].read_text() if self.files[1].exists() else ""


def _be_a_child(words: list[str], files: tuple[Path, Path], setup: Setup) -> None:
    code = 1
    try:
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        setup()
        code = __main__.main(words)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def cardigan(*words: object, folder: Path, setup: Setup = lambda: None) -> Ended:
    """Runs `cardigan WORDS` to its end."""
    return Child(words, folder, setup).wait()


def done(*words: object, folder: Path, setup: Setup = lambda: None) -> Ended:
    """The same, of what must end well."""
    ended = cardigan(*words, folder=folder, setup=setup)
    assert ended.code == 0, ended.err
    return ended


# ------------------------------------------------------------------------- what a child is told


def plain() -> None:
    """Leaves out what takes most of a tiny run's time: the picture, the report and events."""
    session.hooks.painter = lambda *_: lambda game, log: None
    report.write = lambda *_: None
    tensorboard.writer = lambda *_: tensorboard._Nowhere()


def narrow() -> None:
    """Makes the networks of Goodfellow's GAN, whose widths are no options, a few units wide."""
    mlp.MLPGenerator.__init__.__defaults__ = (16,)
    mlp.MaxoutDiscriminator.__init__.__defaults__ = (8, 2)


def noting(path: Path) -> None:
    """Notes every batch that is drawn: its place in the run, and which images."""
    order, file = Stream.order, path.open("a", buffering=1)

    def noted(self, start, count, *device):
        index = order(self, start, count, *device)
        file.write(f"{start} {index.tolist()}\n")
        return index

    Stream.order = noted


def offline() -> None:
    """Has no network, and fails if anything asks for it."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).unshare(0x40000000)  # CLONE_NEWNET; where refused, the hook remains
    forbid("socket.connect", "socket.getaddrinfo", "urllib.Request")


def forbid(*events: str) -> None:
    """Ends the child at the first of these audit events that is not a library's own."""

    def hook(event, arguments):
        if event in events and not of_a_library(event, sys._getframe(1)):
            sys.stderr.write(f"forbidden: {event} {arguments!r:.500}\n")
            traceback.print_stack(limit=20)
            sys.stderr.flush()
            os._exit(99)

    sys.addaudithook(hook)


# --------------------------------------------------------------------------------- what is there


def state(run: Path) -> str:
    """Every bit of the newest state: weights, buffers, averages, optimisers' memory, the clock."""
    newest = checkpoint.latest(run / "checkpoints")
    assert newest is not None
    return hashed(newest)


def hashed(path: Path) -> str:
    """Every bit of a checkpoint's state."""
    return sha256(b"".join((path / name).read_bytes() for name in HASHED)).hexdigest()


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log, without what the speed of the machine decides."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in SECONDS} for row in rows]


def one_line(ended: Ended, code: int = 2) -> str:
    """What a user reads who made a mistake: one line, and no traceback."""
    assert ended.code == code, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("cardigan: error: ")]
    assert len(errors) == 1, ended.err
    assert "Traceback" not in ended.err
    assert ended.err.replace("\n", "").isprintable() and ended.out.replace("\n", "").isprintable()
    return errors[0]


def tree(folder: Path) -> list[str]:
    """Every file and folder, by name."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))
