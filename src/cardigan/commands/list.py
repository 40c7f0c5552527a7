"""`cardigan list`: every recipe."""

import json as to_text
from dataclasses import asdict


def list(json: bool = False) -> None:  # noqa: A001  # the command's name
    """Shows every recipe, its paper and what it can do.

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

    from rich.console import Console
    from rich.table import Column, Table

    names = Column("recipe", min_width=max(map(len, RECIPES)))
    table = Table(names, "what it is", "paper", "can", box=None, pad_edge=False)
    for name, recipe in RECIPES.items():
        table.add_row(
            name, (type(recipe).__doc__ or "").strip(), recipe.paper, ", ".join(recipe.can)
        )
    Console().print(table)
    print("\ncardigan train RECIPE --help shows what can be set.")
