"""A recipe's fields from the command line, from YAML files and from a run's record.

All three go through one parser, so they are checked alike: plain values only, never code.
"""

import json
import os
import re
from argparse import ArgumentError
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import (
    ActionConfigFile,
    ArgumentParser,
    Namespace,
    set_loader,
    set_parsing_settings,
)

from . import reading
from .errors import UserError, did_you_mean, option_meant, printable
from .recipe import Recipe, flatten, groups
from .recipes import RECIPES

set_parsing_settings(docstring_parse_attribute_docstrings=True)

FAULTS = (
    ArgumentError, TypeError, ValueError, OverflowError, RecursionError, OSError, yaml.YAMLError,
)  # fmt: skip
MOST = 20  # faults in one line


def find(name: str) -> Recipe:
    """The recipe of that name."""
    try:
        return RECIPES[name]
    except KeyError:
        raise UserError(
            f"no recipe is called {name!r}{did_you_mean(name, RECIPES)}: "
            "`cardigan list` shows them all"
        ) from None


def parser_of(recipe: Recipe, prog: str) -> ArgumentParser:
    """A parser whose options are the recipe's fields; their values are the defaults."""
    about = {"prog": prog, "description": type(recipe).__doc__}
    parser = ArgumentParser(**about, exit_on_error=False, allow_abbrev=False)
    parser.add_class_arguments(type(recipe))
    parser.set_defaults(flatten(asdict(recipe)))
    return parser


def add_files(parser: ArgumentParser) -> None:
    """Lets options come from YAML files as well."""
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file; flags win over it.")


def read(
    parser: ArgumentParser,
    argv: Sequence[str],
    faults: Callable[[Any], Iterable[str]] = lambda parsed: (),
) -> Any:
    """Parses options; everything that is wrong with them is told in one line.

    Arguments:
        faults: What does not fit of options that are well formed, a phrase each. If some are not,
            it is asked about the others.
    """
    _check_files(argv)
    problems, parsed = [], None
    try:
        parsed = parser.parse_args(list(argv))
    except FAULTS as error:
        problems, good = _sifted(parser, argv)
        problems = problems or [str(error)]
        with suppress(*FAULTS):
            parsed = parser.parse_args(good)
    usage = f": `{parser.prog} --help` lists every option" * bool(problems)
    problems = [clean(problem) for problem in problems]
    problems += [] if parsed is None else faults(parsed)
    if problems:
        told = list(dict.fromkeys(problems))
        shown = [*told[:MOST], *["..."] * (len(told) > MOST)]
        raise UserError(f"{'; '.join(shown)}{usage}")
    return parsed


def build(recipe: Recipe, parser: ArgumentParser, parsed: Any) -> Recipe:
    """The recipe with the parsed fields, not yet checked."""
    for name in groups(type(recipe)):
        if not isinstance(parsed[name], Namespace):
            option = f"{name}.{next(iter(asdict(recipe)[name]))}"
            raise UserError(f"{name} holds options such as {option}, got {parsed[name]!r}")
    made = parser.instantiate(parsed)
    names = asdict(recipe)
    return type(recipe)(**{name: made[name] for name in names})


@lru_cache(maxsize=8)  # a parser takes tens of milliseconds to make
def from_json(text: str | bytes, where: str) -> tuple[str, Recipe]:
    """A recipe's name and the recipe, from a run's record."""
    try:
        record = json.loads(text)
        name, fields = record["recipe"], record["fields"]
        assert isinstance(name, str) and isinstance(fields, dict)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        raise UserError(
            f"{where} is not the record of a run: expected a recipe and its fields"
        ) from None
    recipe = find(name)
    parser = parser_of(recipe, f"cardigan train {name}")
    try:
        parsed = parser.parse_object(fields, defaults=True)
        return name, build(recipe, parser, parsed).checked()
    except FAULTS as error:
        raise UserError(f"{where} does not fit the recipe {name}: {clean(str(error))}") from None


def clean(message: str) -> str:
    """One line without what a terminal would obey, in a user's words."""
    line = " ".join(message.split())
    line = re.sub(r"Does not validate .*?(Expected a <class '\w+'>).* value: ", r"\1, got ", line)
    line = re.sub(r"Expected a <class '(\w+)'>", r"expected a value of type \1", line)
    line = re.sub(r"Expected a typing\.Literal(\[.*?\])", r"expected one of \1", line)
    line = re.sub(r'Parser key "([^"]*)":', r"\1:", line).replace(". Got value:", ", got")
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= 300 else f"{line[:297]}..."


def _sifted(parser: ArgumentParser, argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is wrong with each option by itself, and the words that nothing is wrong with."""
    known = [option for action in parser._actions for option in action.option_strings]
    before = list(takewhile(lambda word: not word.startswith("--"), argv))
    problems, good = [], before
    for pair in _pairs(argv[len(before) :]):
        try:
            parser.parse_args([*before, *pair])
            good = [*good, *pair]
        except FAULTS as error:
            unknown = pair[0].partition("=")[0]
            hint = option_meant(unknown, known) if unknown not in known else ""
            problems.append(f"{error}{hint}")
    return problems, good


def _check_files(argv: Sequence[str]) -> None:
    """Refuses files of options that are none, before anybody reads them."""
    first = next((i for i, word in enumerate(argv) if word.startswith("--")), len(argv))
    for file in filter(os.path.exists, map(_file, _grouped(argv[first:]))):
        try:
            reading.content(Path(file), reading.TEXT)
        except OSError as error:
            raise UserError(
                f"expected --config to be a file of options, got {printable(file)!r}: "
                f"{error.strerror or error}"
            ) from None


def _pairs(argv: Sequence[str]) -> list[list[str]]:
    """Options with their values; a config file becomes its own lines as options."""
    return [line for pair in _grouped(argv) for line in _lines(pair)]


def _grouped(argv: Sequence[str]) -> list[list[str]]:
    pairs: list[list[str]] = []
    for word in argv:
        if word.startswith("--"):
            pairs.append([word])
        else:
            pairs[-1].append(word)
    return pairs


def _file(pair: list[str]) -> str:
    """The file of options that an option names; empty for all other options."""
    match pair:
        case ["--config", file]:
            return file
        case [word] if word.startswith("--config="):
            return word.removeprefix("--config=")
    return ""


def _lines(pair: list[str]) -> list[list[str]]:
    if not os.path.isfile(file := _file(pair)):
        return [pair]
    try:
        tree = strict_yaml(reading.content(Path(file), reading.TEXT).decode())
        return [[f"--{key}={value}"] for key, value in flatten(tree).items()]
    except (*FAULTS, AttributeError):
        return [pair]


class _Strict(yaml.SafeLoader):
    """Plain values, no key twice, and no aliases, which let a line stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("options are plain values, without aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, times in Counter(map(repr, keys)).items():
            if times > 1:
                raise ValueError(f"the key {key} stands there twice")
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-4 for a word; this is what people mean by it.
_Strict.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def strict_yaml(text: str) -> Any:
    """A YAML document of plain values."""
    if len(text) > reading.TEXT:
        raise ValueError(f"options take at most {reading.TEXT:,} letters")
    return yaml.load(text, Loader=_Strict)  # noqa: S506  # a safe loader by inheritance


set_loader("yaml", strict_yaml, exceptions=(yaml.YAMLError, ValueError))
