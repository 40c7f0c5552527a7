"""Sets that others published: their facts, how their files are named and read, where they lie.

Addresses and checksums are those that TensorFlow Datasets lists.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import formats
from .formats import Arrays

Read = Callable[[Path, str], Arrays]
TEN = tuple("0123456789")


class File(NamedTuple):
    """A file as it is published."""

    url: str
    sha256: str


class Published(NamedTuple):
    """A set that may be on this machine.

    Attributes:
        counts: Pictures in each split.
        patterns: Where the pictures of a split lie below a folder of data sets.
        words: What stands for a split in the patterns.
        read: From the file found, and the split, to the pictures.
        files: What `cardigan data fetch` gets.
    """

    counts: dict[str, int]
    size: int
    channels: int
    classes: tuple[str, ...]
    patterns: tuple[str, ...]
    words: dict[str, str]
    read: Read
    files: tuple[File, ...] = ()


def _idx(images: Path, split: str, counts: dict[str, int]) -> Arrays:
    labels = images.with_name(images.name.replace("images-idx3", "labels-idx1"))
    pictures = formats.read_idx(images, (counts[split], 28, 28))
    answers = formats.read_idx(labels, (counts[split],))
    return Arrays(pictures[:, None], answers.astype(np.int64))


def _cifar10(path: Path, split: str) -> Arrays:
    """Each of the five batches holds as many pictures as the tests."""
    members = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}
    shape = (_FIFTY["test"], 10, 32)
    return formats.read_cifar(_folder_or_archive(path), members[split], 1, shape)


def _cifar100(path: Path, split: str) -> Arrays:
    shape = (_FIFTY[split], 100, 32)
    return formats.read_cifar(_folder_or_archive(path), [f"{split}.bin"], 2, shape)


def _svhn(path: Path, split: str) -> Arrays:
    return formats.read_svhn(path, _SVHN[split])


def _mnist_5k(path: Path, split: str) -> Arrays:
    """The first 400 of each digit are for training, the last 100 for tests."""
    images, labels = formats.read_rows(path, (5_000, 28, 28))
    order = np.argsort(labels, kind="stable").reshape(10, 500)
    index = np.sort({"train": order[:, :400], "test": order[:, 400:]}[split], axis=None)
    return Arrays(images[index], labels[index])


def _folder_or_archive(path: Path) -> Path:
    return path.parent if path.suffix == ".bin" else path


_SIXTY = {"train": 60_000, "test": 10_000}
_FIFTY = {"train": 50_000, "test": 10_000}
_SVHN = {"train": 73_257, "test": 26_032}
_SAME = {"train": "train", "test": "test"}
_IDX = {"train": "train", "test": "t10k"}
_IDX_FILES = tuple(
    f"{split}-{kind}-ubyte.gz"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)
_CLOTHES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
_THINGS = "airplane automobile bird cat deer dog frog horse ship truck"
_MORE_THINGS = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange
orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit
raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip
turtle wardrobe whale willow_tree wolf woman worm"""


def _like_mnist(
    folders: tuple[str, ...], classes: tuple[str, ...], url: str, sha256: tuple[str, ...]
) -> Published:
    patterns = tuple(f"{folder}/{{}}-images-idx3-ubyte{end}" for folder in folders for end in ENDS)
    files = tuple(File(url + n, check) for n, check in zip(_IDX_FILES, sha256, strict=True))
    return Published(_SIXTY, 28, 1, classes, patterns, _IDX, partial(_idx, counts=_SIXTY), files)


ENDS = ("", ".gz")

PUBLISHED: dict[str, Published] = {
    "fashion-mnist": _like_mnist(
        ("fashion-mnist", "FashionMNIST/raw"),
        tuple(_CLOTHES.split(",")),
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "mnist": _like_mnist(
        ("mnist", "MNIST/raw"),
        TEN,
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "kmnist": _like_mnist(
        ("kmnist", "KMNIST/raw"),
        tuple("o ki su tsu na ha ma ya re wo".split()),
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
    "mnist-5k": Published(
        {"train": 4_000, "test": 1_000},
        28,
        1,
        TEN,
        ("mnist-5k/mnist_5k.csv.gz",),
        _SAME,
        _mnist_5k,
    ),
    "cifar10": Published(
        _FIFTY,
        32,
        3,
        tuple(_THINGS.split()),
        (
            "cifar10/cifar-10-binary.tar.gz",
            "cifar10/cifar-10-batches-bin/test_batch.bin",
            "cifar-10-binary.tar.gz",
            "cifar-10-batches-bin/test_batch.bin",
        ),
        _SAME,
        _cifar10,
        (
            File(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    ),
    "cifar100": Published(
        _FIFTY,
        32,
        3,
        tuple(_MORE_THINGS.split()),
        (
            "cifar100/cifar-100-binary.tar.gz",
            "cifar100/cifar-100-binary/{}.bin",
            "cifar-100-binary.tar.gz",
            "cifar-100-binary/{}.bin",
        ),
        _SAME,
        _cifar100,
        (
            File(
                "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
    ),
    "svhn": Published(
        _SVHN,
        32,
        3,
        TEN,
        ("svhn/{}_32x32.mat", "{}_32x32.mat"),
        _SAME,
        _svhn,
        (
            File(
                "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
                "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
            ),
            File(
                "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
                "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
            ),
        ),
    ),
}
