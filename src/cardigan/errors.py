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
    """The same of `--group.name`: dashes do not count, and the group may be left out or wrong."""
    whole = {option.lstrip("-"): option for option in options}
    names = whole | {name.rpartition(".")[2]: option for name, option in sorted(whole.items())}
    word = word.lstrip("-")
    leaf = word.rpartition(".")[2]
    if leaf not in names:  # few miss the first letter; two names in a group are half alike anyhow
        alike = [name for name in names if name[:1] == word[:1]]
        leaf = "".join(get_close_matches(word, alike, n=1, cutoff=0.6 if leaf == word else 0.8))
    return f" (did you mean {names[leaf]}?)" if leaf else ""


def printable(name: str, longest: int = 160) -> str:
    """Words that others chose, as one line without control codes and direction marks.

    What is escaped is written as Python would, `\\n`; the middle of what is long is left out.
    """
    half = longest // 2
    if len(name) > longest:
        name = f"{name[:half]}...{name[-half:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
