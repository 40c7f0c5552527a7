"""Generative adversarial networks: trained, measured, explored and resumed in one way.

The names below are imported on first use, so that `import cardigan` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .game import Game, Move, Player
    from .recipe import Recipe, Training
    from .recipes import RECIPES
    from .run import Run, load

__version__ = "0.1.0"

_HOMES = {
    "Game": "game", "Move": "game", "Player": "game",
    "Recipe": "recipe", "Training": "recipe", "RECIPES": "recipes",
    "Run": "run", "load": "run",
}  # fmt: skip

__all__ = ["RECIPES", "Game", "Move", "Player", "Recipe", "Run", "Training", "load"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cardigan' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
