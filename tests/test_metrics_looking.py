"""What was seen of reals is remembered, and never believed when it is damaged."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from cardigan.data import cache, catalogue
from cardigan.errors import UserError
from cardigan.metrics import looking
from cardigan.metrics.features import fashion_classifier
from cardigan.metrics.looking import look, look_again
from cardigan.metrics.measure import chosen, measure

NET = fashion_classifier()
TRAIN = catalogue.load("fashion-mnist-mini", "test")
INDEX = torch.arange(0, 2000, 20)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def files():
    return sorted((cache.home() / "features").glob("*"))


@pytest.fixture
def looks(monkeypatch):
    """Counts the looks that are taken."""
    taken = []

    def counted(*args):
        taken.append(len(args[0]))
        return look(*args)

    monkeypatch.setattr(looking, "look", counted)
    return taken


def same(a, b):
    return all(x is y or torch.equal(x, y) for x, y in zip(a.columns, b.columns, strict=True))


def test_a_second_look_is_the_first_to_the_bit(looks):
    first, again = (look_again(TRAIN, INDEX, NET) for _ in range(2))
    assert looks == [100] and len(files()) == 1
    assert same(first, again)
    assert same(first, look(TRAIN.images[INDEX], TRAIN.labels[INDEX], NET))


OTHERS = {
    "content": lambda: look_again(replace(TRAIN, fingerprint="another"), INDEX, NET),
    "choice": lambda: look_again(TRAIN, INDEX.flip(0), NET),
    "weights": lambda: look_again(TRAIN, INDEX, replace(NET, checksum="another")),
    "resize": lambda: look_again(TRAIN, INDEX, replace(NET, resize="another")),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_whatever_a_look_depends_on_is_in_its_key(looks, other):
    look_again(TRAIN, INDEX, NET)
    other()
    assert len(looks) == 2 and len(files()) == 2


DAMAGES = {
    "a bit": lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    "the checksum": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "cut off": lambda data: data[:-9],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_told_and_made_anew(looks, damage, capsys):
    first = look_again(TRAIN, INDEX, NET)
    (file,) = files()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert same(first, look_again(TRAIN, INDEX, NET))
    assert len(looks) == 2 and file.read_bytes() == whole
    assert "is damaged" in capsys.readouterr().err


def test_data_without_a_fingerprint_are_not_remembered(looks):
    nameless = replace(TRAIN, fingerprint="")
    look_again(nameless, INDEX, NET)
    look_again(nameless, INDEX, NET)
    assert len(looks) == 2 and not files()


def test_a_disk_that_refuses_costs_time_alone(looks, tmp_path, monkeypatch):
    (tmp_path / "cardigan").write_text("a file where a folder is wanted")
    first, again = (look_again(TRAIN, INDEX, NET) for _ in range(2))
    assert len(looks) == 2 and same(first, again)


@pytest.mark.parametrize("batch", [1, 7, 128])
def test_figures_do_not_depend_on_the_batch(batch):
    """Within 1e-5 of the figure, though nothing is remembered between the two."""
    few = replace(TRAIN, images=TRAIN.images[::8], labels=TRAIN.labels[::8], fingerprint="")
    figures = chosen(few, ["fid", "kid", "precision", "coverage", "classifier_score"])
    samples = TRAIN.images[1::16]
    whole, parts = (
        measure(samples, few, figures=figures, intervals=False, batch=b) for b in (0, batch)
    )
    for name in figures:
        assert parts[name]["value"] == pytest.approx(whole[name]["value"], rel=1e-5), name
        assert parts[name]["floor"] == pytest.approx(whole[name]["floor"], rel=1e-5, abs=1e-9)


def test_class_by_class():
    figures = chosen(TRAIN, ["fid", "recall"])
    found = measure(
        TRAIN.images[::2], TRAIN, figures=figures, labels=TRAIN.labels[::2], by_class=True
    )
    assert list(found["classes"]) == [*TRAIN.classes]
    for inner in found["classes"].values():
        assert inner["samples"] >= 50 and {"frechet_distance", "recall"} <= inner.keys()
        assert inner["frechet_distance"]["value"] < 6 * inner["frechet_distance"]["floor"]
    few = [note for note in found["about"]["notes"] if "of a class" in note]
    counts = [inner["samples"] for inner in found["classes"].values()]
    many = f"{min(counts)} to {max(counts)} samples of a class are few for"
    assert few == [
        f"{many} frechet_distance: trust it from 2,000 on",
        f"{many} recall: trust it from 1,000 on",
    ]


def test_classes_are_told_by_their_names():
    """Samples of two classes number them 0 and 1, whatever numbers the data give them."""
    kept = TRAIN.labels >= 8
    images, labels = TRAIN.images[kept], 9 - TRAIN.labels[kept]
    names = TRAIN.classes[:7:-1]
    found = partial(measure, images, TRAIN, figures=chosen(TRAIN, ["fid"]), labels=labels)
    inner = found(classes=names, by_class=True)["classes"]
    counts = {name: inner[name]["samples"] for name in TRAIN.classes}
    assert min(counts[name] for name in names) > 30 and sum(counts[n] > 0 for n in counts) == 2
    for name in names:
        assert (
            inner[name]["frechet_distance"]["value"] < 6 * inner[name]["frechet_distance"]["floor"]
        )
    with pytest.raises(UserError, match="got 'Bags' .did you mean Bag"):
        found(classes=(names[0], "Bags"), by_class=True)
    found(classes=(names[0], "Bags"))  # where labels do not matter, neither do names


def test_a_class_that_is_missing_has_no_figures():
    kept = TRAIN.labels != 6
    found = measure(
        TRAIN.images[kept][:500], TRAIN, figures=chosen(TRAIN, ["fid"]),
        labels=TRAIN.labels[kept][:500], by_class=True,
    )["classes"]  # fmt: skip
    assert found["Shirt"] == {"samples": 0} and "frechet_distance" in found["Bag"]


def test_samples_without_labels_are_classed_by_the_network():
    found = measure(TRAIN.images[::4], TRAIN, figures=chosen(TRAIN, ["fid"]), by_class=True)
    assert sum(inner["samples"] for inner in found["classes"].values()) > 400
