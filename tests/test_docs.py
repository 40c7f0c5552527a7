"""What the documents show works as they show it."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from cardigan import settings
from cardigan.__main__ import COMMANDS
from cardigan.commands import arguments, data, train
from cardigan.games import clip
from cardigan.recipes import RECIPES

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_worked_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loss, play, _, turns = blocks(ROOT / "docs" / "adding-a-method.md", "python")
    scope: dict = {}
    exec("from cardigan.losses import AdversarialLoss\n" + loss + turns, scope)
    assert "until=100_000" in play and "width=32" in play
    play = play.replace("until=100_000", "until=128").replace("width=32", "width=2")
    views: list = []
    scope |= {"clip": clip(0.01), "seen": lambda x, images: views.append(x) or x}
    for change in ("", "turns=eager, constraint=clip, view=seen"):
        exec(play.replace("loss=LEAST_SQUARES,", f"loss=LEAST_SQUARES, {change}"), scope)
        assert scope["game"].rounds == 2
    weights = list(scope["game"].discriminator.net.parameters())
    assert max(weight.abs().max() for weight in weights) <= 0.01
    assert len(views) == 2 * (2 + 2), "reals and fakes of a move, and the fakes of two"
    assert (tmp_path / "least-squares.png").stat().st_size > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert not [t for t in targets if not (page.parent / t).exists()]


def test_the_readme_leads_to_every_recipe_and_its_page():
    readme = (ROOT / "README.md").read_text()
    table = re.findall(r"^\| \[?`.*?\|", readme, re.MULTILINE)
    named = set(re.findall(r"`([\w-]+)`", "\n".join(table)))
    endings = {row: re.findall(r"each with `(-\w+)`", row) for row in table}
    for row, ends in endings.items():
        named |= {f"{name}{end}" for name in re.findall(r"`(\w[\w-]*)`", row) for end in ends}
    assert set(RECIPES) <= named
    pages = {f"docs/recipes/{page.name}" for page in ROOT.glob("docs/recipes/*.md")}
    assert pages <= set(re.findall(r"\]\(([^)#]+)", readme))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_and_recipes_exist(page):
    shown = re.findall(r"cardigan (\w+)(?: ([\w-]+))?", "\n".join(blocks(page, "sh")))
    for command, word in shown:
        assert command in COMMANDS
        assert command != "train" or word in {*RECIPES, "lsgan"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_options_exist(page):
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    for line in lines:
        _, found, words = line.partition("cardigan ")
        command, *words = shlex.split(words, comments=True) if found else [""]
        read(command, [re.sub(r"\[.*", "", word) for word in words])


def read(command: str, words: list[str]) -> None:
    """Reads the options of a line as the command would, and does nothing."""
    if command == "train":
        recipe = RECIPES[words[0].replace("lsgan", "dcgan")]
        settings.read(train._parser("dcgan", recipe), words[1:])
    elif command == "data":
        arguments.read(data.COMMANDS[words[0]], words[1:], "cardigan data")
    elif command:
        function = getattr(import_module(f"cardigan.commands.{command}"), command)
        arguments.read(function, words, f"cardigan {command}")


def test_every_recipe_has_a_page():
    text = "".join(p.read_text() for p in ROOT.glob("docs/recipes/*.md"))
    assert not [name for name in RECIPES if not re.search(rf"\b{name}\b", text)]
