"""A save that dies at any point leaves the old checkpoint or the new one: whole, never mixed."""

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from reliability.power_cut import Disk, record
from reliability_tools import (
    advance,
    count_operations,
    die,
    fingerprint,
    in_child,
    restored,
    save,
    shimmed,
    tiny,
)

from cardigan import checkpoint, state


class Scene(NamedTuple):
    """What is on the disk, and the save that comes next."""

    prepare: Callable[[Path], None]
    work: Callable[[Path], None]


def _game(rounds: int, shift: float = 0.0):
    game = advance(tiny(), rounds)
    game.generator.net[0].weight.data += shift
    return game


NEW = _game(2)
NEW_HASH = fingerprint(NEW)
OLD, OLD_HASH = _game(1), fingerprint(_game(1))
TWIN, TWIN_HASH = _game(2, shift=1.0), fingerprint(_game(2, shift=1.0))


def save_and_prune(folder: Path) -> None:
    save(folder, NEW)
    checkpoint.prune(folder, 1)


def beside_an_older(folder: Path) -> None:
    save(folder, OLD)


def over_one_of_the_same_clock(folder: Path) -> None:
    save(folder, TWIN)


def over_a_damaged_one(folder: Path) -> None:
    save(folder, OLD)
    (save(folder, TWIN) / "state.json").write_text("{}")


def after_a_dead_save(folder: Path) -> None:
    save(folder, OLD)
    shutil.copytree(folder / "000000064", folder / "000000128.tmp")


SCENES = [beside_an_older, over_one_of_the_same_clock, over_a_damaged_one, after_a_dead_save]
WHOLE = {OLD_HASH, TWIN_HASH, NEW_HASH}


def found(folder: Path) -> str:
    path = checkpoint.latest(folder)
    assert path is not None, "neither the old one nor the new one"
    return restored(path)


@pytest.mark.parametrize("prepare", SCENES)
def test_killed_before_within_and_after_every_operation(tmp_path, prepare):
    prepare(tmp_path / "start")

    def fresh(name):
        return shutil.copytree(tmp_path / "start", tmp_path / name)

    names = count_operations(lambda: save_and_prune(fresh("count")))
    assert len(names) >= 35, names
    points = [(i, when) for i in range(len(names)) for when in ("before", "after")]
    points += [(i, "within") for i, name in enumerate(names) if name == "write"]
    for i, when in points:
        folder = fresh("trial")
        status = in_child(lambda: _killed(folder, i, when))  # noqa: B023
        assert status == -9, (i, when, status)
        assert found(folder) in WHOLE
        save_and_prune(folder)  # the next save recovers
        assert found(folder) == NEW_HASH
        assert [p.name for p in folder.iterdir()] == ["000000128"], (i, when)
        shutil.rmtree(folder)


def _killed(folder, at, when):
    count = 0

    def around(name, real, args, kwargs):
        nonlocal count
        count += 1
        if count - 1 != at:
            return real(*args, **kwargs)
        if when == "within":
            real(args[0], args[1][: len(args[1]) // 2])
        try:
            return real(*args, **kwargs) if when == "after" else None
        finally:
            die()

    with shimmed(around):
        save_and_prune(folder)


@pytest.mark.parametrize("prepare", SCENES)
def test_power_cut_after_every_operation(tmp_path, prepare):
    """Whatever was not synced may be lost, any part of it; what was said to be saved may not."""
    folder = tmp_path / "run" / "checkpoints"
    prepare(folder)
    disk = Disk.of(tmp_path)
    events = record(lambda: (save(folder, NEW), checkpoint.prune(folder, 1)))
    saved = record_length_of_save(tmp_path, prepare)
    new, *whole = [state.to_files(g, "{}")["game.safetensors"] for g in (NEW, OLD, TWIN)]
    whole, tried = [new, *whole], set()
    for i in range(len(events) + 1):
        for tree in disk.after_a_cut():
            key = (tree, i >= saved)
            if key in tried:
                continue
            tried.add(key)
            with tempfile.TemporaryDirectory(dir=tmp_path) as place:
                Disk.write(tree, Path(place))
                path = checkpoint.latest(Path(place) / "run" / "checkpoints")
                assert path, ("neither the old one nor the new one", i, events[:i])
                what = checkpoint.read(path).files["game.safetensors"]
            assert what in ([new] if i >= saved else whole), (i, events[:i])
        if i < len(events):
            disk.apply(events[i])
    assert len(tried) > 30


def record_length_of_save(tmp_path, prepare) -> int:
    folder = tmp_path / "measure" / "checkpoints"
    prepare(folder)
    length = len(record(lambda: save(folder, NEW)))
    shutil.rmtree(folder.parent)
    return length


def test_the_first_save_of_all_survives_a_power_cut_once_it_returned(tmp_path):
    folder = tmp_path / "runs" / "mine" / "checkpoints"
    disk = Disk.of(tmp_path)
    for event in record(lambda: save(folder, NEW)):
        disk.apply(event)
    for tree in disk.after_a_cut():
        with tempfile.TemporaryDirectory(dir=tmp_path) as place:
            Disk.write(tree, Path(place))
            assert found(Path(place) / "runs" / "mine" / "checkpoints") == NEW_HASH


# ------------------------------------------------------------------------------------ histories


class Killed(BaseException):
    """The process is dead: not even its clean-up runs."""


class History:
    """A run's life: saves, kills, failing deletes, bit rot, a clock that goes back."""

    def __init__(self, seed: int, folder: Path):
        self.dice, self.folder = random.Random(seed), folder
        self.keep = self.dice.randint(1, 5)
        self.game = tiny(width=1)
        self.protected: set[str] = set()

    def verified(self) -> dict[str, bytes]:
        """Name to content; one that was set aside goes by the name it had."""
        paths = [p for p in checkpoint._newest_first(self.folder) if checkpoint._verifies(p)]
        return {p.stem: (p / "manifest.json").read_bytes() for p in paths}

    def play(self) -> None:
        moves = [self.save] * 4 + [self.killed] * 3 + [self.failing] * 2
        moves += [self.rot, self.back, self.junk, self.protect]
        for _ in range(8):
            self.dice.choice(moves)()

    def step(self) -> None:
        self.game.seen += 64
        self.game.generator.net[0].weight.data.fill_(self.dice.random())
        save(self.folder, self.game)

    def prune(self) -> None:
        checkpoint.prune(self.folder, self.keep, self.protected)

    def checked(self, work: Callable[[], None]) -> None:
        before = self.verified()
        work()
        after = self.verified()
        assert after or not before, "the last good checkpoint is gone"
        lost = self.protected & before.keys() - after.keys()
        assert not lost, f"protected {lost} are gone"

    def save(self) -> None:
        self.checked(self.step)
        name = f"{self.game.seen:09d}"
        assert name in self.verified()
        before = list(self.verified())
        newest_is_whole = checkpoint._newest_first(self.folder)[0].name in before
        self.checked(self.prune)
        kept = before[: self.keep] if newest_is_whole else before
        assert set(kept) <= self.verified().keys(), "one of the newest is gone"
        assert not list(self.folder.glob("*.tmp"))

    def killed(self) -> None:
        fuse = self.dice.randrange(70)

        def around(name, real, args, kwargs):
            nonlocal fuse
            fuse -= 1
            if fuse < 0:
                raise Killed
            return real(*args, **kwargs)

        def work():
            try:
                with shimmed(around):
                    self.step()
                    self.prune()
            except Killed:
                pass

        self.checked(work)

    def failing(self) -> None:
        chance, kinds = self.dice.random(), ("rename", "unlink", "rmdir")

        def around(name, real, args, kwargs):
            if name in kinds and self.dice.random() < chance:
                raise OSError(errno.EACCES, "Permission denied")
            return real(*args, **kwargs)

        def work():
            with shimmed(around):
                self.prune()

        self.checked(work)

    def rot(self) -> None:
        paths = [p for p in checkpoint._newest_first(self.folder) if p.name not in self.protected]
        if paths:
            file = self.dice.choice(paths) / self.dice.choice([*checkpoint.FILES, "manifest.json"])
            if file.exists():
                self.dice.choice([lambda: file.write_bytes(b"{}"), file.unlink])()

    def back(self) -> None:
        self.game.seen = max(0, self.game.seen - 64 * self.dice.randint(1, 4))

    def junk(self) -> None:
        path = self.folder / f"{self.game.seen + 64 * self.dice.randint(1, 3):09d}"
        if not path.exists():
            path.mkdir(parents=True)
            (path / "game.safetensors").write_bytes(os.urandom(50))

    def protect(self) -> None:
        self.protected = set(self.dice.sample(sorted(v := self.verified()), k=min(1, len(v))))


def test_a_thousand_histories_never_end_without_a_checkpoint(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # kills lose nothing that was written
    for seed in range(1000):
        folder = tmp_path / str(seed)
        History(seed, folder).play()
        shutil.rmtree(folder, ignore_errors=True)
