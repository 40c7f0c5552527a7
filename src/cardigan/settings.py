"""A recipe's fields from the command line, from YAML files and from a run's record.

All three go through one parser, so they are checked alike: plain values only, never code.
"""

import json
import os
import re
from argparse import ArgumentError
from collections.abc import Iterator, Sequence
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

from .errors import UserError, did_you_mean
from .recipe import Recipe, flatten, groups
from .recipes import RECIPES

set_parsing_settings(docstring_parse_attribute_docstrings=True)

FAULTS = (
    ArgumentError, TypeError, ValueError, OverflowError, RecursionError, OSError, yaml.YAMLError,
)  # fmt: skip


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


def read(parser: ArgumentParser, argv: Sequence[str]) -> Any:
    """Parses options; everything that is wrong with them is told in one line."""
    try:
        return parser.parse_args(list(argv))
    except FAULTS as error:
        problems = list(dict.fromkeys(_problems(parser, argv))) or [str(error)]
        shown = [clean(p) for p in problems[:8]] + ["..."] * (len(problems) > 8)
        raise UserError(f"{'; '.join(shown)}: `{parser.prog} --help` lists every option") from None


def build(recipe: Recipe, parser: ArgumentParser, parsed: Any) -> Recipe:
    """The recipe with the parsed fields, checked."""
    for name in groups(type(recipe)):
        if not isinstance(parsed[name], Namespace):
            option = f"{name}.{next(iter(asdict(recipe)[name]))}"
            raise UserError(f"{name} holds options such as {option}, got {parsed[name]!r}")
    made = parser.instantiate(parsed)
    names = asdict(recipe)
    return type(recipe)(**{name: made[name] for name in names}).checked()


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
        return name, build(recipe, parser, parser.parse_object(fields, defaults=True))
    except FAULTS as error:
        raise UserError(f"{where} does not fit the recipe {name}: {clean(str(error))}") from None


def clean(message: str) -> str:
    """One line without what a terminal would obey, in a user's words."""
    line = " ".join(message.split())
    line = re.sub(r"Expected a <class '(\w+)'>", r"expected a value of type \1", line)
    line = re.sub(r"Expected a typing\.Literal(\[.*?\])", r"expected one of \1", line)
    line = re.sub(r'Parser key "([^"]*)":', r"\1:", line).replace(". Got value:", ", got")
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= 300 else f"{line[:297]}..."


def _problems(parser: ArgumentParser, argv: Sequence[str]) -> Iterator[str]:
    """Each option by itself, so that all that is wrong comes at once and not the first only."""
    known = [option for action in parser._actions for option in action.option_strings]
    before = list(takewhile(lambda word: not word.startswith("--"), argv))
    for pair in _pairs(argv[len(before) :]):
        try:
            parser.parse_args([*before, *pair])
        except FAULTS as error:
            unknown = pair[0].partition("=")[0]
            hint = did_you_mean(unknown, known) if unknown not in known else ""
            yield f"{error}{hint}"


def _pairs(argv: Sequence[str]) -> list[list[str]]:
    """Options with their values; a config file becomes its own lines as options."""
    pairs: list[list[str]] = []
    for word in argv:
        if word.startswith("--"):
            pairs.append([word])
        else:
            pairs[-1].append(word)
    return [line for pair in pairs for line in _lines(pair)]


def _lines(pair: list[str]) -> list[list[str]]:
    match pair:
        case ["--config", file] if os.path.isfile(file):
            try:
                tree = strict_yaml(Path(file).read_text())
                return [[f"--{key}={value}"] for key, value in flatten(tree).items()]
            except (*FAULTS, AttributeError):
                return [pair]
    return [pair]


class _Strict(yaml.SafeLoader):
    """Plain values, no key twice, and no aliases, which let a line stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("options are plain values, without aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"the key {key!r} stands there twice")
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-4 for a word; this is what people mean by it.
_Strict.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def strict_yaml(text: str) -> Any:
    """A YAML document of plain values."""
    return yaml.load(text, Loader=_Strict)  # noqa: S506  # a safe loader by inheritance


set_loader("yaml", strict_yaml, exceptions=(yaml.YAMLError, ValueError))
