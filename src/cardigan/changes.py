"""A run that goes on otherwise than it began: what changed, and whether it may.

Harmless changes pass with a note. Others are refused, unless they are overridden; the run's record
keeps what was.
"""

import json
import os
from dataclasses import asdict
from typing import Any

from . import __version__, durable
from .errors import UserError
from .recipe import Recipe, flatten, is_harmless, to_json
from .run import Run


def permit(run: Run, name: str, recipe: Recipe, override: bool) -> None:
    """Refuses a folder that holds something else, or a run that was trained otherwise."""
    if run.chosen:
        raise UserError(
            f"{run.chosen} is a checkpoint: give --out {run.path} to go on from its newest one"
        )
    if run.exists:
        _allow(run, _of_recipe(run, name, recipe), override)
    elif os.path.isdir(run.path) and any(f.name != durable.LOCK for f in run.path.iterdir()):
        raise UserError(
            f"{run.path} holds files that are no run: choose an empty or new folder with --out"
        )


def permit_about(run: Run, old: dict[str, Any], new: dict[str, Any], override: bool) -> list[str]:
    """The same for the data and the machine, as two checkpoints tell of them.

    Returns what was overridden.
    """
    for key in sorted(new.keys() - {"data"}):
        if old.get(key) != new[key]:
            was = f"{key} was {old.get(key)}, is {new[key]}"
            durable.tell(f"note: {was}: the run is not bitwise the same")
    if old.get("data") == new["data"]:
        return []
    change = f"data: {str(old.get('data'))[:12]} -> {str(new['data'])[:12]}"
    _allow(run, {change: False}, override)
    return [change]


def record(run: Run, name: str, recipe: Recipe, overridden: list[str]) -> None:
    """Writes recipe.json, which keeps what was overridden, this time and before."""
    content = json.loads(to_json(name, recipe, __version__))
    if run.exists:
        refused = [c for c, harmless in _of_recipe(run, name, recipe).items() if not harmless]
        now = [*refused, *overridden]
        content["overrides"] = run.overrides + ([now] if now else [])
    durable.replace(run.record, json.dumps(content, indent=2).encode())


def _of_recipe(run: Run, name: str, recipe: Recipe) -> dict[str, bool]:
    """What differs from the run's record, as `name: old -> new`, and whether it is harmless."""
    if run.name != name:
        return {f"recipe: {run.name} -> {name}": False}
    before, now = flatten(asdict(run.recipe)), flatten(asdict(recipe))
    changes = {
        f"{key}: {before[key]} -> {now[key]}": is_harmless(type(recipe), key)
        for key in now
        if before[key] != now[key]
    }
    if run.version != __version__:
        changes[f"version: {run.version} -> {__version__}"] = False
    return changes


def _allow(run: Run, changes: dict[str, bool], override: bool) -> None:
    refused = [change for change, harmless in changes.items() if not harmless]
    if refused and not override:
        raise UserError(
            f"{run.path} was trained otherwise ({'; '.join(refused)}): choose another --out, or "
            "go on all the same with --override"
        )
    for change in changes:
        durable.tell(f"note: changed since the run began: {change}")
