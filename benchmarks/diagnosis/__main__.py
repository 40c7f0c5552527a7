"""Does `cardigan diagnose` find what is wrong, and leave alone what is not?

    python -m benchmarks.diagnosis [--split calibration|test] [--runs runs/diagnosis]

Trains the runs of a split, 20 broken and 20 healthy, and prints the table of docs/diagnosis.md.
"""

import argparse
from pathlib import Path

import torch

from . import broken
from .judging import table
from .runs import planned
from .training import train_all


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/diagnosis"))
    parser.add_argument("--split", choices=("calibration", "test"), default="test")
    given = parser.parse_args()
    torch.set_num_threads(1)
    broken.register()
    runs = [run for run in planned() if run.split == given.split]
    train_all(runs, given.runs)
    for line in table(runs, given.runs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
