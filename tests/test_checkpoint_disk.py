"""A full or lying disk: one line, no trace, the old checkpoint intact, no false "saved"."""

import errno
import os
import resource
import subprocess

import pytest
from process_tools import (
    BATCH,
    TINY,
    cardigan,
    done,
    lines,
    one_line,
    pictures_in,
    state,
)
from reliability_tools import (
    advance,
    count_operations,
    fingerprint,
    in_child,
    lying_disk,
    restored,
    save,
    shimmed,
    tiny,
)

from cardigan import checkpoint
from cardigan.durable import StorageError

STEP = 64 * 1024


@pytest.fixture(scope="module")
def big():
    return advance(tiny(width=8000), 2)


@pytest.fixture
def run(tmp_path):
    """A run with one checkpoint."""
    save(tmp_path / "checkpoints", advance(tiny()))
    return tmp_path / "checkpoints"


def refused(folder, game) -> str:
    """Saving fails in one line that says what is needed, if that is it, and leaves no trace."""
    names = sorted(p.name for p in folder.iterdir())
    with pytest.raises(StorageError) as error:
        save(folder, game)
    line = str(error.value)
    assert "\n" not in line and str(folder / f"{game.seen:09d}") in line
    full = "No space left" in line or "File too large" in line
    assert ("MB needed" in line and "free" in line and "make room" in line) == full
    assert sorted(p.name for p in folder.iterdir()) == names
    assert checkpoint.latest(folder) == folder / "000000064"
    return line


def size(folder) -> int:
    return sum(p.stat().st_size for p in folder.iterdir())


def test_full_at_every_64_kib(run, big, tmp_path):
    total = size(save(tmp_path / "whole", big))
    assert total > 20 * STEP
    for room in range(0, total, STEP):
        left = room

        def around(name, real, args, kwargs):
            nonlocal left
            if name != "write":
                return real(*args, **kwargs)
            if not left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = real(args[0], args[1][:left])
            left -= written
            return written

        with shimmed(around), lying_disk():
            assert "No space left" in refused(run, big)
    assert restored(run / "000000064") == fingerprint(advance(tiny()))
    save(run, big)


def test_file_size_limit_at_every_64_kib(run, big):
    largest = 16 * STEP

    def limited(room):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        assert "File too large" in refused(run, big)

    for room in range(0, largest, STEP):
        assert in_child(lambda room=room: limited(room)) == 0, room


def test_a_real_disk_that_is_full(big, tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        folder = place / "checkpoints"
        save(folder, advance(tiny()))
        total = size(save(tmp_path / "whole", big))
        for room in range(0, total - STEP, STEP):
            free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
            (place / "ballast").write_bytes(bytes(free - room))
            assert "No space left" in refused(folder, big)  # known beforehand
            with lying_disk():
                assert "No space left" in refused(folder, big)
            (place / "ballast").unlink()
        save(folder, big)
        assert checkpoint.latest(folder) == folder / "000000128"
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """A command that writes all that a run writes, and the run if there is room."""
    folder = tmp_path_factory.mktemp("whole")
    words = ["train", "dcgan", *TINY, "--data", pictures_in(folder / "data")]
    words += ["--training.picture_every", 3 * BATCH, "--training.checkpoint_every", 5 * BATCH]
    words += ["--training.keep", 99, "--images", 40 * BATCH, "--out"]
    done(*words, folder / "run", folder=folder)
    return words, folder / "run"


@pytest.mark.parametrize("room", (1, 40, 90, 200))  # KiB that are left when the run begins
def test_a_run_whose_disk_fills_ends_in_a_line_and_goes_on_once_there_is_room(
    room, filling, tmp_path
):
    words, whole = filling
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        (place / "ballast").write_bytes(bytes(free - 1024 * room))
        ended = cardigan(*words, place / "run", folder=tmp_path / "child")
        assert "No space left" in one_line(ended)
        (place / "ballast").unlink()
        done(*words, place / "run", folder=tmp_path / "child")
        assert state(place / "run") == state(whole)
        assert lines(place / "run" / "log.jsonl") == lines(whole / "log.jsonl")
        assert not list(place.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EIO, errno.ENOENT])
def test_every_operation_may_fail_and_nothing_is_said_to_be_saved_that_is_not(tmp_path, code):
    new = advance(tiny(), 2)
    old_hash, new_hash = fingerprint(advance(tiny())), fingerprint(new)
    save(tmp_path / "count", advance(tiny()))
    names = count_operations(lambda: save(tmp_path / "count", new))
    assert len(names) >= 28
    for at in range(len(names)):
        folder = tmp_path / str(at)
        save(folder, advance(tiny()))
        left = at

        def around(name, real, args, kwargs):
            nonlocal left
            left -= 1
            if left == -1:
                if name == "close":
                    real(*args)  # a close that fails has closed
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        with shimmed(around), pytest.raises(StorageError) as error:
            save(folder, new)
        assert "\n" not in str(error.value), names[at]
        assert restored(checkpoint.latest(folder)) in (old_hash, new_hash)
        assert not list(folder.glob("*.tmp"))
        assert restored(save(folder, new)) == new_hash  # the next save recovers


def test_a_disk_that_takes_nothing_and_says_so_is_no_endless_loop(run):
    def around(name, real, args, kwargs):
        return 0 if name == "write" else real(*args, **kwargs)

    with shimmed(around):
        refused(run, advance(tiny(), 2))


def test_a_disk_that_vanished(run, tmp_path):
    run.rename(tmp_path / "away")
    run.write_text("no folder")
    with pytest.raises(StorageError, match="cannot write") as error:
        save(run, advance(tiny(), 2))
    assert "\n" not in str(error.value)
