"""What must not happen in the loop: the host never waits for a number from the device."""

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from small import PLAYED, start
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cardigan import guard
from cardigan.device import bfloat16
from cardigan.train import train

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CPU = torch.device("cpu")
READS = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal"}
# The shape of what these return hangs on numbers, so that the host must know them.
SHAPED = {
    "aten::nonzero", "aten::nonzero_numpy", "aten::argwhere", "aten::masked_select",
    "aten::_unique", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive",
    "aten::bincount",
}  # fmt: skip
INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
MASKS = (torch.bool, torch.uint8)
COPIES = ("tolist", "numpy", "cpu", "__array__")  # which on the CPU reach no operation


class Waits(TorchDispatchMode):
    """Gathers what would make the host wait for a GPU, were the tensors there."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().split(".")[0]
        masked = name in INDEXED and any(_is_mask(index) for index in args[1])
        self.found += [name] if name in READS | SHAPED or masked else []
        return function(*args, **(kwargs or {}))


def _is_mask(index):
    return index is not None and index.dtype in MASKS


@contextmanager
def waiting():
    """Notes the operations that wait, and the methods that copy numbers to the host."""
    with ExitStack() as stack:
        waits = Waits()
        for name in COPIES:
            stack.enter_context(mock.patch.object(Tensor, name, _noted(name, waits.found)))
        stack.enter_context(mock.patch.object(Tensor, "to", _noted("to", waits.found, {"cpu"})))
        yield stack.enter_context(waits)


def _noted(name, found, words=frozenset()):
    """A method that is noted; if there are `words`, only when it is called with one of them."""
    real = getattr(Tensor, name)

    def method(self, *args, **kwargs):
        said = {word for word in (*args, *kwargs.values()) if isinstance(word, str)}
        found.extend([name] if not words or words & said else [])
        return real(self, *args, **kwargs)

    return method


PLANTED = {
    "item": lambda x: x[1].item(),
    "float": lambda x: float(x[1]),
    "int": lambda x: int(x[1]),
    "if": lambda x: 1 if x[1] > 0 else 0,
    "equal": lambda x: torch.equal(x, x),
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy(),
    "array": lambda x: memoryview(x.__array__()),
    "cpu": lambda x: x.cpu(),
    "to cpu": lambda x: x.to("cpu"),
    "to cpu, by name": lambda x: x.to(device="cpu"),
    "mask": lambda x: x[x > 1],
    "mask of two": lambda x: x.expand(3, 3)[x > 1, 0],
    "put by mask": lambda x: x.clone().index_put_((x > 1,), x[:1]),
    "assigned by mask": lambda x: x.clone().__setitem__(x > 1, x[2:]),
    "nonzero": lambda x: x.nonzero(),
    "where": lambda x: torch.where(x > 1),
    "argwhere": lambda x: torch.argwhere(x),
    "masked_select": lambda x: x.masked_select(x > 1),
    "unique": lambda x: x.unique(),
    "unique_consecutive": lambda x: x.unique_consecutive(),
    "bincount": lambda x: x.long().bincount(),
    "backward": lambda x: _Reading.apply(x.clone().requires_grad_()).sum().backward(),
}  # fmt: skip
HARMLESS = {
    "where of three": lambda x: torch.where(x > 1, x, 0),
    "masked_fill": lambda x: x.masked_fill(x > 1, 0),
    "numbers as index": lambda x: x[torch.tensor([0, 1])],
    "slices": lambda x: x[None, 1:, None],
    "to a type": lambda x: x.to(torch.float64),
    "to where it is": lambda x: x.to(x.device),
}


class _Reading(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * gradient.sum().item()


@pytest.mark.parametrize("name", PLANTED)
def test_what_waits_is_noticed(name):
    x = torch.arange(3.0)
    with waiting() as waits:
        PLANTED[name](x)
    assert waits.found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_not_wait_is_no_wait(name):
    x = torch.arange(3.0)
    with waiting() as waits:
        HARMLESS[name](x)
    assert not waits.found


# What a round cannot do without: E-GAN's host chooses, once, which of its generators live on.
NEEDED = {"egan": ["tolist"]}


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Takes the paths of a GPU: there, the guard's flags are read a round late, long arrived."""
    monkeypatch.setattr(guard.LateReader, "read", lambda self, flags: [False, False])
    monkeypatch.setattr(Tensor, "is_cpu", False)
    monkeypatch.setattr(Tensor, "is_cuda", True)


@pytest.mark.parametrize("name", PLAYED)
def test_no_round_waits_for_the_device(name, as_on_a_gpu):
    game, stream = start(name)
    train(game, stream, 2 * stream.batch)
    with waiting() as waits:
        train(game, stream, game.seen + 3 * stream.batch, precision=bfloat16(CPU))
    assert waits.found == NEEDED.get(name, []) * 3


def test_a_game_that_waits_is_noticed(as_on_a_gpu, monkeypatch):
    game, stream = start("dcgan")
    fake = game.fake
    monkeypatch.setattr(game, "fake", lambda *given: fake(*given) * len(fake(*given).tolist()))
    with waiting() as waits:
        train(game, stream, stream.batch)
    assert "tolist" in waits.found


def test_the_cost_of_checks_can_be_measured(tmp_path):
    """A table of each loop; what it says on a busy machine is not judged here."""
    words = ["--sizes=16", "--widths=4", "--repeats=2", "--rounds=2", "--device=cpu"]
    command = [sys.executable, BENCHMARKS / "checks.py", *words, f"--out={tmp_path / 'x.md'}"]
    subprocess.run(command, check=True, capture_output=True)
    rows = (tmp_path / "x.md").read_text().splitlines()[-3:]
    assert [row.split(" | ")[2] for row in rows] == ["bare", "+ checks", "+ log"]
