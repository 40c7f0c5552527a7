"""From a function to a command: its parameters are the options, its docstring the help."""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from jsonargparse import ArgumentParser

from .. import durable, settings
from ..errors import UserError, printable


def call(function: Callable[..., None], argv: Sequence[str], prog: str) -> None:
    """Calls `function` with arguments read from the command line."""
    function(**read(function, argv, prog))


def read(function: Callable[..., None], argv: Sequence[str], prog: str) -> dict[str, Any]:
    """The arguments of `function` by name, from the command line.

    Parameters without a default are positional; `-x` stands for `--x`.
    """
    parser = ArgumentParser(prog=prog, exit_on_error=False, allow_abbrev=False)
    parser.add_function_arguments(function, as_positional=True)
    words = [f"-{word}" if re.fullmatch(r"-[a-z]", word) else word for word in argv]
    parsed = settings.read(parser, _gathered(function, words))
    # Not `vars`: a namespace marks names that its own methods have, such as `values`.
    return parser.instantiate(parsed).as_dict()


def place(out: str, ending: str) -> Path:
    """The file to write, if it can be: not after minutes of work is the time to find out.

    Raises:
        UserError: It cannot, or has another ending.
    """
    path = Path(out)
    if path.suffix != ending:
        article = {".html": "an"}.get(ending, "a")
        raise UserError(
            f"expected --out to be {article} {ending}, got {printable(out)!r}: give it that ending"
        )
    durable.check(path)
    return path


def place_or_folder(out: str, *endings: str) -> Path:
    """The file to write, or a new or empty folder for a picture each: no picture is written over.

    Raises:
        UserError: It cannot be written, has another ending, or is a folder that holds something.
    """
    path = Path(out)
    if path.suffix not in (*endings, ""):
        kinds = ", ".join(f"a {ending}" for ending in endings)
        raise UserError(f"expected --out to be {kinds} or a folder, got {printable(out)!r}")
    durable.check(path if path.suffix else path / "000000.png")
    if not path.suffix and path.is_dir() and not _empty(path):
        raise UserError(
            f"{printable(out)} holds files already: choose an empty or new folder with --out"
        )
    return path


def _empty(folder: Path) -> bool:
    """Whether nothing lies in a folder, as far as anybody may look."""
    try:
        return not any(folder.iterdir())
    except OSError:
        return False


def check(device: str, features: str = "", metrics: Sequence[str] = ()) -> None:
    """Refuses what does not exist before anything is loaded.

    Raises:
        UserError: It names what there is.
    """
    from .. import device as devices
    from ..metrics.measure import known
    from ..metrics.networks import maker

    devices.pick(device)
    maker(features)
    known(metrics)


def _gathered(function: Callable[..., None], words: Sequence[str]) -> list[str]:
    """Spells out what people leave away: `--json` is `true`, `--metrics a b` is `["a", "b"]`.

    Words that no option takes come first; where the last positional is a list, it takes the rest.
    """
    parameters = inspect.signature(function).parameters.values()
    kinds = {f"--{p.name}": p.annotation for p in parameters}
    loose, *groups = _groups(words)
    options: list[str] = []
    for option, *values in groups:
        kind = kinds.get(option)
        if get_origin(kind) is list:
            options += [option, _listed(kind, values)]
        elif kind is bool:
            options.append(f"{option}=true")
            loose += values
        else:
            taken = 0 if "=" in option else 1
            options += [option, *values[:taken]]
            loose += values[taken:]
    positional = [p.annotation for p in parameters if p.default is p.empty]
    alone = len(positional) - 1
    if len(loose) > alone >= 0 and get_origin(positional[-1]) is list:
        loose = [*loose[:alone], _listed(positional[-1], loose[alone:])]
    return [*loose, *options]


def _groups(words: Sequence[str]) -> list[list[str]]:
    """What comes before the first option, then each option with what follows it."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            groups.append([])
        groups[-1].append(word)
    return groups


def _listed(kind: Any, words: Sequence[str]) -> str:
    """Words as a list in YAML; text is quoted, for names hold commas and look like numbers."""
    text = get_args(kind) == (str,)
    return f"[{', '.join(json.dumps(w, ensure_ascii=False) if text else w for w in words)}]"
