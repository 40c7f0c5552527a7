"""Whatever a file says that somebody sent: each reader refuses it in a line or passes over it.

Nothing runs, nothing is written elsewhere, and no file takes more memory than ours would.
"""

import gzip
import io
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import safetensors.torch
import torch
from memory_tools import grown
from PIL import Image
from reliability import malice
from reliability_tools import audited
from test_data_catalogue import LAYOUTS

from cardigan import report, settings
from cardigan.data import cache, catalogue, embedded, folder
from cardigan.data.published import PUBLISHED
from cardigan.diagnosis import log
from cardigan.errors import UserError
from cardigan.metrics import inception_weights, looking
from cardigan.recipe import to_json
from cardigan.recipes import RECIPES
from cardigan.run import Run

GROWTH = 320 * 1024  # KiB of memory that reading may take, beside what the process has
GIANT = 10**11
PARSER = settings.parser_of(RECIPES["dcgan"], "cardigan train dcgan")
settings.add_files(PARSER)


class Reader(NamedTuple):
    """Something that reads a file of somebody's."""

    place: str  # of the file, below a folder
    good: Callable[[Path], Any]  # writes what is read without a complaint
    read: Callable[[Path], Any]  # reads what lies in the folder
    tolerant: bool = False  # passes over what it cannot read, for no result rests on it
    wrap: Callable[[bytes], bytes] = bytes  # what the file's content is put into


def text(place: str, content: str) -> Callable[[Path], Any]:
    return lambda here: (here / place).write_text(content)


def pictures(here: Path, name: str = "{}.png") -> None:
    for k in range(4):
        Image.new("L", (16, 16), 60 * k).save(here / name.format(k))


def zipped(here: Path) -> None:
    pictures(here)
    with zipfile.ZipFile(here / "all.zip", "w") as archive:
        for path in sorted(here.glob("*.png")):
            archive.write(path, path.name)
            path.unlink()


def labelled(place: str, content: str) -> Callable[[Path], Any]:
    return lambda here: (pictures(here), (here / place).write_text(content))


def member(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", data)
    return file.getvalue()


def remembered(here: Path) -> None:
    data = safetensors.torch.save({"features": torch.zeros(3, 2, dtype=torch.float64)})
    (here / "features").write_bytes(sealed(data))


def sealed(data: bytes) -> bytes:
    return sha256(data).digest() + data


def decoded(here: Path) -> None:
    about = {"labels": None, "classes": (), "bad": {}}
    grey = np.zeros((3, 1, 16, 16), np.uint8)
    cache.store(here / "decoded", grey, 3, grey[0].shape, lambda: about)


def weights(here: Path) -> None:
    torch.save({"w": torch.zeros(3)}, here / "weights.pth")


def net_of(here: Path) -> None:
    tensors = inception_weights.read(here / "weights.pth")
    if tensors.keys() != {"w"}:  # the good file holds no whole network
        inception_weights.inception(here / "weights.pth")


def published(name: str) -> Callable[[Path], Any]:
    return lambda here: LAYOUTS[name][1](here / name, name)


def of_catalogue(name: str) -> Callable[[Path], Any]:
    return lambda here: catalogue.load(name, "test", directory=here / name)


def of_run(here: Path) -> None:
    run = Run(here)
    run.seconds(), run.best(), report.render(here)
    log.read(here / "log.jsonl"), run.seconds(9)
    run.cut(10**9)


def options(here: Path) -> None:
    for words in (["--config", str(here / "x.yaml")], [f"--config={here / 'x.yaml'}"]):
        settings.read(PARSER, words)


LINE = '{"seen": 8, "seconds": 1, "cost": 1, "best_by": "fid", "about": {"samples": 2}}\n'
RECIPE = to_json("dcgan", RECIPES["dcgan"], "1")
READERS = {
    "record": Reader("recipe.json", text("recipe.json", RECIPE), lambda here: Run(here).recipe),
    "log": Reader("log.jsonl", text("log.jsonl", LINE), of_run, tolerant=True),
    "metrics": Reader("metrics.jsonl", text("metrics.jsonl", LINE), of_run, tolerant=True),
    "picture of a run": Reader(
        "pictures/000000003.png",
        lambda here: ((here / "pictures").mkdir(), pictures(here, "pictures/00000000{}.png")),
        of_run,
        tolerant=True,
    ),
    "options": Reader("x.yaml", text("x.yaml", "lr: 1e-3\n"), options),
    "remembered features": Reader(
        "features", remembered, lambda here: looking._read(here / "features", 3), tolerant=True
    ),
    "remembered features, sealed": Reader(
        "features", remembered, lambda here: looking._read(here / "features", 3), True, sealed
    ),
    "decoded pictures": Reader(
        "decoded/images.npy", decoded, lambda here: cache.load(here / "decoded"), tolerant=True
    ),
    "what is known of them": Reader(
        "decoded/about.json", decoded, lambda here: cache.load(here / "decoded"), tolerant=True
    ),
    "weights": Reader("weights.pth", weights, net_of),
    "picture": Reader("0.png", pictures, lambda here: folder.load(here, limit=0)),
    "zip": Reader("all.zip", zipped, lambda here: folder.load(here / "all.zip")),
    "member": Reader("all.zip", zipped, lambda here: folder.load(here / "all.zip"), wrap=member),
    "labels.csv": Reader(
        "labels.csv",
        labelled("labels.csv", "0.png,0\n1.png,1\n2.png,0\n3.png,1\n"),
        lambda here: folder.load(here, limit=0),
    ),
    "labels.json": Reader(
        "labels.json",
        labelled("labels.json", '{"labels": [["0.png", 0], ["1.png", 1]]}'),
        lambda here: folder.load(here, limit=1),
    ),
} | {
    f"{name}: {place}" + ", packed" * bool(wrap): Reader(
        f"{name}/{place}", published(name), of_catalogue(name), wrap=wrap or bytes
    )
    for name, place, wrap in (
        ("mnist", "t10k-images-idx3-ubyte.gz", None),
        ("mnist", "t10k-images-idx3-ubyte.gz", gzip.compress),
        ("mnist", "t10k-labels-idx1-ubyte.gz", gzip.compress),
        ("kmnist", "t10k-images-idx3-ubyte", None),
        ("cifar10", "cifar-10-batches-bin/test_batch.bin", None),
        ("cifar100", "cifar-100-binary.tar.gz", None),
        ("cifar100", "cifar-100-binary.tar.gz", gzip.compress),
        ("svhn", "test_32x32.mat", None),
        ("mnist-5k", "mnist_5k.csv.gz", None),
        ("mnist-5k", "mnist_5k.csv.gz", gzip.compress),
    )
}  # fmt: skip
ACCEPTED = {  # what says nothing, and so says nothing wrong
    "options": {"empty", "word"},
    "decoded pictures": set(),
}


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Published sets of a hundredth, and a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    counts = [known.counts for name, known in PUBLISHED.items() if name != "mnist-5k"]
    for sizes in {id(c): c for c in counts}.values():
        for split, count in list(sizes.items()):
            monkeypatch.setitem(sizes, split, count // 100)


@pytest.fixture
def here(tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    return place


def corpus(canary: Path) -> dict[str, bytes]:
    files = malice.payloads(canary)
    assert len(files) >= 60
    return files | malice.tensors() | malice.texts()


def warm(reader: Reader, here: Path) -> None:
    """A good file and a bad one, so that all is imported that reading needs."""
    reader.good(here)
    reader.read(here)
    kept = (here / reader.place).read_bytes()
    (here / reader.place).write_bytes(b"\0")
    tried(reader, here)
    (here / reader.place).write_bytes(kept)


def tried(reader: Reader, here: Path) -> bool:
    """Whether what lies there is refused, which takes one line."""
    try:
        reader.read(here)
    except UserError as error:
        line = str(error)
        assert line.isprintable() and len(line) < 2000, line
        return True
    return False


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_read_and_runs_nothing(name, here, tmp_path):
    reader = READERS[name]
    warm(reader, here)
    audited(lambda: reader.read(here), inside=tmp_path)


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_the_corpus_is_refused_and_runs_nothing(name, here, tmp_path):
    reader, canary = READERS[name], tmp_path / "canary"
    files = corpus(canary)
    warm(reader, here)

    def work():
        for what, data in files.items():
            print(name, "<-", what, file=sys.stderr)
            (here / reader.place).write_bytes(reader.wrap(data))
            refused = tried(reader, here)
            assert refused or reader.tolerant or what in ACCEPTED.get(name, ()), what

    check_growth(lambda: audited(work, inside=tmp_path))
    assert not canary.exists()


def check_growth(work: Callable[[], Any]) -> None:
    assert grown(work) < GROWTH


SENT = [name for name in READERS if not name.startswith(("decoded", "what is known"))]


@pytest.mark.parametrize("name", SENT)  # the other two lie in a cache, and are checked whole
def test_giants_and_pipes_are_not_waited_for(name, here, tmp_path):
    reader = READERS[name]
    warm(reader, here)

    def work():
        for make in (sparse, os.mkfifo):
            (here / reader.place).unlink()
            make(here / reader.place)
            assert tried(reader, here) or reader.tolerant

    check_growth(lambda: audited(work, inside=tmp_path))


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(GIANT)


def bomb() -> bytes:
    """Two megabytes that unpack to two gigabytes."""
    return 32 * gzip.compress(bytes(2**26), 9)


def swollen_tar() -> bytes:
    """An archive whose first member claims, as a header, two gigabytes."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**31
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT)) + bomb()


def swollen_weights() -> bytes:
    """Weights that unpack to more than is read of any file of them."""
    file, packed = io.BytesIO(), io.BytesIO()
    torch.save({"w": torch.zeros(2**27, dtype=torch.float32)}, file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return packed.getvalue()


def wide_picture() -> bytes:
    """Of 256 million black pixels in a few kilobytes."""
    file = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(file, "PNG")
    return file.getvalue()


BOMBS = {
    "mnist: t10k-images-idx3-ubyte.gz, packed": bomb,
    "mnist-5k: mnist_5k.csv.gz, packed": bomb,
    "cifar100: cifar-100-binary.tar.gz, packed": swollen_tar,
    "weights": swollen_weights,
    "picture of a run": wide_picture,
    "picture": wide_picture,
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unpacks_to_far_more_is_not_unpacked(name, here, tmp_path):
    reader = READERS[name]
    warm(reader, here)
    child = tmp_path / "bomb"
    child.write_bytes(BOMBS[name]())

    def work():
        shutil.copy(child, here / reader.place)
        assert tried(reader, here) or reader.tolerant

    check_growth(lambda: audited(work, inside=tmp_path))


@pytest.mark.parametrize("name", ("log.jsonl", "metrics.jsonl"))
def test_a_log_that_is_too_long_to_read_is_left_as_it_is(name, here):
    sparse(here / name)
    with pytest.raises(UserError, match="move it elsewhere"):
        Run(here).cut(8)
    assert (here / name).stat().st_size == GIANT


def test_the_growth_of_memory_is_seen():
    for _ in range(2):  # the second time in a process that has freed as much
        with pytest.raises(AssertionError):
            check_growth(lambda: bytearray(b"x") * (GROWTH * 2 * 1024))


def test_the_set_in_the_package_is_read_and_runs_nothing(tmp_path):
    embedded.read("test")
    audited(lambda: embedded.read("test"), inside=tmp_path)
