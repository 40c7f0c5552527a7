"""What only a GPU can show: every preset trains there, and the host never waits for it."""

import warnings

import pytest
import torch

from cardigan import device
from cardigan.recipes import RECIPES
from cardigan.run import make
from cardigan.train import train

if not torch.cuda.is_available():
    pytest.skip("there is no GPU here", allow_module_level=True)

LARGE = ("-32", "-64", "-128", "-256", "-1024")
NAMES = [name for name in RECIPES if not name.endswith(LARGE)]
WAITS = {"egan": ["egan.py"]}  # it cannot go on before it knows which child survives


@pytest.fixture
def waits():
    """Tells the files in which the host waited for the device, once torch looks out for it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield lambda: sorted(
            {w.filename.split("/")[-1] for w in told if "synchr" in str(w.message)}
        )
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", NAMES)
def test_rounds_on_a_gpu_are_finite_and_nobody_waits(name, waits):
    recipe, where = RECIPES[name].fitted(), device.pick("cuda")
    dataset = recipe.dataset()
    game = make(recipe).to(where, memory_format=torch.channels_last)
    recipe.prepare(game, dataset)
    stream = recipe.stream(dataset, where)
    batch, precision = recipe.training.batch, device.fastest(where)
    train(game, stream, 3 * batch, precision=precision)
    torch.cuda.set_sync_debug_mode("warn")
    train(game, stream, game.seen + 4 * batch, precision=precision)
    torch.cuda.set_sync_debug_mode("default")
    assert waits() == WAITS.get(name, [])
