"""Does `cardigan diagnose` find what is wrong, and leave alone what is not?"""

import argparse
from pathlib import Path

import torch

from . import broken
from .runs import planned
from .training import train_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/diagnosis"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    broken.register()
    train_all(planned(), given.runs)


if __name__ == "__main__":
    main()
