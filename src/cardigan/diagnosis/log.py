"""The log of a run as a table of numbers."""

import json
from collections.abc import Iterable, Mapping
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import reading

REAL, FAKE = "real", "fake"  # mean logits
LOSS = "discriminator"
GRADIENT = "generator/gradient"  # its norm
LARGEST = 1e300  # that sums of a few do not overflow

Line = Mapping[str, Any]


class Log(NamedTuple):
    """L lines of log.jsonl, at rising clocks."""

    seen: Tensor  # int64 [L]
    columns: dict[str, Tensor]  # float64 [L] each; NaN where a line tells nothing finite
    broken: Tensor  # bool [L], whether a line tells something that is not finite

    def column(self, name: str) -> Tensor:
        """Numbers by name, all NaN if none was ever told: float64 [L]."""
        return self.columns.get(name, torch.full((len(self.seen),), nan, dtype=torch.float64))

    def tells(self, *names: str) -> bool:
        """Whether each of these was ever told."""
        return self.columns.keys() >= {*names}

    def until(self, seen: int) -> "Log":
        """The lines up to a clock."""
        kept = self.seen <= seen
        columns = {name: column[kept] for name, column in self.columns.items()}
        return Log(self.seen[kept], columns, self.broken[kept])


def read(path: Path) -> Log:
    """Reads log.jsonl; lines that are cut off or damaged are passed over, as if never written."""
    return table(line for line in map(_parsed, reading.lines(path)) if line)


def table(lines: Iterable[Line]) -> Log:
    """Lines with `seen` and numbers as a table; of two lines at one clock the later counts."""
    by_clock = {line["seen"]: line for line in sorted(lines, key=lambda line: line["seen"])}
    rows = list(by_clock.values())
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_finite(row.get(name)) for row in rows] for name in names}
    broken = [any(isinstance(v, float) and not abs(v) < LARGEST for v in r.values()) for r in rows]
    return Log(
        torch.tensor(list(by_clock), dtype=torch.int64),
        {name: torch.tensor(column, dtype=torch.float64) for name, column in columns.items()},
        torch.tensor(broken, dtype=torch.bool),
    )


def _parsed(text: bytes) -> Line:
    try:
        line = json.loads(text)
        seen = line["seen"]
        return line if isinstance(seen, int) and 0 <= seen < 2**63 else {}
    except (ValueError, TypeError, LookupError, RecursionError):
        return {}


def _finite(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < LARGEST else nan
