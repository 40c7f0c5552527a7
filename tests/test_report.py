import base64
import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cardigan import curves, report

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}",
    "{x.__class__}",
    "]]><!--",
    "a\0b\nc\x1b[31m\u202e",
    "\ud800",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "é" * 5000,
]
TAGS = {
    "b", "body", "circle", "dd", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3",
    "head", "header", "html", "i", "img", "line", "meta", "p", "polygon", "polyline", "small",
    "span", "style", "svg", "table", "tbody", "td", "text", "th", "thead", "title", "tr",
}  # fmt: skip
ATTRIBUTES = {
    "alt", "aria-label", "charset", "class", "content", "height", "http-equiv", "lang", "name",
    "points", "role", "src", "style", "text-anchor", "viewbox", "width",
    "x", "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
EMPTY = {"meta", "img"}


class Page(HTMLParser):
    """What a browser would make of a page; unbalanced or foreign markup fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.sources = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        self.sources += [value for name, value in attrs if name == "src"]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in TAGS and {name for name, _ in attrs} <= ATTRIBUTES

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts += [data.strip()] if data.strip() and self.open[-1] != "style" else []


def read(folder):
    path = report.write(folder)
    assert path == folder / "report.html"
    return Page(path.read_text("utf-8"))


def make(folder, lines=300, pictures=12, evil=None):
    name = evil or "dcgan"
    fields = {"data": name, "classes": None, "training": {"batch": 64, "betas": [0.5, 0.999]}}
    fields |= {evil: {evil: evil}} if evil else {}
    record = {"recipe": name, "version": evil or "0.1.0", "fields": fields}
    (folder / "recipe.json").write_text(json.dumps(record))
    log = [line(i * 1000, **({evil: 1.0} if evil else {})) for i in range(1, lines + 1)]
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in log))
    figure = {"value": 12.5, "floor": 2.5, "note": evil or "2,000 samples"}
    measured = {"seen": 300_000, evil or "frechet_distance": figure, "about": {"seed": 0}}
    (folder / "metrics.jsonl").write_text(json.dumps(measured) + "\n")
    (folder / "pictures").mkdir()
    for i in range(1, pictures + 1):
        noise = np.random.default_rng(i).integers(0, 256, (64, 64), dtype=np.uint8)
        Image.fromarray(noise).resize((700, 700), 0).save(folder / f"pictures/{i * 1000:09}.png")
    return folder


def line(seen, **more):
    told = {"discriminator": 1.2, "generator": 0.9, "real": 0.4, "fake": -0.3}
    told |= {"discriminator/gradient": 0.2, "generator/gradient": 0.1}
    return {"seen": seen, "seconds": seen / 1000, "images_per_second": 1000.0, **told, **more}


def test_the_page_shows_all_there_is(tmp_path):
    page = read(make(tmp_path))
    text = " ".join(page.texts)
    for shown in ("dcgan", "Samples after 12,000 images", "Losses", "Logits", "Gradient norms",
                  "Images per second", "Frechet distance 2,000 samples",  "Value / floor",
                  "note 2,000 samples 12.5 2.5 5", "training.batch 64", "0.5, 0.999",
                  "images seen 300,000", "time 0:05:00", "Measured with seed 0"):  # fmt: skip
        assert shown.replace("Frechet distance 2", "Frechet distance note 2") in text, shown
    assert len(page.sources) == 11  # the newest, and ten of twelve


def test_the_page_needs_nothing_from_anywhere(tmp_path):
    make(tmp_path)
    text = report.write(tmp_path).read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy and policy[1] == ("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert all(s.startswith("data:image/webp;base64,") for s in Page(text).sources)
    assert not re.search(r"https?:|url\(|@import|<script|<link|<iframe", text)


@pytest.mark.parametrize("evil", EVIL)
def test_what_comes_out_of_files_is_text_and_nothing_else(tmp_path, evil):
    page = read(make(tmp_path, lines=3, pictures=0, evil=evil))
    assert all(c.isprintable() or c == "\n" for text in page.texts for c in text)
    harmless = "".join(c if c.isprintable() else "\ufffd" for c in evil)[:200]
    assert any(harmless in text for text in page.texts)
    assert max(map(len, page.texts)) < 1000


def test_a_page_is_made_of_nothing(tmp_path):
    assert tmp_path.name in read(tmp_path).texts


@pytest.mark.parametrize("name", ["recipe.json", "log.jsonl", "metrics.jsonl"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\0", b"[1, 2", b'"text"', b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b"1e999",
     b'{"seen": 1e999, "real": 3}', b'{"seen": "x", "real": 3}', b'{"seen": true}',
     b'{"fields": [1], "recipe": {"a": []}, "version": null}', b'{"kernel": {"value": "high"}}',
     b'{"seen": 5, "real": ' + b"9" * 400 + b"}", b'{"seen": ' + b"9" * 5000 + b"}",
     b'{"seen": 0, "real": 0}', b'{"seen": -5, "real": NaN, "fake": Infinity}',
     b'{"seen": 5, "real": 1e308}\n{"seen": 6, "real": -1e308}'],
    ids=lambda b: repr(b[:24]),
)  # fmt: skip
def test_damaged_files_leave_their_part_out(tmp_path, name, content):
    make(tmp_path, lines=3, pictures=0)
    (tmp_path / name).write_bytes(content)
    read(tmp_path)


def test_a_line_that_was_cut_off_costs_that_line_alone(tmp_path):
    make(tmp_path, lines=3, pictures=0)
    whole = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "log.jsonl").write_bytes(whole[:-20])
    assert "images seen 2,000" in " ".join(read(tmp_path).texts)


def test_damaged_pictures_are_passed_over(tmp_path):
    folder = make(tmp_path, lines=1, pictures=3) / "pictures"
    whole = (folder / "000003000.png").read_bytes()
    (folder / "000003000.png").write_bytes(whole[: len(whole) // 2])
    (folder / "000004000.png").write_bytes(b"")
    (folder / "latest.png").write_bytes(whole)
    page = read(tmp_path)
    assert "Samples after 2,000 images" in page.texts and len(page.sources) == 3


def test_long_runs_make_small_pages(tmp_path):
    folder = make(tmp_path, lines=5000, pictures=100)
    page = read(folder)
    assert len(page.sources) == 11
    clocks = [int(t.replace(",", "")) for t in page.texts if re.fullmatch(r"\d+,000", t)]
    assert {1000, 100_000} <= set(clocks)
    text = (folder / "report.html").read_text()
    assert max(len(p.split()) for p in re.findall(r'points="([^"]*)"', text)) <= 500
    assert os.path.getsize(folder / "report.html") <= 3_000_000


def test_even_noise_makes_a_page_below_three_megabytes(tmp_path):
    (tmp_path / "pictures").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    for i in range(10):
        Image.fromarray(noise).save(tmp_path / f"pictures/{i:09}.png", compress_level=0)
    read(tmp_path)
    assert os.path.getsize(tmp_path / "report.html") <= 3_000_000


def test_the_newest_picture_is_what_the_file_holds(tmp_path):
    page = read(make(tmp_path, lines=1, pictures=2))
    import io

    shown = Image.open(io.BytesIO(base64.b64decode(page.sources[0].split(",")[1])))
    with Image.open(tmp_path / "pictures/000002000.png") as image:
        expected = np.asarray(image.convert("RGB"), dtype=float)
    assert np.abs(np.asarray(shown, dtype=float) - expected).mean() < 8


def test_the_same_run_makes_the_same_page(tmp_path):
    make(tmp_path)
    assert report.render(tmp_path) == report.render(tmp_path)


def xy(text):
    return np.array([[float(v) for v in pair.split(",")] for pair in text.split()])


def test_a_curve_goes_where_its_numbers_go():
    (drawn,) = curves.plots([{"seen": s, "real": s / 100} for s in (100, 200, 400)])
    (curve,) = drawn.curves
    points = xy(curve.line)
    assert np.allclose(points[:, 0], np.array([0.25, 0.5, 1]) * curves.WIDTH, atol=0.06)
    at = {tick.text: tick.at for tick in drawn.y_ticks}
    for (_, y), value in zip(points, (1, 2, 4), strict=True):
        assert abs(y - at[str(value)]) < 0.15
    assert drawn.title == "Logits" and curve.last == 4 and at["0"] == curves.HEIGHT


def test_thinning_keeps_the_mean_and_the_extremes():
    values = np.random.default_rng(0).normal(size=5000)
    thin = curves._thin(np.stack([np.arange(5000), values], 1))
    assert len(thin) == curves.POINTS
    assert abs(thin[:, 1].mean() - values.mean()) < 2e-3
    assert thin[:, 2].min() == values.min() and thin[:, 3].max() == values.max()
    assert (thin[:, 2] <= thin[:, 1]).all() and (thin[:, 1] <= thin[:, 3]).all()


def test_numbers_of_a_kind_share_a_frame_and_others_do_not():
    drawn = curves.plots([line(10, encoder=0.1, penalty=3.0) | {"encoder/gradient": 1.0}])
    assert [(p.title, [c.name for c in p.curves]) for p in drawn] == [
        ("Losses", ["discriminator", "encoder", "generator"]),
        ("Logits", ["fake", "real"]),
        ("Gradient norms", ["discriminator/gradient", "encoder/gradient", "generator/gradient"]),
        ("penalty", ["penalty"]),
        ("Images per second", ["images_per_second"]),
    ]


def test_of_two_lines_with_one_clock_the_last_counts():
    (drawn,) = curves.plots(
        [{"seen": 5, "real": 1}, {"seen": 7, "real": 2}, {"seen": 5, "real": 3}]
    )
    assert drawn.curves[0].last == 2
    assert len(xy(drawn.curves[0].line)) == 2


numbers = st.floats(width=64) | st.integers() | st.none() | st.booleans() | st.text(max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from(["seen", "real", "x"]), numbers), max_size=8))
def test_every_log_has_its_curves(log):
    for drawn in curves.plots(log):
        for curve in drawn.curves:
            assert np.isfinite(xy(curve.line)).all() and np.isfinite(curve.last)
        assert all(0 <= tick.at <= curves.HEIGHT for tick in drawn.y_ticks)
