"""What must not happen in the loop: the host never waits for a number from the device."""

import pytest
import torch
from small import PLAYED, start
from torch.utils._python_dispatch import TorchDispatchMode

from cardigan.device import bfloat16
from cardigan.train import train

CPU = torch.device("cpu")
WAITS = {"aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal"}


class Waits(TorchDispatchMode):
    """Gathers the operations that would make the host wait for a GPU."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().split(".")[0]
        self.found += [name] if name in WAITS else []
        return function(*args, **(kwargs or {}))


def test_waits_are_noticed():
    with Waits() as waits:
        if torch.ones(()) > 0:
            torch.ones(3)[1].item()
    assert len(waits.found) == 2


@pytest.mark.parametrize("name", PLAYED)
def test_no_round_waits_for_the_device(name):
    game, stream = start(name)
    train(game, stream, 2 * stream.batch)
    with Waits() as waits:
        train(game, stream, game.seen + 3 * stream.batch, precision=bfloat16(CPU))
    assert not waits.found
