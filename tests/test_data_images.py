"""Decoding: golden pixels of every mode, shapes, the choice of size and channels, and bombs."""

import io
import time
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from memory_tools import grown
from PIL import Image, ImageOps, PngImagePlugin

from cardigan.data import catalogue
from cardigan.data.archive import opened
from cardigan.data.check import check
from cardigan.data.findings import Finding
from cardigan.data.folder import attempt
from cardigan.data.images import BadPicture, decode, header, without_warnings

RAMP = np.arange(16, dtype=np.uint8).reshape(4, 4) * 17  # 0 to 255


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def encoded(image, kind="PNG", **settings):
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def pixels(content, size=4, channels=3, name="a.png"):
    return decode(io.BytesIO(content), name, size, channels)


def grey16():
    values = np.linspace(0, 65535, 16).astype(np.uint16).reshape(4, 4)
    return encoded(Image.fromarray(values)), RAMP


def palette():
    image = Image.fromarray(RAMP // 17).convert("L")
    image.putpalette([v for k in range(16) for v in (k * 17, 0, 255 - k * 17)], "RGB")
    return encoded(image), np.stack([RAMP, 0 * RAMP, 255 - RAMP])


def clear_palette():
    content = encoded(Image.open(io.BytesIO(palette()[0])), transparency=15)
    wanted = palette()[1].copy()
    wanted[:, 3, 3] = 255
    return content, wanted


def half_red():
    """Red at half opacity on white: 255, 127.5, 127.5."""
    return encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 128))), np.array([255, 127, 127])


def clear():
    return encoded(Image.new("RGBA", (4, 4), (9, 9, 9, 0))), np.full(3, 255)


def clear_grey():
    return encoded(Image.new("LA", (4, 4), (9, 0))), np.full(3, 255)


def clear_key():
    return encoded(Image.new("RGB", (4, 4), (9, 8, 7)), transparency=(9, 8, 7)), np.full(3, 255)


def bits():
    image = Image.fromarray(RAMP > 100)
    return encoded(image), np.where(RAMP > 100, 255, 0)


def cmyk():
    """Full cyan is no red."""
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    return encoded(image, "JPEG", quality=100), np.array([0, 255, 255])


GOLDEN = {
    f.__name__: f
    for f in (grey16, palette, clear_palette, half_red, clear, clear_grey, clear_key, bits, cmyk)
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_pixels(name):
    content, wanted = GOLDEN[name]()
    wanted = np.broadcast_to(wanted[:, None, None] if wanted.ndim == 1 else wanted, (3, 4, 4))
    lossy = {"cmyk": 1, "half_red": 1}  # JPEG, and a half that rounds either way
    assert np.abs(pixels(content).astype(int) - wanted).max() <= lossy.get(name, 0)


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight():
    values = np.arange(0, 65536, 16, np.uint16).reshape(64, 64)
    got = pixels(encoded(Image.fromarray(values)), 64, 1)[0]
    assert (got == np.round(values / 65535 * 255)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_own_size_is_exact(channels):
    got = pixels(encoded(Image.fromarray(RAMP)), 4, channels)
    assert got.shape == (channels, 4, 4) and (got == RAMP).all()


@pytest.mark.parametrize("turn", range(10))
def test_pictures_are_turned_upright(turn):
    """As Pillow turns them; 1 is upright, and 0 and 9 mean nothing."""
    exif = Image.Exif()
    exif[0x0112] = turn
    content = encoded(Image.fromarray(RAMP), exif=exif)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert (pixels(content, channels=1)[0] == np.asarray(wanted)).all()


@pytest.mark.parametrize(("width", "height"), [(40, 20), (20, 40), (41, 20), (30, 200)])
def test_rectangles_are_cropped_in_their_middle(width, height):
    """White in the central square, black outside: the result is white but for its edge."""
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    image = Image.new("L", (width, height), 0)
    image.paste(255, (left, top, left + short, top + short))
    got = pixels(encoded(image), 16, 1)[0]
    assert got.shape == (16, 16) and got[2:-2, 2:-2].min() >= 250


def test_resizing_is_antialiased():
    """A fine checkerboard becomes an even grey, where the nearest pixel would be 0 or 255."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    got = pixels(encoded(Image.fromarray(board)), 8, 1)
    assert np.abs(got.astype(int) - 127).max() <= 3


CHOICES = {
    "grey stays grey": (["L", "1", "I;16", "LA"], (40, 40), (32, 1)),
    "one in colour makes all so": (["L", "L", "RGB"], (40, 40), (32, 3)),
    "small ones are enlarged": (["RGB"], (10, 12), (16, 3)),
    "large ones stop at 256": (["RGB"], (700, 600), (256, 3)),
    "the short side counts": (["RGB"], (70, 65), (64, 3)),
}


@pytest.mark.parametrize("case", CHOICES)
def test_size_and_channels_are_chosen(tmp_path, case):
    modes, size, (side, channels) = CHOICES[case]
    for k, mode in enumerate(modes):
        Image.new(mode, size, 7 + k).save(tmp_path / f"{k}.png")
    info = catalogue.describe(str(tmp_path))
    assert (info.size, info.channels, info.count) == (side, channels, len(modes))
    assert catalogue.load(str(tmp_path)).images.shape == (len(modes), channels, side, side)
    asked = catalogue.load(str(tmp_path), size=24, channels=1).images
    assert asked.shape == (len(modes), 1, 24, 24) and asked.dtype == torch.uint8


def test_a_damaged_cache_is_made_again(tmp_path, cache):
    for k in range(5):
        Image.new("L", (16, 16), 40 * k).save(tmp_path / f"{k}.png")
    first = catalogue.load(str(tmp_path))
    images = first.images.clone()
    (kept,) = cache.rglob("images.npy")
    content = bytearray(kept.read_bytes())
    for damage in (content[:-1] + b"\x01", content[:100], b""):
        kept.write_bytes(damage)
        again = catalogue.load(str(tmp_path))
        assert again.images.equal(images) and again.fingerprint == first.fingerprint
    kept.with_name("about.json").write_text("{}")
    assert catalogue.load(str(tmp_path)).images.equal(images)


def test_the_cache_follows_the_folder(tmp_path):
    Image.new("L", (16, 16), 1).save(tmp_path / "1.png")
    first = catalogue.load(str(tmp_path))
    Image.new("L", (16, 16), 2).save(tmp_path / "2.png")
    second = catalogue.load(str(tmp_path))
    assert (len(first), len(second)) == (1, 2)
    assert first.fingerprint != second.fingerprint


def test_an_unwritable_cache_is_one_line(tmp_path, monkeypatch):
    Image.new("L", (16, 16)).save(tmp_path / "1.png")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(catalogue.UserError, match="set XDG_CACHE_HOME"):
        catalogue.load(str(tmp_path))


def png_bomb(width, height, depth=8, colour=2):
    """Black pixels: a thousand times smaller packed than unpacked."""
    file = io.BytesIO(b"")
    file.write(b"\x89PNG\r\n\x1a\n")
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    PngImagePlugin.putchunk(file, b"IHDR", size, bytes([depth, colour, 0, 0, 0]))
    PngImagePlugin.putchunk(file, b"IDAT", zlib.compress(bytes(10**7), 9))
    PngImagePlugin.putchunk(file, b"IEND", b"")
    return file.getvalue()


def jpeg_bomb(width, height):
    content = bytearray(encoded(Image.new("RGB", (8, 8)), "JPEG"))
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(content)


def webp_bomb(width, height, animated=False):
    frames = {"save_all": True, "append_images": [Image.new("RGB", (8, 8), "red")]}
    settings = frames if animated else {"xmp": b"<x/>"}
    content = bytearray(encoded(Image.new("RGB", (8, 8)), "WEBP", **settings))
    start = content.index(b"VP8X") + 12
    sides = ((side - 1).to_bytes(3, "little") for side in (width, height))
    content[start : start + 6] = b"".join(sides)
    return bytes(content)


SIDES = [(9_000, 9_000), (16_000, 16_000), (65_500, 1_000), (1_000, 65_500), (60_000, 60_000)]
BOMBS = {
    **{f"{w}x{h}.{d}.{c}.png": png_bomb(w, h, d, c)
       for w, h in SIDES for d, c in ((8, 2), (16, 6), (1, 0))},
    **{f"{w}x{h}.jpg": jpeg_bomb(w, h) for w, h in SIDES},
    **{f"{w}x{h}.webp": webp_bomb(w, h) for w, h in SIDES},
    **{f"{w}x{h}.moving.webp": webp_bomb(w, h, True) for w, h in SIDES},
}  # fmt: skip


def test_there_are_thirty_bombs():
    assert len(BOMBS) == 30


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_bad_files(tmp_path, name):
    """Within a second of work and 100 MiB, under any ending."""

    def work():
        for file in (name, "a.png"):
            Path(tmp_path, file).write_bytes(BOMBS[name])
            for read in (header, partial(decode, size=32, channels=3)):
                with without_warnings():
                    found = attempt(opened(tmp_path), read, file)
                assert isinstance(found, Finding) and found.kind.bad

    start = time.process_time()
    assert grown(work) < 100 * 1024  # KiB
    assert time.process_time() - start < 1


def test_a_folder_of_bombs_is_told(tmp_path):
    for name, content in BOMBS.items():
        Path(tmp_path, name).write_bytes(content)
    report = check(tmp_path)
    assert report.refused and report.good == 0
    assert {f.file for f in report.findings} >= BOMBS.keys()


def test_other_formats_are_never_decoded():
    """A TIFF, a GIF and an EPS by any name are not opened."""
    for kind in ("TIFF", "GIF", "EPS", "PPM", "ICO"):
        content = encoded(Image.new("RGB", (32, 32)), kind)
        with pytest.raises(BadPicture):
            pixels(content)
