"""Writing: all or nothing, and one process a folder."""

import errno
import fcntl
import os
import signal
import time
import warnings

import pytest
from reliability_tools import in_child, lying_disk, shimmed

from cardigan import durable
from cardigan.errors import UserError


def test_a_block_that_fails_leaves_no_trace(tmp_path):
    for kind in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(kind), durable.folder(tmp_path / "a", 1) as temporary:
            durable.write(temporary / "file", b"1")
            raise kind
        assert not list(tmp_path.iterdir())


def test_leftovers_of_the_killed_are_removed(tmp_path):
    (tmp_path / "a.tmp").mkdir()
    (tmp_path / "a.tmp" / "file").write_bytes(b"old")
    with durable.folder(tmp_path / "a", 1) as temporary:
        durable.write(temporary / "other", b"new")
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "other"]


@pytest.mark.parametrize("most", [1, 7, 10**6])
def test_short_writes_are_continued(tmp_path, most):
    def around(name, real, args, kwargs):
        return real(args[0], args[1][:most]) if name == "write" else real(*args, **kwargs)

    data = os.urandom(100)
    with shimmed(around):
        durable.write(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data


def test_what_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    durable.check(tmp_path / "file")
    durable.check(tmp_path / "deep" / "er" / "file")
    assert [p.name for p in tmp_path.iterdir()] == ["file"], "nothing is made"
    durable.replace(tmp_path / "deep" / "er" / "file", b"1")
    bad = {
        "file/x": "Not a directory",
        "deep": "Is a directory",
        "x" * 300: "too long",
        "\0": "name of a",
    }
    for name, says in bad.items():
        with pytest.raises(UserError, match=says) as error:
            durable.check(tmp_path / name)
        told = str(error.value)
        assert told.isprintable() and "free" not in told, "room is not what lacks"


@pytest.mark.parametrize("broken", ["open", "write", "fsync", "close", "replace"])
def test_a_file_is_replaced_or_left(tmp_path, broken):
    path = tmp_path / "file"
    durable.replace(path, b"old")

    def around(name, real, args, kwargs):
        if name == broken:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    with shimmed(around), pytest.raises(durable.StorageError, match="cannot write .*file: Input"):
        durable.replace(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    durable.replace(path, b"new")
    assert path.read_bytes() == b"new"


def test_too_little_room_is_known_beforehand(tmp_path):
    with (
        lying_disk(free=500_000),
        pytest.raises(durable.StorageError) as error,
        durable.folder(tmp_path / "a", 2_000_000),
    ):
        pytest.fail("nothing is begun")
    assert "2.00 MB needed, 0.50 MB free" in str(error.value) and "make room" in str(error.value)
    assert str(tmp_path / "a") in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_folders_that_cannot_be_synced_are_no_error(tmp_path):
    def around(name, real, args, kwargs):
        if name == "fsync" and os.path.isdir(f"/proc/self/fd/{args[0]}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(*args, **kwargs)

    with shimmed(around), durable.folder(tmp_path / "a", 0) as temporary:
        durable.write(temporary / "file", b"1")
    assert (tmp_path / "a" / "file").read_bytes() == b"1"


def test_what_cannot_be_deleted_is_told(tmp_path, capsys):
    def around(name, real, args, kwargs):
        if name in ("rename", "unlink"):
            raise OSError(errno.EACCES, "Permission denied")
        return real(*args, **kwargs)

    (tmp_path / "a").mkdir()
    with shimmed(around):
        durable.remove(tmp_path / "a")
    assert "cannot delete" in capsys.readouterr().err
    durable.remove(tmp_path / "a")
    durable.remove(tmp_path / "absent")
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().err


def test_one_process_a_folder_and_the_dead_hold_nothing(tmp_path):
    """Fifty times: the second is refused in one line; after a SIGKILL the folder is free."""
    for _ in range(50):
        reader, writer = os.pipe()

        def hold(writer=writer):
            with durable.lock(tmp_path):
                os.write(writer, b"1")
                time.sleep(60)

        pid = _started(hold)
        os.read(reader, 1)
        with pytest.raises(UserError, match=f"in use by process {pid}:"), durable.lock(tmp_path):
            pytest.fail("two hold it")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with durable.lock(tmp_path):
            assert in_child(lambda: _refused(tmp_path)) == 0
        os.close(reader), os.close(writer)
    with durable.lock(tmp_path):
        pass


def _started(work) -> int:
    """A child that goes on by itself; its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def _refused(folder):
    with pytest.raises(UserError), durable.lock(folder):
        pass


def test_a_lock_file_that_says_nonsense_is_not_repeated(tmp_path):
    with (tmp_path / ".lock").open("w") as file:
        file.write("\x1b[2J evil")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="in use by another process"), durable.lock(tmp_path):
            pass


def test_a_file_system_without_locks_is_told(tmp_path, capsys, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(durable.fcntl, "flock", flock)
    with durable.lock(tmp_path):
        pass
    assert "cannot be locked" in capsys.readouterr().err
