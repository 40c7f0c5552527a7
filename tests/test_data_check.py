"""Bad data sets: every planted fault is found, nothing else is, and training never dies of one."""

import json
import os
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from cardigan.commands import data as command
from cardigan.data import catalogue
from cardigan.data.check import check
from cardigan.errors import UserError
from cardigan.metrics.features import fashion_classifier
from cardigan.metrics.sets import gathered
from cardigan.subjects import held_out

GOOD = 400


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def picture(seed, mode="RGB", size=(24, 20)):
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0], bands)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.frombytes(mode, size, pixels.tobytes())


def good(folder, count=GOOD):
    """Sound pictures of each format in two classes."""
    for seed in range(count):
        place = folder / ("cats", "dogs")[seed % 2]
        place.mkdir(parents=True, exist_ok=True)
        picture(seed).save(place / f"{seed:03d}.{('png', 'jpg', 'webp')[seed % 3]}")
    return folder


def huge(path):
    """A PNG of a few bytes whose header speaks of a billion pixels."""
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        size = (30_000).to_bytes(4, "big") * 2
        PngImagePlugin.putchunk(file, b"IHDR", size, b"\x08\x02\0\0\0")
        PngImagePlugin.putchunk(file, b"IDAT", b"")
        PngImagePlugin.putchunk(file, b"IEND", b"")


def truncated(path):
    picture(1001, size=(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def transparent(path):
    image = picture(1002, "P")
    image.putpalette(range(256), "RGB")
    image.save(path, transparency=3)


def rotated(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(1003).save(path, exif=exif)


def deep(path):
    values = np.random.default_rng(1004).integers(0, 65536, (20, 24)).astype(np.uint16)
    Image.fromarray(values).save(path)


def animated(path):
    picture(1005).save(path, save_all=True, append_images=[picture(1006)], lossless=True)


def png_called_jpg(path):
    picture(1008).save(path, format="PNG")


def gif_called_png(path):
    picture(1009, "L").save(path, format="GIF")


def duplicate(path):
    path.write_bytes((path.parent / "000.png").read_bytes())


def broken_zip(path):
    path.write_bytes(b"PK\3\4" + bytes(100))


def sound_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"whatever")


# name: how it is planted, the fault, what becomes of it, whether it counts as a bad file.
FAULTS = {
    "cats/truncated.png": (truncated, "truncated or damaged", "left out", True),
    "cats/truncated.jpg": (truncated, "truncated or damaged", "left out", True),
    "cats/truncated.webp": (truncated, "truncated or damaged", "left out", True),
    "dogs/cut.png": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n\0\0"), "truncated or damaged",
                     "left out", True),
    "dogs/empty.png": (lambda p: p.touch(), "empty file", "left out", True),
    "dogs/png_called.jpg": (png_called_jpg, "wrong ending", "handled", False),
    "dogs/cmyk.jpg": (lambda p: picture(1010, "CMYK").save(p), "CMYK", "handled", False),
    "dogs/deep.png": (deep, "16 bits a channel", "handled", False),
    "cats/palette.png": (transparent, "transparent", "handled", False),
    "cats/animated.webp": (animated, "several frames", "handled", False),
    "cats/rotated.jpg": (rotated, "turned by EXIF", "handled", False),
    "cats/huge.png": (huge, "too many pixels", "left out", True),
    "cats/twice.png": (duplicate, "exact duplicate", "handled", False),
    "cats/text.png": (lambda p: p.write_text("no picture"), "no picture, in spite of its name",
                      "left out", True),
    "cats/gif_called.png": (gif_called_png, "picture in another format", "left out", True),
    "cats/bitmap.bmp": (lambda p: picture(1011).save(p), "picture in another format",
                        "left out", True),
    "cats/dangling.png": (lambda p: p.symlink_to("nowhere"), "cannot be read", "left out", True),
    "cats/pipe.png": (lambda p: os.mkfifo(p), "cannot be read", "left out", True),
    "stray.png": (lambda p: picture(1012).save(p), "outside the folders of classes",
                  "left out", True),
    "broken.zip": (broken_zip, "broken archive inside", "left out", False),
    "sound.zip": (sound_zip, "archive inside", "left out", False),
    "blank.txt": (lambda p: p.touch(), "not a picture", "left out", False),
    "notes.txt": (lambda p: p.write_text("hello"), "not a picture", "left out", False),
}  # fmt: skip
BAD = sum(is_bad for *_, is_bad in FAULTS.values())


def plant(folder, names=FAULTS):
    for name in names:
        FAULTS[name][0](folder / name)


def found(report):
    return {f.file: (f.kind.name, f.kind.severity, f.kind.bad) for f in report.findings}


def test_every_fault_is_listed_and_nothing_else(tmp_path):
    folder = good(tmp_path / "set")
    plant(folder)
    report = check(folder, limit=0.1)
    assert found(report) == {name: tuple(rest) for name, (_, *rest) in FAULTS.items()}
    assert len(report.findings) == len(FAULTS)
    assert not report.refused
    assert all(f.kind.advice for f in report.findings)


def test_sound_sets_give_no_alarm(tmp_path):
    report = check(good(tmp_path / "set"))
    assert report.findings == () and report.good == GOOD
    assert report.shape == (16, 3) and report.classes == ("cats", "dogs")


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_among_120_is_left_out_or_handled(tmp_path, name, capsys):
    """What check calls good, training gets, and no other file; one line says what is missing."""
    folder = good(tmp_path / "set", 120)
    plant(folder, [name])
    report = check(folder)
    dataset = catalogue.load(str(folder))
    assert len(dataset) == report.good
    assert not report.refused
    assert capsys.readouterr().err.count("left out") == FAULTS[name][3]
    again = catalogue.load(str(folder))  # out of the cache
    assert again.fingerprint == dataset.fingerprint
    assert capsys.readouterr().err.count("left out") == FAULTS[name][3]


def test_training_refuses_too_many_bad_files_in_one_line(tmp_path):
    folder = good(tmp_path / "set", 100)
    plant(folder, ["cats/truncated.png", "dogs/empty.png"])
    with pytest.raises(
        UserError, match="too many bad files.*2 of 102.*cardigan data check"
    ) as told:
        catalogue.load(str(folder))
    assert "\n" not in str(told.value)
    assert len(catalogue.load(str(folder), limit=0.02)) == 100
    with pytest.raises(UserError, match="too many bad files"):  # also what is cached is judged
        catalogue.load(str(folder))


INVALID = "labels.json", "file of labels is not valid"
LABELS = {
    "no file": ([["0.png", 1], ["1.png", 2], ["9.png", 1]], "9.png", "labelled, but not there"),
    "no label": ([["0.png", 1]], "1.png", "not in the file of labels"),
    "a name twice": ([["0.png", 1], ["0.png", 2], ["1.png", 1]], *INVALID),
    "no number": ([["0.png", "cat"], ["1.png", 1]], *INVALID),
    "a negative label": ([["0.png", -1], ["1.png", 1]], *INVALID),
    "a truth value": ([["0.png", True], ["1.png", 1]], *INVALID),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_and_files_that_disagree(tmp_path, case):
    pairs, file, fault = LABELS[case]
    for seed in range(6):
        picture(seed).save(tmp_path / f"{seed}.png")
    pairs = [*pairs, *([f"{seed}.png", 1] for seed in range(2, 6))]
    (tmp_path / "labels.json").write_text(json.dumps({"labels": pairs}))
    report = check(tmp_path, limit=1)
    assert [(f.file, f.kind.name) for f in report.findings] == [(file, fault)]


@pytest.mark.parametrize(
    "counts",
    [{"": 1}, {"": 3}, {"": 4}, {"train": 5, "test": 1}, {"train": 2, "test": 2}],
    ids=str,
)
def test_too_few_pictures_are_found_where_measuring_finds_them(tmp_path, counts):
    for split, count in counts.items():
        (tmp_path / split).mkdir(exist_ok=True)
        for seed in range(count):
            picture(1000 * len(split) + seed).save(tmp_path / split / f"{seed}.png")
    train = catalogue.load(str(tmp_path))
    test = held_out(lambda: catalogue.load(str(tmp_path), "test"))
    samples = torch.zeros(8, *train.images.shape[1:], dtype=torch.uint8)
    found = [finding.kind.name for finding in check(tmp_path).findings]
    try:
        gathered(samples, None, train, test, fashion_classifier(), 0, 0)
    except UserError as error:
        assert "take more pictures" in str(error) and found == ["too few pictures to measure"]
    else:
        assert not found
    assert not check(tmp_path).refused


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_labels_beside_pictures_are_used(tmp_path, ending):
    pairs = [["c.png", 7], ["a.png", 3], ["b.png", 7]]
    for seed, (name, _) in enumerate(pairs):
        picture(seed).save(tmp_path / name)
    text = {
        "json": json.dumps({"labels": pairs}),
        "csv": "name,label\n" + "".join(f"{name},{label}\n" for name, label in pairs),
    }
    (tmp_path / f"labels.{ending}").write_text(text[ending])
    dataset = catalogue.load(str(tmp_path))
    assert dataset.labels.tolist() == [0, 1, 1]  # a, b, c
    assert dataset.classes == ("3", "7")


def test_an_invalid_file_of_labels_is_refused(tmp_path):
    picture(0).save(tmp_path / "0.png")
    (tmp_path / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="file of labels is not valid"):
        catalogue.load(str(tmp_path))


def test_the_command(tmp_path, capsys):
    folder = good(tmp_path / "set", 100)
    plant(folder, ["cats/truncated.png", "dogs/cmyk.jpg"])
    (folder / "dogs" / "evil\n\x1b[31m\u202egnp.png").touch()
    with pytest.raises(SystemExit) as status:
        command.check(str(folder))
    text = capsys.readouterr().out
    assert status.value.code == 1
    assert "evil\\n\\x1b[31m\\u202egnp.png" in text and "\x1b" not in text
    for word in ("refused:", "left out:", "handled:", "cats/truncated.png", "dogs/cmyk.jpg"):
        assert word in text
    with pytest.raises(SystemExit):
        command.check(str(folder), json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["refused"] and told["good"] == 101
    assert {f["severity"] for f in told["findings"]} == {"refused", "left out", "handled"}


def test_what_is_no_set_is_reported_not_raised(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4" + bytes(100))
    (tmp_path / "empty").mkdir()
    for name in ("broken.zip", "nowhere", "empty"):
        report = check(tmp_path / name)
        assert report.refused and len(report.findings) == 1


def test_a_file_of_labels_may_say_that_there_are_none(tmp_path):
    for name in ("00000", "00001"):
        (tmp_path / name).mkdir()
        picture(1).save(tmp_path / name / "a.png")
    (tmp_path / "dataset.json").write_text('{"labels": null}')
    assert catalogue.load(str(tmp_path)).labels is None
