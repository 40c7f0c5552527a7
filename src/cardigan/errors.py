"""What a user did wrong, told in one line."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake that a user can mend. Its text says what was expected, what came, what to do.

    The command line prints it as `cardigan: error: ...` and exits with status 2.
    """


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """` (did you mean NAME?)`, or nothing if no choice is near."""
    near = get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""


def option_meant(word: str, options: Iterable[str]) -> str:
    """The same of `--group.name`: dashes do not count, and the group may be left out."""
    whole = {option.lstrip("-"): option for option in options}
    names = {name.rpartition(".")[2]: option for name, option in whole.items()} | whole
    near = get_close_matches(word.lstrip("-"), list(names), n=1, cutoff=0.6)
    return f" (did you mean {names[near[0]]}?)" if near else ""


def printable(name: str, longest: int = 160) -> str:
    """Words that others chose, as one line without control codes and direction marks.

    What is escaped is written as Python would, `\\n`; the middle of what is long is left out.
    """
    half = longest // 2
    if len(name) > longest:
        name = f"{name[:half]}...{name[-half:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
