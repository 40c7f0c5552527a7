"""Whatever a stranger put into a run's folder, a file of options or data: nothing of it runs."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from process_tools import (
    BATCH,
    TINY,
    cardigan,
    done,
    forbid,
    offline,
    one_line,
    pictures_in,
    tree,
)
from reliability import malice

from cardigan import checkpoint, tensorboard

EVENTS = (
    "exec", "compile", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen",
    "pty.spawn", "os.fork", "pickle.find_class", "marshal.loads", "shutil.unpack_archive",
)  # fmt: skip
COMMANDS = {
    "train": lambda run, data: (
        "train", "dcgan", *TINY, "--data", data, "--images", 3 * BATCH, "--out", run
    ),
    "sample": lambda run, data: ("sample", run, "-n", 2, "--out", run / "samples.png"),
    "evaluate": lambda run, data: ("evaluate", run, "-n", 4, "--json"),
    "compare": lambda run, data: (
        "compare", run, data, "-n", 4, "--metrics", "fid", "--out", run / "page.html"
    ),
    "curve": lambda run, data: (
        "curve", run, "truncation", "--values", 0.5, 1, "-n", 4, "--out", run / "curve.png"
    ),
    "neighbours": lambda run, data: ("neighbours", run, "-n", 4),
    "audit": lambda run, data: ("audit", run, "-n", 100, "--out", run / "audit.png"),
    "diagnose": lambda run, data: ("diagnose", run, "-n", 100),
    "interpolate": lambda run, data: ("interpolate", run, "--out", run / "way.gif"),
    "directions": lambda run, data: ("directions", run, "-k", 2, "--out", run / "ways.png"),
    "invert": lambda run, data: (
        "invert", run, data, "--steps", 2, "--starts", 1, "--out", run / "inversion.png"
    ),
}  # fmt: skip


def guarded() -> None:
    """Nothing is executed, and nothing asks for the network."""
    offline()
    tensorboard.writer = lambda *_: tensorboard._Nowhere()  # it compiles as it is imported
    forbid(*EVENTS)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    pictures_in(folder / "data")
    words = COMMANDS["train"](folder / "run", folder / "data")
    for images in (BATCH, 2 * BATCH):
        done(*words, "--images", images, folder=folder)
    return folder


@pytest.fixture
def run(healthy, tmp_path):
    return shutil.copytree(healthy / "run", tmp_path / "run")


def survives(command, run, healthy, tmp_path):
    """Runs a command over what is there: it works or it says in one line why not."""
    before = time.monotonic()
    words = COMMANDS[command](run, healthy / "data")
    ended = cardigan(*words, folder=tmp_path / "child", setup=guarded)
    assert ended.code in (0, 2), ended.err
    assert not (tmp_path / "canary").exists() and time.monotonic() - before < 60
    if ended.code:
        one_line(ended)
    assert "Traceback" not in ended.err
    assert (ended.err + ended.out).replace("\n", "").isprintable()
    assert {p.name for p in tmp_path.iterdir()} <= {"run", "child"}
    return ended


def a_few(canary: Path) -> dict[str, bytes]:
    """One of each kind of file: tests of checkpoints try them all."""
    files = malice.payloads(canary)
    kinds = ("pickle system, protocol 4", "torch.save exec", "TorchScript eval", "numpy system",
             "numpy archive exec", "YAML object/apply:os.system",
             "YAML in JSON object/apply:os.system", "Python")  # fmt: skip
    return {name: files[name] for name in kinds} | malice.texts()


READ = [("recipe.json", command) for command in COMMANDS]
READ += [(place, "train") for place in ("log.jsonl", "metrics.jsonl", "pictures/000000008.png")]


@pytest.mark.parametrize("place, command", READ)
def test_no_file_of_a_run_runs(place, command, run, healthy, tmp_path):
    for name, data in a_few(tmp_path / "canary").items():
        (run / place).parent.mkdir(exist_ok=True)
        (run / place).write_bytes(data)
        ended = survives(command, run, healthy, tmp_path)
        if place == "recipe.json":  # what is left to diagnose is the log
            assert ended.code == 2 or "samples were not looked at" in ended.out, name
        shutil.rmtree(run)
        shutil.copytree(healthy / "run", run)


def planted(path: Path, name: str, data: bytes) -> None:
    """Puts a file into a checkpoint, with a manifest that agrees."""
    from hashlib import sha256

    (path / name).write_bytes(data)
    content = checkpoint._unseal((path / "manifest.json").read_bytes())
    content["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (path / "manifest.json").write_bytes(checkpoint._sealed(content))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", checkpoint.FILES)
def test_no_file_of_a_checkpoint_runs(name, command, run, healthy, tmp_path):
    for what in ("pickle system, protocol 4", "torch.save exec", "TorchScript eval", "Python"):
        data = malice.payloads(tmp_path / "canary")[what]
        for path in (run / "checkpoints").iterdir():
            planted(path, name, data)
        survives(command, run, healthy, tmp_path)
        shutil.rmtree(run)
        shutil.copytree(healthy / "run", run)


ABOUTS = [
    None,
    [],
    "x",
    {"data": "\x1b[2J\x07"},
    {"data": None},
    {"threads": "\x1b]0;x\x07"},
    {"\x1b[2J": 1},
]


@pytest.mark.parametrize("about", ABOUTS, ids=repr)
def test_no_manifest_confuses_a_resumed_run(about, run, healthy, tmp_path):
    for path in (run / "checkpoints").iterdir():
        content = checkpoint._unseal((path / "manifest.json").read_bytes())
        (path / "manifest.json").write_bytes(checkpoint._sealed(content | {"about": about}))
    survives("train", run, healthy, tmp_path)


NASTY = ("../../evil", "/tmp/cardigan-evil", "a\0b", "a\nb\ncardigan: error: c",
         "\x1b[2J\x1b]0;x\x07",
         "<script>alert(1)</script>", "{x.__class__}", "=cmd|'/c calc'!A1", "x" * 5000,
         "\u202egnp.exe", "%s%n", "$(touch canary)", "`touch canary`")  # fmt: skip


READERS = {
    "recipe": "sample",
    "version": "train",
    "data": "evaluate",
    "loss": "train",
    "device": "train",
}


@pytest.mark.parametrize("field, command", [*READERS.items()])
def test_names_in_a_record_stay_names(field, command, run, healthy, tmp_path):
    record = json.loads((run / "recipe.json").read_text())
    for name in NASTY:
        changed = json.loads(json.dumps(record))
        fields = changed["fields"]
        {"device": fields["training"], "data": fields, "loss": fields}.get(field, changed)[
            field
        ] = name
        (run / "recipe.json").write_text(json.dumps(changed))
        ended = survives(command, run, healthy, tmp_path)
        if field in ("recipe", "loss"):
            assert ended.code == 2, name
        assert not Path("/tmp/cardigan-evil").exists()


INSIDE = ("training", "width", "classes", "unknown")
VALUES = (None, [], {}, "x", -1, 10**400, 1.5, True, [1], {"a": 1}, "\x1b[2J")


@pytest.mark.parametrize(
    "field", ("fields", "training", "images", "width", "classes", "overrides", "unknown")
)
def test_values_in_a_record_are_checked(field, run, healthy, tmp_path):
    record = json.loads((run / "recipe.json").read_text())
    for value in VALUES:
        changed = json.loads(json.dumps(record))
        fields = changed["fields"]
        inside = {"images": fields["training"], **dict.fromkeys(INSIDE, fields)}
        place = inside.get(field, changed)
        place[field] = value
        (run / "recipe.json").write_text(json.dumps(changed))
        command = {"overrides": "train"}.get(field, "sample")
        survives(command, run, healthy, tmp_path)


@pytest.mark.parametrize(
    "name", ["a b", "ä", "a\x1b[31mb", "a\nb", "-n", "<script>", "{x}", "%s", "\u202eb"]
)
def test_a_folder_of_any_name_can_hold_a_run(name, healthy, tmp_path):
    run = tmp_path / "here" / name
    for words in (words for command, words in COMMANDS.items() if command != "audit"):  # no labels
        ended = done(*words(run, healthy / "data"), folder=tmp_path / "child", setup=guarded)
        assert (ended.err + ended.out).replace("\n", "").isprintable(), ended
    page = (run / "report.html").read_text()
    assert "<script>" not in page and "\x1b" not in page
    assert os.listdir(tmp_path / "here") == [name]


@pytest.mark.parametrize("name", ("a\0b", "x" * 5000, "\udcff\0"))
@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_no_name_is_refused(name, command, healthy, tmp_path):
    words = COMMANDS[command](tmp_path / "here", healthy / "data")
    words = [name if word == tmp_path / "here" else word for word in words]
    ended = cardigan(
        *words, folder=tmp_path / "child", setup=lambda: (guarded(), os.chdir(tmp_path))
    )
    one_line(ended)
    assert tree(tmp_path) == ["child", "child/err", "child/out"]


@pytest.mark.parametrize("words", (("data", "show"), ("data", "check"), ("evaluate",)))
def test_no_data_run(words, healthy, tmp_path):
    canary = tmp_path / "canary"
    for name, data in a_few(canary).items():
        for suffix in (".png", ".zip", ".npy"):
            folder = tmp_path / "files"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / f"evil{suffix}").write_bytes(data)
            given = folder if suffix == ".png" else folder / f"evil{suffix}"
            more = {"show": ("--out", tmp_path / "x.png")}.get(words[-1], ())
            more = ("--against", healthy / "data") if words == ("evaluate",) else more
            ended = cardigan(*words, given, *more, folder=tmp_path / "child", setup=guarded)
            assert ended.code in (1, 2), (name, suffix, ended)
            assert "Traceback" not in ended.err and not canary.exists()


def test_the_guard_sees_what_runs(healthy, tmp_path):
    def runs():
        guarded()
        checkpoint.read = lambda *_: eval(compile("1", "evil.py", "eval"))

    words = COMMANDS["sample"](healthy / "run", None)
    ended = cardigan(*words, folder=tmp_path, setup=runs)
    assert ended.code == 99 and "forbidden: compile" in ended.err

    def connects():
        offline()
        import socket

        checkpoint.read = lambda *_: socket.create_connection(("127.0.0.1", 9))

    assert cardigan(*words, folder=tmp_path, setup=connects).code == 99
