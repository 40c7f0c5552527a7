"""Puts claims to the test, each to its page: all of them, or those that are named.

    python -m benchmarks.claims [ID ...] [--out docs/claims] [--work runs/claims]

What was measured is kept in `--work`, a file a seed: a run that was cut off goes on from there.
"""

import argparse
from importlib import import_module
from pathlib import Path

from .frame import Claim, settle

HERE = Path(__file__).parent
SHARED = ("few", "frame", "models", "points", "rates")
NAMES = sorted(
    path.stem.replace("_", "-") for path in HERE.glob("[a-z]*.py") if path.stem not in SHARED
)


def find(name: str) -> Claim:
    return import_module(f"{__package__}.{name.replace('-', '_')}").CLAIM


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip  # noqa: E501
    parser.add_argument("names", nargs="*", metavar="ID", help=", ".join(NAMES))
    parser.add_argument("--out", type=Path, default=Path("docs/claims"))
    parser.add_argument("--work", type=Path, default=Path("runs/claims"))
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in NAMES]
    if unknown:
        parser.error(f"no claim is called {unknown[0]}: choose from {', '.join(NAMES)}")
    for name in given.names or NAMES:
        verdict = settle(name, find(name), given.work, given.out)
        print(f"{name}: {verdict.words}: {verdict.why}", flush=True)
        (given.out / "README.md").write_text(index(given.out))


if __name__ == "__main__":
    main()
