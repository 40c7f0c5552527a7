"""What a linter does not know: the habits that keep the code of one piece."""

import ast
from pathlib import Path

import pytest

import cardigan

HOUSE = Path(cardigan.__file__).parent
FILES = {str(p.relative_to(HOUSE)): ast.parse(p.read_text()) for p in sorted(HOUSE.rglob("*.py"))}

# Where strings are what others wrote or named, not kinds of our own: why.
ALLOWED_FILES = {
    "data/archive.py": "names inside an archive",
    "data/formats.py": "endings of files",
    "data/images.py": "endings of files, and Pillow's names of modes",
    "data/labels.py": "paths inside an archive or a folder",
    "data/published.py": "endings of files",
}
ALLOWED = {
    ("checkpoint.py", "path.suffix == '.safetensors'"): "the ending of a file",
    ("data/stream.py", "device.type == 'cuda'"): "torch's names of devices",
    ("distributed.py", "{'RANK', 'WORLD_SIZE'} <= os.environ.keys()"): "whether these are set",
    ("run.py", "'\\x00' in str(path)"): "what no path may hold",
    ("settings.py", "'--config'"): "an option of the command line",
}

# Torch takes seconds: what help and lists need imports it inside functions.
LATE = ["__init__.py", "__main__.py", "commands/*.py", "recipes/*.py"]

# What stands below imports nothing that stands above.
BELOW = {
    "nets/*.py": [
        "game",
        "games",
        "train",
        "hooks",
        "run",
        "recipe",
        "recipes",
        "data",
        "metrics",
    ],
    "losses.py": ["game", "games", "nets", "train", "recipe", "recipes", "data"],
    "penalties.py": ["games", "nets", "train", "recipe", "recipes", "data"],
    "game.py": ["games", "nets", "train", "hooks", "run", "recipe", "recipes", "data", "metrics"],
    "games/*.py": ["train", "hooks", "run", "recipe", "recipes", "nets", "metrics"],
    "metrics/*.py": ["game", "games", "nets", "train", "hooks", "run", "recipe", "recipes"],
    "data/*.py": [
        "game",
        "games",
        "nets",
        "train",
        "hooks",
        "run",
        "recipe",
        "recipes",
        "metrics",
    ],
    "train.py": ["games", "nets", "hooks", "run", "recipe", "recipes", "metrics", "commands"],
    "report.py": ["game", "games", "nets", "train", "run", "recipes", "metrics"],
    "*.py": ["commands"],
    "*/*.py": ["__main__"],
}


def matching(*patterns):
    return [name for name in FILES if any(_matches(name, pattern) for pattern in patterns)]


def _matches(name, pattern):
    return Path(name).match(pattern) and name.count("/") == pattern.count("/")


def comparisons_with_strings(tree):
    """Every ==, !=, in, and case, against a string or a collection of strings written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchValue) and _is_string(node.value):
            yield node, ast.unparse(node)
        if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Is | ast.IsNot):
            sides = [node.left, *node.comparators]
            held = [e for s in sides for e in (s.elts if isinstance(s, ast.Tuple | ast.List | ast.Set) else [s])]  # fmt: skip  # noqa: E501
            if any(map(_is_string, held)):
                yield node, ast.unparse(node)


def _is_string(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def imports(body, name):
    """Absolute names of the modules, and of what is taken from them, that statements import."""
    package = ["cardigan", *Path(name).parent.parts]
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _under(module, names):
    return any(module == n or module.startswith(f"{n}.") for n in names)


@pytest.mark.parametrize(
    "name", [n for n in FILES if n not in matching("__main__.py", "commands/*.py")]
)
def test_nothing_varies_by_comparison_with_a_string(name):
    found = [
        f"{name}:{node.lineno}: {text}"
        for node, text in comparisons_with_strings(FILES[name])
        if (name, text) not in ALLOWED and name not in ALLOWED_FILES
    ]
    assert not found


def test_the_list_of_what_is_allowed_is_no_longer_than_needed():
    found = {(n, text) for n, tree in FILES.items() for _, text in comparisons_with_strings(tree)}
    assert not ALLOWED.keys() - found
    assert not ALLOWED_FILES.keys() - {name for name, _ in found}


@pytest.mark.parametrize("name", matching(*LATE))
def test_torch_is_imported_late(name):
    top = [m for m in imports(FILES[name].body, name) if _under(m, ["torch", "torchmetrics"])]
    assert not top


def test_the_command_line_answers_without_torch():
    """Not by the text alone: what the early modules import must not import torch either."""
    import subprocess
    import sys

    early = ["cardigan", *(f"cardigan.{n[:-3].replace('/', '.')}" for n in matching(*LATE) if "__" not in n)]  # fmt: skip  # noqa: E501
    code = f"import sys, importlib; [importlib.import_module(m) for m in {early}]; print('torch' in sys.modules)"  # fmt: skip  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("pattern", "above"), BELOW.items())
def test_arrows_point_downwards(pattern, above):
    forbidden = [f"cardigan.{module}" for module in above]
    found = [
        f"{name} imports {module}"
        for name in matching(pattern)
        for module in imports(ast.walk(FILES[name]), name)
        if _under(module, forbidden) and not name.startswith("__main__")
    ]
    assert not found


@pytest.mark.parametrize("name", FILES)
def test_nobody_asks_what_an_object_happens_to_have(name):
    calls = (n for n in ast.walk(FILES[name]) if isinstance(n, ast.Call))
    assert not [c.lineno for c in calls if ast.unparse(c.func) == "hasattr"]


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("x == 'a'", 1),
        ("'a' != x", 1),
        ("x in ('a', 'b')", 1),
        ("match x:\n case 'a': pass", 1),
        ("x is None", 0),
        ("x == 1", 0),
        ("table['a']", 0),
    ],
)
def test_the_search_for_comparisons_finds_them(code, count):
    assert len(list(comparisons_with_strings(ast.parse(code)))) == count


@pytest.mark.parametrize(
    ("code", "name", "module"),
    [
        ("import torch.nn", "recipes/gan.py", "torch.nn"),
        ("from ..game import Game", "games/gan.py", "cardigan.game"),
        ("from .. import train", "games/gan.py", "cardigan.train"),
        ("from . import train", "game.py", "cardigan.train"),
    ],
)
def test_the_search_for_imports_finds_them(code, name, module):
    assert module in list(imports(ast.parse(code).body, name))
