"""What the diagnosis says of each run, as a table; what was diagnosed is not diagnosed again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cardigan.diagnosis import of_run

from .runs import Planned, folder_of

JUDGED = "diagnosed.json"
SAMPLES = 1000


def judged(run: Planned, root: Path) -> list[dict[str, Any]]:
    """Names of what was found in a run, and since when."""
    path = folder_of(run, root) / JUDGED
    if not path.exists():
        found = of_run(folder_of(run, root), SAMPLES).findings
        told = [{"name": f.name, "since": f.since, "numbers": f.numbers} for f in found]
        path.write_text(json.dumps(told, indent=1))
    return json.loads(path.read_text())


def table(runs: list[Planned], root: Path) -> Iterator[str]:
    """A line a run, and at the end how many faults were found and how many were made up."""
    yield "| run | trained as | found |\n|---|---|---|"
    found = alarms = 0
    for run in runs:
        names = [finding["name"] for finding in judged(run, root)]
        broken = bool(run.symptoms)
        found, alarms = found + (broken and bool(names)), alarms + (not broken and bool(names))
        kind = "**broken**: " if broken else "healthy: "
        fault = f"{run.recipe} {run.fault}".replace("|", "")
        yield f"| {kind}{run.name} | {fault} | {', '.join(names) or 'nothing'} |"
    count = sum(bool(run.symptoms) for run in runs)
    yield f"\n{found} of {count} broken runs found, {alarms} of {len(runs) - count} false alarms."
