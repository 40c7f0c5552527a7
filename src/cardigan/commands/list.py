"""`cardigan list`: every recipe."""

import json as to_text
from collections.abc import Mapping
from dataclasses import asdict
from shutil import get_terminal_size
from textwrap import fill

from ..recipe import Recipe, flatten


def list(json: bool = False) -> None:  # noqa: A001  # the command's name
    """Shows every recipe by what it is of: its paper, what it can do, and what it sets otherwise.

    Args:
        json: Print JSON, with every field and its default.
    """
    from ..recipes import RECIPES

    if json:
        rows = {
            name: {
                "summary": (type(r).__doc__ or "").strip(),
                "paper": r.paper,
                "can": [*r.can],
                "fields": asdict(r),
            }
            for name, r in RECIPES.items()
        }
        print(to_text.dumps(rows, indent=2))
        return

    width, longest = get_terminal_size().columns, max(map(len, RECIPES))
    for kind, presets in _by_kind(RECIPES).items():
        print(fill((kind.__doc__ or "").strip(), width))
        print(fill(f"{kind.paper}; can {', '.join(kind.can)}", width))
        for name, recipe in presets.items():
            first = f"  {name:<{longest}}  "
            later = " " * len(first)
            print(fill(first + _differs(recipe), width, subsequent_indent=later,
                       break_on_hyphens=False))  # fmt: skip
        print()
    print("cardigan train RECIPE --help shows what can be set.")


def _by_kind(recipes: Mapping[str, Recipe]) -> dict[type[Recipe], dict[str, Recipe]]:
    """Presets by the class that describes them, in the order of the first of each."""
    kinds: dict[type[Recipe], dict[str, Recipe]] = {}
    for name, recipe in recipes.items():
        kinds.setdefault(type(recipe), {})[name] = recipe
    return kinds


def _differs(recipe: Recipe) -> str:
    """What is set otherwise than by the class, apart from how long and how often."""
    own, usual = (flatten(asdict(r)) for r in (recipe, type(recipe)()))
    differs = {key: value for key, value in own.items() if value != usual[key]}
    return " ".join(f"{k}={v}" for k, v in differs.items() if not k.startswith("training."))
