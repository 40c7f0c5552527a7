"""What all tests share: one thread, repeatable examples, a random state that is the test's own."""

import warnings
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

from cardigan import memory

settings.register_profile(
    "cardigan",
    deadline=None,  # the machine's load is not the code's fault
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cardigan")
torch.set_num_threads(1)
with warnings.catch_warnings():  # the first jvp loads what torch itself has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.func.jvp(torch.sin, (torch.ones(1),), (torch.ones(1),))


@pytest.fixture(autouse=True, scope="session")  # modules' fixtures train as well
def _forgetful() -> Iterator[None]:
    """Memory goes back to the kernel when it is freed, so that what work takes can be seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "keep", lambda: None)
        yield


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Tests give the same numbers alone, together and in any order."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
