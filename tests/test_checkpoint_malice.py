"""No byte of a checkpoint, whoever wrote it, runs code; each lie is refused in one line."""

import json
import pickle
import shutil
import sys
import time
from hashlib import sha256

import pytest
from memory_tools import grown
from reliability import malice
from reliability_tools import advance, audited, fingerprint, save, tiny

from cardigan import checkpoint
from cardigan.errors import UserError


@pytest.fixture
def run(tmp_path):
    game = advance(tiny())
    save(tmp_path / "checkpoints", game)
    return save(tmp_path / "checkpoints", advance(game))


def planted(path, name: str, data: bytes) -> None:
    """Puts a file into a checkpoint, with a manifest that agrees."""
    (path / name).write_bytes(data)
    content = checkpoint._unseal((path / "manifest.json").read_bytes())
    content["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (path / "manifest.json").write_bytes(checkpoint._sealed(content))


def refused(path, game) -> None:
    """In one printable line, soon, with little memory, and with the game as it was."""
    before, seconds = fingerprint(game), []

    def work() -> None:
        start = time.process_time()
        with pytest.raises(UserError) as error:
            checkpoint.restore(game, path)
        seconds.append(time.process_time() - start)
        line = str(error.value)
        assert line.isprintable() and len(line) < 1000, line

    while len(seconds) < 5 and min(seconds, default=1) >= 0.5:  # a busy machine may be slow once
        assert grown(work) < 64 * 1024  # KiB
    assert min(seconds) < 0.5
    assert fingerprint(game) == before


def test_the_audit_sees_what_it_should(tmp_path):
    """A careless reader of any file of the corpus that a pickle is in, for one."""
    canary = tmp_path / "canary"
    for name in ("pickle system, protocol 4", "pickle eval, protocol 0"):
        data = malice.payloads(canary)[name]
        with pytest.raises(AssertionError):
            audited(lambda data=data: pickle.loads(data))
    with pytest.raises(AssertionError):
        audited(lambda: eval("1"))
    with pytest.raises(AssertionError):
        audited(lambda: canary.write_bytes(b""), inside=tmp_path / "elsewhere")


def test_a_good_checkpoint_runs_nothing_either(run):
    game = _warm(run)
    audited(lambda: checkpoint.restore(game, run), inside=run)


@pytest.mark.parametrize("name", checkpoint.FILES)
def test_payloads_in_the_place_of_every_file(run, tmp_path, name):
    canary = tmp_path / "canary"
    corpus = malice.payloads(canary)
    assert len(corpus) >= 60
    _refuse_all(run, name, corpus)
    assert not canary.exists()


def test_payloads_in_the_place_of_the_manifest(run, tmp_path):
    corpus = malice.payloads(tmp_path / "canary")

    def work():
        for data in corpus.values():
            (run / "manifest.json").write_bytes(data)
            refused(run, game)
            assert checkpoint.latest(run.parent).name == "000000064"

    game = _warm(run)
    audited(work)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["game.safetensors", "optimizers.safetensors"])
def test_malformed_tensors(run, name):
    corpus = malice.tensors()
    if name.startswith("opt"):
        del corpus["no tensors"]  # is what an optimiser has before its first step
    _refuse_all(run, name, corpus)


@pytest.mark.parametrize("name", ["recipe.json", "state.json"])
def test_malformed_texts(run, name):
    _refuse_all(run, name, malice.texts())


def test_states_that_nobody_wrote(run):
    good = json.loads((run / "state.json").read_text())
    _refuse_all(run, "state.json", malice.states(good))


def test_manifests_that_nobody_wrote(run):
    game = _warm(run)
    for content in malice.manifests(checkpoint.read(run).manifest):
        (run / "manifest.json").write_bytes(checkpoint._sealed(content))
        refused(run, game)


def test_another_games_tensors_with_an_agreeing_manifest(run, tmp_path):
    """Shapes that would broadcast are no fit."""
    other = save(tmp_path / "other", advance(tiny(width=1)))
    _refuse_all(run, "game.safetensors", {"": (other / "game.safetensors").read_bytes()})


def test_optimisers_memory_of_another_shape(run, tmp_path):
    other = save(tmp_path / "other", advance(tiny(width=5)))
    data = (other / "optimizers.safetensors").read_bytes()
    _refuse_all(run, "optimizers.safetensors", {"": data})


def test_giants_are_refused_before_they_are_read(run):
    """A sparse file of 100 GB costs nothing to make, and nothing to refuse."""
    for name in ("game.safetensors", "optimizers.safetensors"):
        shutil.copy(run / name, run / "kept")
        with (run / name).open("r+b") as file:
            file.truncate(10**11)
        content = checkpoint._unseal((run / "manifest.json").read_bytes())
        content["files"][name]["bytes"] = 10**11
        (run / "manifest.json").write_bytes(checkpoint._sealed(content))
        refused(run, tiny())
        planted(run, name, (run / "kept").read_bytes())
    checkpoint.restore(tiny(), run)


def _warm(run):
    """A game, and every module imported that good and bad checkpoints need."""
    game = tiny()
    checkpoint.restore(game, run)
    with pytest.raises(UserError):
        checkpoint.restore(game, run / "absent")
    with pytest.raises(UserError):
        checkpoint.restore(tiny(width=2), run)
    return game


def _refuse_all(run, name, corpus) -> None:
    game, good = _warm(run), (run / name).read_bytes()

    def work():
        for what, data in corpus.items():
            print(name, what, file=sys.stderr)
            planted(run, name, data)
            refused(run, game)

    audited(work)
    planted(run, name, good)
    checkpoint.restore(game, run)
