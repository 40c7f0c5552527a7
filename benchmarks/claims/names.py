"""Which claims there are. Apart from the command, so that processes beside it can import this."""

from importlib import import_module
from pathlib import Path

from .frame import Claim, measured

HERE = Path(__file__).parent
SHARED = (
    "bigbigan", "faces", "few", "frame", "growing", "models", "names", "points", "rates", "spread",
)  # fmt: skip
NAMES = sorted(
    path.stem.replace("_", "-") for path in HERE.glob("[a-z]*.py") if path.stem not in SHARED
)


def find(name: str) -> Claim:
    return import_module(f"{__package__}.{name.replace('-', '_')}").CLAIM


def measure(name: str, seed: int, work: Path) -> None:
    """One seed of one claim."""
    measured(name, find(name), seed, work)
