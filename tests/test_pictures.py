import math
import os

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cardigan.pictures import draw, grid, save, scatter

SHAPES = [(1, 1, 28, 28), (64, 1, 28, 28), (64, 3, 32, 32), (10, 3, 16, 24), (100, 1, 8, 8)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1, 3])
def test_every_pixel_is_where_it_belongs(shape, scale):
    n, channels, height, width = shape
    images = torch.randint(0, 255, shape, dtype=torch.uint8)
    gap, columns = 2, math.ceil(math.sqrt(n))
    pixels = np.asarray(grid(images, gap=gap, scale=scale))
    pixels = pixels.reshape(*pixels.shape[:2], channels)
    down, right = height * scale + gap, width * scale + gap
    assert pixels.shape[:2] == (-(-n // columns) * down + gap, columns * right + gap)
    inside = np.zeros(pixels.shape[:2], dtype=bool)
    for i, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        y, x = i // columns * down + gap, i % columns * right + gap
        cell = np.s_[y : y + height * scale, x : x + width * scale]
        assert (pixels[cell] == image.repeat(scale, 0).repeat(scale, 1)).all()
        inside[cell] = True
    assert (pixels[~inside] == 255).all()


@pytest.mark.parametrize("size", [8, 14, 16, 24, 28, 32, 40, 48, 64, 96])
@pytest.mark.parametrize("n", [1, 16, 64])
def test_small_images_are_enlarged_by_a_whole_factor(size, n):
    images = torch.zeros(n, 3, size, size, dtype=torch.uint8)
    width = grid(images).width
    columns = math.isqrt(n)
    assert (width - 2 * (columns + 1)) % (columns * size) == 0
    if n == 64:
        assert 500 <= width <= 900


def test_large_images_are_not_shrunk():
    assert grid(torch.zeros(64, 3, 256, 256, dtype=torch.uint8)).width == 8 * 258 + 2


def test_columns_are_as_asked_for():
    picture = grid(torch.zeros(7, 1, 4, 4, dtype=torch.uint8), columns=7, gap=0, scale=1)
    assert picture.size == (28, 4) and picture.mode == "L"


def test_draw_turns_floats_into_the_nearest_bytes():
    images = torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8)
    floats = images.float() / 127.5 - 1
    assert np.array_equal(draw(floats), draw(images))
    assert np.array_equal(draw(images), grid(images))


def test_points_are_drawn_over_real_ones_in_the_frame_of_the_real_ones():
    real = torch.randn(500, 2)
    near = np.asarray(draw(torch.zeros(1, 2), real))
    far = np.asarray(draw(torch.full((1, 2), 1e6), real))
    assert near.shape == (600, 600, 3)
    blue = (near[..., 2].astype(int) - near[..., 0]) > 60
    assert 4 < blue.sum() < 400 and not (near == far).all()
    # Nothing but the one point differs: the frame and the real points are the same.
    assert ((near != far).any(-1)).sum() < 400


@pytest.mark.parametrize(
    "points", [[[math.nan, 0.0]], [[0.0, 0.0]], [[math.inf, 1.0], [1.0, 1.0]]]
)
def test_points_may_be_anything(points):
    assert scatter(torch.tensor(points)).size == (600, 600)


def test_drawing_points_is_repeatable_and_leaves_matplotlib_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    points = torch.randn(50, 2)
    assert np.array_equal(scatter(points), scatter(points))
    assert dict(matplotlib.rcParams) == before


def test_saved_pictures_hold_pixels_and_nothing_else(tmp_path):
    picture, text = Image.new("L", (4, 4), 7), PngInfo()
    text.add_text("user", "somebody")
    picture.save(tmp_path / "a.png", pnginfo=text, dpi=(72, 72), icc_profile=b"a camera")
    with Image.open(tmp_path / "a.png") as noted:
        assert noted.info
        save(noted, tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as bare:
        assert not bare.info and np.array_equal(bare, picture)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]


def test_a_failed_save_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    save(Image.new("L", (4, 4), 7), path)
    old = path.read_bytes()
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(Image.new("L", (4, 4), 9), path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["a.png"]
