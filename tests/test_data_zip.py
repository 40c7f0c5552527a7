"""Zips: read in place like folders; those that could harm are refused in one line."""

import io
import random
import stat
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from cardigan.data import archive, catalogue
from cardigan.data.check import check
from cardigan.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def png(seed=0):
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def named(name):
    """A zip with a member of that name beside a good one."""
    return lambda z: z.writestr(zipfile.ZipInfo(name), png())


def of_type(kind):
    def write(z):
        info = zipfile.ZipInfo("x.png")
        info.external_attr = (kind | 0o777) << 16
        z.writestr(info, "/etc/passwd")

    return write


def packed_by(method):
    return lambda z: z.writestr("x.png", png(), method)


def twice(first, second):
    def write(z):
        with pytest.warns(UserWarning) if first == second else io.BytesIO():
            z.writestr(first, png())
            z.writestr(second, png(1))

    return write


def zeros(megabytes):
    return lambda z: z.writestr("x.png", bytes(megabytes * 2**20), zipfile.ZIP_DEFLATED)


def backslashed(z):
    """ZipInfo leaves backslashes alone where they are no separator."""
    z.writestr(zipfile.ZipInfo("a\\..\\..\\x.png"), png())


EVIL_NAMES = [
    "../x.png", "../../../../tmp/x.png", "a/../../x.png", "a/..", "..", "a/../x.png",
    "/x.png", "/etc/passwd", "//server/x.png", "C:/x.png", "c:x.png", "C:\\x.png",
    "..\\x.png", "a\\b.png", "\\x.png", "\\\\server\\share\\x.png", "/../x.png", "./../x.png",
]  # fmt: skip
TYPES = {
    "symlink": stat.S_IFLNK, "device": stat.S_IFCHR, "block device": stat.S_IFBLK,
    "pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK,
}  # fmt: skip
EVIL = {
    **{f"name {name}": named(name) for name in EVIL_NAMES},
    **{f"type {name}": of_type(kind) for name, kind in TYPES.items()},
    **{f"method {k}": packed_by(k) for k in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)},
    "same name": twice("x.png", "x.png"),
    "same name, dotted": twice("x.png", "./x.png"),
    "same name, slashes": twice("a/x.png", "a//x.png"),
    "file and folder": twice("x.png", "x.png/"),
    "10,000 to 1": zeros(20),
    "over 100 to 1": zeros(1),
}

# What a tampered byte or two make of a good zip: of its first central record, or as a whole.
RECORD = b"PK\1\2"
TAMPER = {
    "NUL in a name": lambda c: c.replace(b"good", b"go\0d"),
    "encrypted": lambda c: _set(c, 8, "<H", 1),
    "sizes that lie": lambda c: _set(c, 24, "<I", 2**31),
    "another method": lambda c: _set(c, 10, "<H", 98),
    "no end": lambda c: c[:-30],
    "half of it": lambda c: c[: len(c) // 2],
    "not a zip": lambda c: b"PK\3\4" + random.Random(0).randbytes(1000),
    "a tar": lambda c: bytes(257) + b"ustar\x0000" + bytes(1000),
}


def _set(content, offset, layout, value):
    content = bytearray(content)
    struct.pack_into(layout, content, content.index(RECORD) + offset, value)
    return bytes(content)


def written(path, add=lambda z: None, good=3):
    with zipfile.ZipFile(path, "w") as z:
        for k in range(good):
            z.writestr(f"good{k}.png", png(100 + k))
        add(z)
    return path


def evil(path, case):
    if case in EVIL:
        return written(path, EVIL[case])
    path.write_bytes(TAMPER[case](written(path).read_bytes()))
    return path


def test_there_are_forty_cases():
    assert len(EVIL) + len(TAMPER) + len(CAPS) >= 40


@pytest.mark.parametrize("case", [*EVIL, *TAMPER])
def test_evil_zips_are_refused_in_one_line(tmp_path, case, monkeypatch):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    path = evil(tmp_path / "evil.zip", case)
    before = sorted(tmp_path.rglob("*"))
    for use in (catalogue.load, catalogue.describe):
        with pytest.raises(UserError) as told:
            use(str(path))
        assert str(told.value).isprintable()
    assert check(path).refused
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written anywhere"


CAPS = {
    "too many members": archive.Limits(members=2),
    "a member too large": archive.Limits(member_bytes=100),
    "too large": archive.Limits(total_bytes=1000),
    "too dense": archive.Limits(ratio=0),
}


@pytest.mark.parametrize("case", CAPS)
def test_caps(tmp_path, case):
    path = written(tmp_path / "a.zip")
    archive.opened(path)
    with pytest.raises(UserError, match="is refused"):
        archive.opened(path, CAPS[case])


def test_damaged_members_are_bad_files(tmp_path):
    """A flipped bit in packed data: the checksum tells, and the others are read."""
    path = written(tmp_path / "a.zip", good=200)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 40] ^= 1
    path.write_bytes(content)
    assert [f.file for f in check(path).findings] == ["good0.png"]
    assert len(catalogue.load(str(path))) == 199


def test_archives_inside_are_listed_and_left_alone(tmp_path):
    inner = written(tmp_path / "inner.zip").read_bytes()
    path = written(tmp_path / "a.zip", lambda z: z.writestr("more/inner.zip", inner), good=4)
    assert [(f.file, f.kind.name) for f in check(path).findings] == [
        ("more/inner.zip", "archive inside")
    ]
    assert len(catalogue.load(str(path))) == 4


def test_a_zip_equals_the_folder_that_it_was_made_of(tmp_path):
    files = {f"{'ab'[k % 2]}/{k}.png": png(k) for k in range(6)}
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in files.items():
            z.writestr("wrapped/" + name, content)
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        z.writestr("__MACOSX/a/._0.png", b"left by a system")
    one, two = (catalogue.load(str(tmp_path / name)) for name in ("set", "set.zip"))
    assert one.images.equal(two.images) and one.labels.equal(two.labels)
    assert one.classes == two.classes == ("a", "b")
    assert one.fingerprint == two.fingerprint
