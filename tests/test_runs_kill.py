"""Runs that are killed at any moment, or asked to end, lose at most what a checkpoint costs."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from process_tools import BATCH, TINY, Child, Ended, done, lines, noting, pictures_in, plain, state
from reliability_tools import Shim, die

from cardigan import checkpoint, durable, session

ROUNDS, INTERVAL = 40, 2 * BATCH  # images between two checkpoints
KILLS = 100
OPERATIONS = 30  # on the disk, of one save


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The command, and what the run comes to if nobody stops it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    words = ["train", "dcgan", *TINY, "--ema_halflife", 20, "--data", pictures_in(folder / "data")]
    words += ["--images", ROUNDS * BATCH, "--training.checkpoint_every", INTERVAL, "--out"]
    done(*words, folder / "run", folder=folder, setup=plain)
    return words, state(folder / "run"), lines(folder / "run" / "log.jsonl")


def telling(folder: Path):
    """Tells when training begins, and notes what is drawn."""

    def setup() -> None:
        plain()
        noting(folder / "drawn")
        begin = session.train

        def train(game, *arguments, **more):
            (folder / "began").write_text(str(game.seen))
            return begin(game, *arguments, **more)

        session.train = train

    return setup


def dying(folder: Path, operation: int):
    """The same, and dies within a save: before the nth operation that changes the disk."""

    def setup() -> None:
        telling(folder)()
        save, left = checkpoint.save, [operation]

        def around(name, real, arguments, more):
            left[0] -= 1
            if not left[0]:
                die()
            return real(*arguments, **more)

        def dies(*arguments):
            durable.os = Shim(around)
            path = save(*arguments)
            durable.os = os
            return path

        checkpoint.save = dies

    return setup


def started(child: Child, folder: Path) -> bool:
    """Waits until it trains; false if it ended before."""
    while not (folder / "began").exists():
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.001)
    return True


def begun_at(folder: Path) -> int:
    text = (folder / "began").read_text()
    (folder / "began").unlink()
    return int(text)


def drawn(folder: Path) -> int:
    """Where the last round began that drew a batch."""
    rows = (folder / "drawn").read_text().splitlines() if (folder / "drawn").exists() else []
    return max((int(row.split()[0]) for row in rows), default=0)


def test_a_killed_run_repeats_at_most_an_interval_and_ends_the_same(words, tmp_path):
    words, final, log = words
    chance, kills, inside, runs = random.Random(0), 0, 0, 0
    while kills < KILLS:
        runs += 1
        run, code, reached = tmp_path / f"run{runs}", None, 0
        (tmp_path / "drawn").unlink(missing_ok=True)
        while code != 0:
            forced = kills < KILLS and chance.random() < 0.6
            operation = chance.randrange(1, 2 * OPERATIONS)
            setup = dying(tmp_path, operation) if forced else telling(tmp_path)
            child = Child([*words, run], tmp_path, setup)
            trains = started(child, tmp_path)
            if trains and not forced and kills < KILLS:
                time.sleep(chance.uniform(0, 0.15))
                child.kill(signal.SIGKILL)
            ended = child.wait()
            code = ended.code
            assert code in (0, -signal.SIGKILL), ended.err
            kills, inside = kills + (code != 0), inside + (code != 0 and forced)
            if trains:
                assert begun_at(tmp_path) >= reached - INTERVAL, "an interval at most is repeated"
                reached = max(reached, drawn(tmp_path) + BATCH)
            assert "Traceback" not in ended.err
        assert state(run) == final
        assert lines(run / "log.jsonl") == log
        assert not list(run.rglob("*.tmp"))
        shutil.rmtree(run)
    assert inside >= 0.4 * kills


# -------------------------------------------------------------------------------------- signals

SIGNALS = {signal.SIGTERM: 17, signal.SIGINT: 17, signal.SIGUSR1: 16}  # how often each is sent


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_saves_and_ends_the_run(number, words, tmp_path):
    words, final, log = words
    chance, sent, runs = random.Random(number), 0, 0
    while sent < SIGNALS[number]:
        runs += 1
        run, ended = tmp_path / f"run{runs}", None
        while ended is None or ended.code != 0:
            (tmp_path / "drawn").unlink(missing_ok=True)
            child = Child([*words, run], tmp_path, telling(tmp_path))
            if not started(child, tmp_path):  # the last signal came with the last round
                ended = child.wait()
                assert ended.code == 0, ended.err
                break
            (tmp_path / "began").unlink()
            time.sleep(chance.uniform(0, 0.1))
            before, then = drawn(tmp_path), time.monotonic()
            child.kill(number)
            ended = child.wait()
            sent += ended.code != 0
            _check_end(ended, number, run, before, time.monotonic() - then)
        assert state(run) == final and lines(run / "log.jsonl") == log
        shutil.rmtree(run)


def _check_end(ended: Ended, number: int, run: Path, before: int, seconds: float) -> None:
    assert "Traceback" not in ended.err
    assert seconds < 10
    if checkpoint.latest(run / "checkpoints") == run / "checkpoints" / f"{ROUNDS * BATCH:09}":
        return  # it was over, and its handlers may have gone
    assert ended.code == 128 + number, ended.err
    newest = checkpoint.latest(run / "checkpoints")
    assert newest and int(newest.name) >= before, "what was seen is saved"
    assert f"saved after {int(newest.name)} images" in ended.out


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_run_ends_within_a_round_of_the_signal(number, words, tmp_path):
    words, *_ = words

    def setup() -> None:
        plain()
        shower = session.hooks.shower
        session.hooks.shower = lambda progress: _asking(shower(progress))

    def _asking(call):
        def ask(game, log):
            call(game, log)
            if game.seen == 10 * BATCH:
                os.kill(os.getpid(), number)

        return ask

    run = tmp_path / "run"
    ended = Child([*words, run], tmp_path, setup).wait()
    assert ended.code == 128 + number
    newest = checkpoint.latest(run / "checkpoints")
    assert newest and int(newest.name) == 11 * BATCH


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_second_signal_ends_at_once(number, words, tmp_path):
    words, *_ = words

    def setup() -> None:
        telling(tmp_path)()
        checkpoint.save = lambda *_: time.sleep(60)

    child = Child([*words, tmp_path / "run"], tmp_path, setup)
    assert started(child, tmp_path)
    child.kill(number)
    while "saving" not in child.err:
        time.sleep(0.01)
    then = time.monotonic()
    child.kill(number)
    assert child.wait().code == 128 + number
    assert time.monotonic() - then < 5
