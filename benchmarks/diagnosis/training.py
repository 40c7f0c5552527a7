"""Trains the runs, one after the other; what is done is not done again."""

import json
import time
from dataclasses import asdict
from pathlib import Path

from cardigan.errors import UserError
from cardigan.session import play

from .runs import Planned, folder_of

DONE = "trained.json"


def train_all(runs: list[Planned], root: Path) -> None:
    for i, run in enumerate(runs, 1):
        path = folder_of(run, root)
        if not (path / DONE).exists():
            begun = time.process_time()
            outcome = train(run, path)
            seconds = time.process_time() - begun
            record = {**run._asdict(), "outcome": outcome, "seconds": round(seconds, 1)}
            (path / DONE).write_text(json.dumps(record, indent=1))
            print(
                f"{i}/{len(runs)} {run.split}: {run.name}: {outcome}, {seconds:.0f} s", flush=True
            )


def train(run: Planned, path: Path) -> str:
    """One run; a run that diverges so far that the trainer stops it has failed as it should."""
    recipe = run.made()
    assert asdict(recipe)
    try:
        play(run.recipe, recipe, path)
    except UserError as error:
        path.mkdir(parents=True, exist_ok=True)
        return f"stopped: {error}"
    return "finished"
