"""Puts claims to the test, each to its page: all of them, or those that are named.

    python -m benchmarks.claims [ID ...] [--processes 1] [--out docs/claims] [--work runs/claims]

What was measured is kept in `--work`, a file a seed: a run that was cut off goes on from there.
CARDIGAN_DEVICE=cuda trains games on images on a GPU, which many processes can share.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .frame import settle
from .names import NAMES, find, measure
from .spread import spread


def index(out: Path) -> str:
    """A line a claim, with what its page says."""
    lines = ["# Claims, put to the test\n"]
    for name in NAMES:
        page, says = out / f"{name}.md", find(name).says
        if page.exists():
            verdict = page.read_text().split("**")[1].lower()
            lines.append(f"- [{name}]({name}.md): {says} **{verdict}**")
        else:
            lines.append(f"- {name}: {says} not run yet")
    how = (
        "Verdicts hold at the scale of these experiments. `python -m benchmarks.claims` runs all."
    )
    return "\n".join([*lines, "", how, ""])


def in_parts(names: Sequence[str], work: Path, processes: int) -> None:
    """All seeds of all claims, as many at a time as there are processes."""
    jobs = [(name, seed, work) for name in names for seed in find(name).seeds]
    for (name, seed, _), failed in spread(measure, jobs, processes):
        print(f"{name}, seed {seed}: {failed or 'measured'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip  # noqa: E501
    parser.add_argument("names", nargs="*", metavar="ID", help=", ".join(NAMES))
    parser.add_argument("--processes", type=int, default=1, help="seeds measured side by side")
    parser.add_argument("--out", type=Path, default=Path("docs/claims"))
    parser.add_argument("--work", type=Path, default=Path("runs/claims"))
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"no claim is called {unknown[0]}: choose from {', '.join(NAMES)}")
    names = given.names or NAMES
    if given.processes > 1:
        in_parts(names, given.work, given.processes)
    for name in names:
        verdict = settle(name, find(name), given.work, given.out)
        print(f"{name}: {verdict.words}: {verdict.why}", flush=True)
        (given.out / "README.md").write_text(index(given.out))


if __name__ == "__main__":
    main()
