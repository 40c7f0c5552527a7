"""When a process errs, dies, hangs or drifts: all end, one line says why, a restart recovers."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed_tools
import pytest
import torch
from distributed_tools import at_batch, command, each, train, trained
from process_tools import lines, state

from cardigan import checkpoint, distributed, durable, session
from cardigan.distributed import rank
from cardigan.errors import UserError
from cardigan.recipe import Recipe
from cardigan.train import Hook

FOREVER = "--training.images=10000000"


def only_line(ended):
    """The one line that one process said; the others ended silently."""
    said = "".join(e.err for e in ended)
    found = [line for line in said.splitlines() if line.startswith("cardigan: error: ")]
    assert len(found) == 1 and "Traceback" not in said, said
    return found[0]


# ---------------------------------------------------------------------------------------- errors


def nothing(folder: Path) -> None:
    """A new folder."""


def occupied(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "letter.txt").touch()


def begun(folder: Path) -> None:
    trained(2, "ring-gan", folder)


def loading(act, *ranks):
    """Lets loading the data do something on some processes."""

    def setup():
        real = Recipe.dataset
        Recipe.dataset = lambda self: act() if rank() in ranks else real(self)

    return setup


def missing():
    raise UserError("expected discs, got none: buy some")


def buggy():
    raise ValueError("a bug")


@pytest.mark.parametrize(
    ("world", "before", "options", "setup", "words"),
    [
        (2, occupied, [], [], "holds files that are no run"),
        (4, begun, ["--generator_lr=0.5"], [], r"generator_lr: \S+ -> 0\.5"),
        (3, nothing, [], [], "64 is not a multiple of 3 processes"),
        (2, nothing, [], [loading(missing, 0)], "buy some"),
        (4, nothing, [], [loading(missing, 2)], "buy some"),
        (2, nothing, [], [loading(missing, 0, 1)], "buy some"),
    ],
)
def test_a_mistake_is_one_line_and_ends_all(tmp_path, world, before, options, setup, words):
    before(tmp_path)
    ended = train(world, "ring-gan", tmp_path, *options, setup=setup).wait(20)
    assert [e.code for e in ended] == [2] * world
    assert re.search(words, only_line(ended))


def test_a_folder_in_use_is_refused_by_all(tmp_path):
    with durable.lock(tmp_path / "run"):
        ended = train(2, "ring-gan", tmp_path).wait(20)
    assert [e.code for e in ended] == [2, 2]
    assert "is in use by process" in only_line(ended)


def test_a_bug_is_told_by_the_process_that_has_it(tmp_path):
    first, second = train(2, "ring-gan", tmp_path, setup=[loading(buggy, 1)]).wait(20)
    assert (first.code, second.code) == (2, 1)
    assert not first.err and second.err.endswith("ValueError: a bug\n")


# --------------------------------------------------------------------------------- death and sleep


def begin(world, folder, *options, setup=()):
    """Processes that have trained a little."""
    here = [at_batch(2, [r], (folder / f"here{r}").touch) for r in range(world)]
    run = train(world, "ring-gan", folder, FOREVER, *options, setup=[*here, *setup])
    while not all((folder / f"here{r}").exists() for r in range(world)):
        assert not any((e := child.err) for child in run.children), e
        time.sleep(0.01)
    return run


@pytest.mark.parametrize("trial", range(10))
def test_when_a_process_is_killed_all_end_and_say_which(tmp_path, trial):
    draw = random.Random(trial)
    world, save_often = (2, 4)[trial % 2], "--training.checkpoint_every=64"
    victim = trial // 2 % world
    run = begin(world, tmp_path, save_often)
    time.sleep(draw.uniform(0, 0.5))
    run.children[victim].kill(signal.SIGKILL)
    began = time.monotonic()
    ended = run.wait(10)
    assert time.monotonic() - began < 10
    assert [e.code for e in ended] == [-9 if r == victim else 2 for r in range(world)]
    assert f"error: rank {victim} ended, or did not answer" in only_line(ended)
    assert checkpoint.latest(tmp_path / "run" / "checkpoints"), "what was saved is whole"


def impatient():
    distributed.TIMEOUT = distributed.timedelta(seconds=2)


@pytest.mark.parametrize("asleep", [0, 1])
def test_when_a_process_hangs_the_others_end_and_say_which(tmp_path, asleep):
    run = begin(4, tmp_path, setup=[impatient])
    run.children[asleep].kill(signal.SIGSTOP)
    ended = [c.wait(2 + 5) for r, c in enumerate(run.children) if r != asleep]
    run.children[asleep].kill(signal.SIGKILL)
    run.children[asleep].wait()
    assert [e.code for e in ended] == [2, 2, 2]
    assert f"error: rank {asleep} ended, or did not answer for 2 s" in only_line(ended)


def test_the_timeout_is_the_users_choice():
    code = "from cardigan import distributed; print(distributed.TIMEOUT)"
    environ = {**os.environ, "CARDIGAN_TIMEOUT": "90"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ
    )
    assert done.stdout == "0:01:30\n"


# ----------------------------------------------------------------------------------------- drift


def flip(name, time):
    """Flips a bit of what has this name on rank 1, before that comparison."""

    def setup():
        real, times = distributed.compare, [0]

        def compare(parts, device):
            times[0] += 1
            if times[0] == time and rank() == 1:
                bits = parts[name][0].detach().view(-1).view(torch.int32)
                bits[0] ^= 1
            real(parts, device)

        distributed.compare = compare

    return setup


@pytest.mark.parametrize(
    "name",
    [
        "generator.net.net.0.weight",
        "generator.ema.net.2.running_mean",
        "discriminator.net.net.3.bias",
        "an optimiser's memory",
    ],
)
def test_one_bit_of_drift_ends_all_before_it_is_saved(tmp_path, name):
    ended = train(4, "dcgan", tmp_path, setup=[flip(name, 3)]).wait()
    assert [e.code for e in ended] == [2] * 4
    assert f"{name} differs between processes, and rank 1 stands out" in only_line(ended)
    assert [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()] == ["000000160"]


def test_drift_after_the_last_checkpoint_is_not_saved_either(tmp_path):
    late = ["--training.checkpoint_every=10000000"]
    setup = [flip("generator.net.net.0.weight", 2)]
    ended = train(2, "dcgan", tmp_path, *late, setup=setup).wait()
    assert "generator.net.net.0.weight differs" in only_line(ended)
    assert not (tmp_path / "run" / "checkpoints").exists()


def elsewhere():
    """A machine that does not see the run's folder."""
    real = checkpoint.latest
    checkpoint.latest = lambda folder: None if rank() == 1 else real(folder)


def test_processes_that_do_not_see_the_same_folder_are_refused(tmp_path):
    begun(tmp_path)
    ended = train(4, "ring-gan", tmp_path, "--training.images=10000", setup=[elsewhere]).wait(20)
    assert [e.code for e in ended] == [2] * 4
    assert "the clock differs between processes, and rank 1 stands out" in only_line(ended)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (torch.nan, torch.nan, True),
        (0.0, -0.0, False),
        (1.0, 1 + 2**-23, False),
        ("a", "a", True),
        ("a", "b", False),
    ],
)
def test_bits_are_compared(tmp_path, one, other, equal):
    def work():
        mine = (one, other)[rank()]
        part = mine if isinstance(mine, str) else torch.tensor(mine)
        try:
            distributed.compare({"it": [part]}, torch.device("cpu"))
        except UserError:
            (tmp_path / f"differs{rank()}").touch()

    each(2, tmp_path / "ranks", work)
    assert len([*tmp_path.glob("differs*")]) == (0 if equal else 2)


# ------------------------------------------------------------------ what the first does alone


def measuring(seconds):
    """Lets measuring beside training take so long, and processes be waited for two seconds."""

    def setup():
        distributed.TIMEOUT = distributed.timedelta(seconds=2)
        slow = Hook(1, lambda game, log: time.sleep(seconds))
        session.Sitting.measuring = lambda self: [slow._replace(every=10 * 64)]

    return setup


def test_the_others_wait_while_the_first_measures_for_longer_than_for_one_that_hangs(tmp_path):
    ended = train(2, "ring-gan", tmp_path, setup=[measuring(4)]).wait()
    assert [e.code for e in ended] == [0, 0], ended
    assert len(lines(tmp_path / "run" / "log.jsonl")) == 30


@pytest.mark.parametrize(("number", "within"), [(signal.SIGKILL, 10), (signal.SIGSTOP, 40)])
def test_they_wait_for_none_that_is_gone(tmp_path, number, within):
    """One that dies while it measures is noticed at once; one that hangs, twelve times later."""
    run = train(2, "ring-gan", tmp_path, setup=[measuring(100)])
    until = time.monotonic() + 30
    while not list((tmp_path / "run").glob("checkpoints/*640")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # into the measuring
    began = time.monotonic()
    run.children[0].kill(number)
    ended = run.children[1].wait(within)
    assert time.monotonic() - began < within and ended.code == 2
    assert "rank 0 ended, or did not answer" in only_line([ended])
    if number == signal.SIGSTOP:
        run.children[0].kill(signal.SIGKILL)
    run.children[0].wait()


# -------------------------------------------------------------------------------------- torchrun


def torchrun(*words):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", *words]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done


def test_torchrun_trains(tmp_path):
    done = torchrun("-m", "cardigan", *command("ring-gan", tmp_path), "--measure=100")
    assert done.stdout.count("report   ") == 1
    assert len(lines(tmp_path / "run" / "log.jsonl")) == 30
    assert len(lines(tmp_path / "run" / "metrics.jsonl")) == 1


@pytest.mark.parametrize("deaths", ["0:0:14", "0:1:23", "0:1:5,1:0:16"])
def test_torchrun_restarts_and_the_run_is_the_unkilled_one(tmp_path, deaths):
    """Attempt, rank and batch of each death; checkpoints are ten batches apart."""
    trained(2, "ring-gan", tmp_path / "whole")
    words = [deaths, *command("ring-gan", tmp_path), "--measure=0"]
    done = torchrun("--max-restarts=3", distributed_tools.__file__, *words)
    assert done.stderr.count("exitcode: -9") == len(deaths.split(","))
    assert state(tmp_path / "run") == state(tmp_path / "whole" / "run")
    logs = [lines(path / "log.jsonl") for path in (tmp_path / "run", tmp_path / "whole" / "run")]
    assert logs[0] == logs[1]
