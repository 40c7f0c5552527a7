"""Bit rot: every change of any byte is found before a tensor is used."""

import os
import random
import shutil

import pytest
from reliability_tools import RECIPE, advance, fingerprint, save, tiny

from cardigan import checkpoint

PARTS = (*checkpoint.FILES, "manifest.json")


def flip(dice, data: bytes) -> bytes:
    i = dice.randrange(len(data))
    return data[:i] + bytes([data[i] ^ 1 << dice.randrange(8)]) + data[i + 1 :]


def zero(dice, data: bytes) -> bytes:
    i = dice.randrange(len(data))
    page = data[i : i + 512]
    return data[:i] + bytes(len(page)) + data[i + len(page) :]


def cut(dice, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


def grow(dice, data: bytes) -> bytes:
    return data + bytes(dice.randint(1, 9))


CHANGES = (flip, flip, flip, zero, cut, grow)


@pytest.fixture
def run(tmp_path):
    """Three checkpoints, whose recipes differ too."""
    game = tiny()
    for i in range(3):
        checkpoint.save(tmp_path, advance(game), RECIPE.replace("64", str(64 + i)), {"threads": i})
    return tmp_path


def damages(dice, folder):
    """One way in which the newest checkpoint goes bad."""
    path = folder / "000000192" / dice.choice(PARTS)
    way = dice.randrange(10)
    if way == 0:
        return path.unlink
    if way == 1:
        other = folder / dice.choice(["000000064", "000000128"]) / path.name
        return lambda: shutil.copy(other, path)
    data = path.read_bytes()
    bad = data
    while bad == data:
        bad = dice.choice(CHANGES)(dice, data)
    return lambda: path.write_bytes(bad)


def test_five_hundred_damages_are_found_and_walked_past(run, capsys):
    newest = run / "000000192"
    good = {name: (newest / name).read_bytes() for name in PARTS}
    game = tiny()
    before = fingerprint(game)
    for trial in range(500):
        damages(random.Random(trial), run)()
        with pytest.raises(checkpoint.Damaged) as error:
            checkpoint.restore(game, newest)
        assert "\n" not in str(error.value) and str(newest) in str(error.value)
        assert fingerprint(game) == before, "something damaged was used"
        assert checkpoint.latest(run) == run / "000000128"
        warning = capsys.readouterr().err
        assert warning.count("\n") == 1 and "000000192 is damaged" in warning
        for name, data in good.items():
            (newest / name).write_bytes(data)
    assert checkpoint.latest(run) == newest


def test_every_bit_of_the_manifest_counts(run):
    path = run / "000000192" / "manifest.json"
    data = path.read_bytes()
    for i in range(len(data)):
        path.write_bytes(data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1 :])
        with pytest.raises(checkpoint.Damaged):
            checkpoint.read(path.parent)


def test_folders_that_changed_names(run, capsys):
    (run / "000000192").rename(run / "away")
    (run / "000000128").rename(run / "000000192")
    (run / "away").rename(run / "000000128")
    assert checkpoint.latest(run) == run / "000000064"
    assert capsys.readouterr().err.count("it was written as") == 2


def test_all_are_damaged(run, capsys):
    for path in run.iterdir():
        (path / "state.json").unlink()
    assert checkpoint.latest(run) is None
    assert capsys.readouterr().err.count("\n") == 3


@pytest.mark.parametrize("name", PARTS)
def test_what_is_no_file_is_not_opened(run, name):
    """A pipe would wait for ever."""
    path = run / "000000192" / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(checkpoint.Damaged, match="is missing"):
        checkpoint.read(path.parent)


def test_a_damaged_one_of_the_same_clock_is_replaced(run):
    (run / "000000192" / "state.json").unlink()
    game = advance(tiny(), 3)
    assert save(run, game) == run / "000000192" == checkpoint.latest(run)
    assert len(list(run.iterdir())) == 3
