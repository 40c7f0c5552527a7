import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from rich.console import Console

from cardigan import tensorboard
from cardigan.progress import Progress, track


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def plain(total, start=0, label="training"):
    file, clock = io.StringIO(), Clock()
    console = Console(file=file, force_terminal=False)
    return Progress(total, start, label, console=console, clock=clock), file, clock


def drive(progress, clock, seconds, rate, start=0):
    """Updates four times a second."""
    with progress:
        for quarter in range(1, int(seconds * 4) + 1):
            clock.now += 0.25
            progress.update(start + quarter * rate // 4, {"generator": 1.23456})


def test_plain_lines_come_at_1_2_5_10_seconds_and_then_every_30():
    progress, file, clock = plain(10**9)
    drive(progress, clock, 100, 1000)
    done = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) of", file.getvalue())]
    assert done == [1000, 2000, 5000, 10000, 40000, 70000, 100000]


def test_plain_lines_come_every_five_per_cent_of_shorter_work():
    progress, file, clock = plain(100_000)
    drive(progress, clock, 100, 1000)
    shares = [int(n) for n in re.findall(r"(\d+)%", file.getvalue())]
    assert shares == [1, 2, 5, *range(10, 101, 5)]


def test_a_plain_line_tells_speed_time_left_and_losses_of_a_resumed_run():
    progress, file, clock = plain(100_000, start=50_000)
    assert progress.task.percentage == 50
    drive(progress, clock, 10, 1000, start=50_000)
    last = file.getvalue().splitlines()[-1]
    assert last == (
        "training:  60%, 60,000 of 100,000 images, 1,000 images/s, 0:00:40 left, generator 1.23"
    )


def test_work_that_ends_within_a_second_says_nothing_and_longer_work_says_its_end_once():
    for seconds, ends in ((0.5, 0), (1.5, 1), (2, 1)):
        progress, file, clock = plain(int(seconds * 1000))
        drive(progress, clock, seconds, 1000)
        assert file.getvalue().count("100%") == ends


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_terminal_shows_a_bar_with_speed_time_left_and_losses(width):
    file, clock = io.StringIO(), Clock()
    console = Console(file=file, force_terminal=True, width=width, color_system=None, _environ={})
    progress = Progress(100_000, 0, "[red]dcgan", console=console, clock=clock)
    with progress:
        for step in range(1, 11):
            clock.now += 1
            progress.update(step * 1000, {"discriminator": 0.5, "generator": float("nan")})
        progress.bar.refresh()
        assert "[red]dcgan" in file.getvalue() and "10%" in file.getvalue()
        if width >= 100:
            for shown in ("1,000 images/s", "01:30", "discriminator 0.5", "generator nan"):
                assert shown in file.getvalue()
    lines = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", file.getvalue()).replace("\r", "\n")
    assert max(map(len, lines.split("\n"))) <= width


def test_progress_goes_to_standard_error(capsys, monkeypatch):
    monkeypatch.setattr("cardigan.progress.FIRST", (0.0,))
    with Progress(10, label="work") as progress:
        progress.update(10)
    out, err = capsys.readouterr()
    assert not out and "work: 100%, 10 of 10 images" in err


@pytest.mark.parametrize("items", [[], [1], [1, 2, 3]])
@pytest.mark.parametrize("kind", [list, iter])
def test_track_passes_items_on(items, kind):
    assert list(track(kind(items), "decoding")) == items


def test_track_counts_what_has_gone_by(capsys, monkeypatch):
    monkeypatch.setattr("cardigan.progress.FIRST", (0.0,))
    assert list(track(iter("abc"), "reading", total=4)) == ["a", "b", "c"]
    assert "reading:  75%, 3 of 4" in capsys.readouterr().err


def steps(folder: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder / "tensorboard")).Reload()
    return [(e.step, round(e.value, 3)) for e in events.Scalars("generator")], events


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_a_resumed_run_replaces_the_events_that_it_repeats(tmp_path):
    pytest.importorskip("tensorboard")
    for start, end, value in ((0, 5, 1.0), (3, 7, 2.0)):
        writer = tensorboard.writer(tmp_path, start * 100)
        for step in range(start + 1, end + 1):
            writer.scalars(step * 100, {"generator": value})
        writer.picture(end * 100, "samples", Image.new("L", (4, 4)))
        writer.close()
    scalars, events = steps(tmp_path)
    assert scalars == [(s * 100, 1.0 if s <= 3 else 2.0) for s in range(1, 8)]
    assert [e.step for e in events.Images("samples")] == [700]


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard.writer", None)
    writer = tensorboard.writer(tmp_path)
    writer.scalars(1, {"generator": 1.0})
    writer.picture(1, "samples", Image.new("L", (4, 4)))
    writer.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_without_room_no_more_events_are_written_and_a_line_says_so(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    writer = tensorboard.writer(tmp_path)
    writer.scalars(1, {"generator": 1.0})
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
        for seen in (2, 3):
            writer.scalars(seen, {"generator": 1.0, "discriminator": 2.0})
            writer.picture(seen, "samples", Image.new("L", (4, 4)))
    writer.close()
    assert capsys.readouterr().err.count("no more is written for TensorBoard: No space left") == 1
