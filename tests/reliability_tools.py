"""What the tests of checkpoints share: a tiny game, a file system that fails, and children."""

import faulthandler
import os
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.optim import Adam

from cardigan import checkpoint, durable
from cardigan.game import Game, Player

FUSED = partial(Adam, fused=True)
RECIPE = '{"name": "tiny", "batch": 64}\n'
ABOUT = {"recipe": "ab12", "data": "cd34", "torch": "2.13.0", "threads": 1, "world": 1}


class Tiny(Game):
    """Two players, with batch statistics, an average and a scalar parameter."""

    def __init__(self, optimizer, width=4, channels_last=False):
        super().__init__()
        torch.manual_seed(0)
        self.generator = Player(_net(width), optimizer, 0.01, ema_halflife=100)
        self.discriminator = Player(_net(width), optimizer, 0.02)
        if channels_last:
            self.to(memory_format=torch.channels_last)


def _net(width):
    return nn.Sequential(nn.Conv2d(3, width, 2), nn.BatchNorm2d(width), nn.PReLU())


def tiny(optimizer=FUSED, **settings) -> Game:
    return Tiny(optimizer, **settings)


def advance(game: Game, rounds: int = 1) -> Game:
    """Trains: a function of the game's state alone, as a real run is."""
    for _ in range(rounds):
        torch.manual_seed(game.seen)
        for player in game.players.values():
            player.backward((player(torch.randn(8, 3, 3, 3)) - 1).square().mean())
            player.step(game.seen)
            player.average(64)
        game.seen, game.rounds = game.seen + 64, game.rounds + 1
    return game


def fingerprint(game: Game) -> str:
    """Every bit of a game's state."""
    digest = sha256(repr((game.seen, game.rounds)).encode())
    for name, tensor in game.state_dict().items():
        digest.update(name.encode() + _raw(tensor))
    for name, player in game.players.items():
        for index, values in player.optimizer.state_dict()["state"].items():
            for key, value in sorted(values.items()):
                said = _raw(value) if isinstance(value, torch.Tensor) else repr(value).encode()
                digest.update(f"{name}/{index}/{key}".encode() + said)
    return digest.hexdigest()


def _raw(tensor):
    return tensor.detach().contiguous().numpy().tobytes()


def save(folder: Path, game: Game) -> Path:
    return checkpoint.save(folder, game, RECIPE, ABOUT)


def restored(path: Path, optimizer=FUSED) -> str:
    """The fingerprint of what a checkpoint holds."""
    game = tiny(optimizer)
    checkpoint.restore(game, path)
    return fingerprint(game)


# ------------------------------------------------------------------------ a file system that fails

Operation = Callable[..., Any]
Around = Callable[[str, Operation, tuple, dict], Any]
WRITING = ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "unlink", "rmdir")


class Shim:
    """The `os` module, but each call that may change a disk goes through `around`."""

    def __init__(self, around: Around):
        self._around = around

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in WRITING:
            return real
        return lambda *args, **kwargs: self._around(name, real, args, kwargs)


@contextmanager
def shimmed(around: Around) -> Iterator[None]:
    shim = Shim(around)
    with mock.patch.object(durable, "os", shim), mock.patch.object(shutil, "os", shim):
        yield


def lying_disk(free: int = 10**12):
    """The check beforehand sees room that is not there."""
    return mock.patch.object(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def count_operations(work: Callable[[], Any]) -> list[str]:
    """The names of the operations that `work` makes."""
    names: list[str] = []

    def around(name, real, args, kwargs):
        names.append(name)
        return real(*args, **kwargs)

    with shimmed(around):
        work()
    return names


# ------------------------------------------------------------------------------------- children


def in_child(work: Callable[[], Any]) -> int:
    """Runs `work` in a fork of this warm process: its exit code, or minus the signal's number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on forks with threads
        pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


# What no reader of a stranger's file may do, whatever the file says.
FORBIDDEN = (
    "exec",
    "compile",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "pty.spawn",
    "pickle.find_class",
    "marshal.loads",
    "shutil.unpack_archive",
    "socket.connect",
)


SECONDS = 120


def audited(work: Callable[[], Any], inside: Path | None = None) -> None:
    """Runs `work` in a child, and fails if it fails, executes anything or writes elsewhere.

    Arguments:
        inside: The folder that it may write into; anywhere, if there is none.
    """
    events: list[str] = []

    def hook(event, arguments):
        if event in FORBIDDEN and not of_a_library(event, sys._getframe(1)):
            events.append(event)
        if event == "open" and inside and _writes_outside(inside, *arguments):
            events.append(f"open {arguments}")

    def child():
        sys.dont_write_bytecode = True
        faulthandler.dump_traceback_later(SECONDS, exit=True)  # what waits for ever fails
        sys.addaudithook(hook)
        work()
        assert not events, events

    assert in_child(child) == 0


def _writes_outside(inside: Path, path: Any, mode: Any, flags: Any) -> bool:
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if not writes or not isinstance(path, str | bytes | os.PathLike):
        return False
    return not Path(os.fsdecode(path)).resolve().is_relative_to(inside.resolve())


# Who compiles or executes without being told what by a file of the user's: imports, named tuples
# and data classes, signatures that are read out of source code, and the template of the report.
COMPILERS = (
    "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", "/ast.py",
    "/collections/__init__.py", "/dataclasses.py", "/typing.py", "/jinja2/environment.py",
)  # fmt: skip


def of_a_library(event: str, frame: FrameType) -> bool:
    """Whether an audit event is a library's own doing."""
    return event in ("compile", "exec", "marshal.loads") and frame.f_code.co_filename.endswith(
        COMPILERS
    )


def die() -> None:
    """What a kill -9 does, from inside."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
