"""From a function to a command: its parameters are the options, its docstring the help."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import get_origin

from jsonargparse import ArgumentParser

from .. import settings


def call(function: Callable[..., None], argv: Sequence[str], prog: str) -> None:
    """Calls `function` with arguments read from the command line.

    Parameters without a default are positional; `-x` stands for `--x`.
    """
    parser = ArgumentParser(prog=prog, exit_on_error=False, allow_abbrev=False)
    parser.add_function_arguments(function, as_positional=True)
    words = [f"-{word}" if re.fullmatch(r"-[a-z]", word) else word for word in argv]
    parsed = settings.read(parser, _gathered(function, words))
    function(**vars(parser.instantiate(parsed)))


def _gathered(function: Callable[..., None], words: Sequence[str]) -> list[str]:
    """Spells out what people leave away: `--json` is `true`, `--metrics a b` is `[a, b]`."""
    kinds = {f"--{p.name}": p.annotation for p in inspect.signature(function).parameters.values()}
    gathered: list[str] = []
    items: list[str] | None = None
    for word in words:
        if items is not None and not word.startswith("-"):
            items.append(word)
            gathered[-1] = f"[{', '.join(items)}]"
            continue
        items = [] if get_origin(kinds.get(word)) is list else None
        gathered += [word, "[]"] if items is not None else [word]
        if kinds.get(word) is bool:
            gathered[-1] = f"{word}=true"
    return gathered
