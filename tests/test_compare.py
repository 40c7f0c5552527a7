"""Comparisons: what statistics claims, what a page shows, and what a user may ask for."""

import json
import math
from html.parser import HTMLParser
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from cardigan import comparison, subjects
from cardigan.__main__ import main
from cardigan.commands.compare import compare
from cardigan.compare_page import places, render, rounded, rounded_floor
from cardigan.comparison import compared, differing, holm, names, pairs, summary
from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics.bootstrap import mean_interval
from cardigan.metrics.measure import chosen, measure
from cardigan.run import Run

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def entry(value, error=0.1, floor=0.0, better="lower"):
    """A figure whose standard error is `error`."""
    reach = 1.959963984540054 * error
    return {
        "value": value,
        "floor": floor,
        "low": value - reach,
        "high": value + reach,
        "better": better,
    }


# ------------------------------------------------------------------------------------ statistics


@given(probabilities)
def test_holms_procedure_is_the_closed_test_of_bonferroni(ps):
    """A hypothesis falls exactly if Bonferroni's test rejects every set that it belongs to."""
    sets = [s for k in range(1, len(ps) + 1) for s in combinations(range(len(ps)), k)]
    falls = [
        all(min(ps[j] for j in s) <= 0.05 / len(s) for s in sets if i in s) for i in range(len(ps))
    ]
    margin = min(abs(p * k - 0.05) for p in ps for k in range(1, len(ps) + 1))
    if margin > 1e-9:  # where rounding decides, either answer is right
        assert [test.p <= 0.05 for test in holm(ps, 0.05)] == falls
        assert [p <= test.level for p, test in zip(ps, holm(ps, 0.05), strict=True)] == falls


def test_adjusted_values_of_a_worked_example():
    assert [t.p for t in holm([0.01, 0.04, 0.03, 0.005])] == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )


def test_a_pair_is_a_test_of_two_means():
    (pair,) = pairs({"a": entry(1.0, 0.3), "b": entry(2.0, 0.4)})
    assert pair.difference == -1 and pair.p == pytest.approx(2 * stats.norm.cdf(-2))
    assert (pair.low, pair.high) == pytest.approx(stats.norm.interval(0.95, -1, 0.5))
    assert pair.better == "a"


finite = st.floats(-1e3, 1e3).map(lambda x: round(x, 6))
errors = st.floats(1e-3, 1e2)


@given(st.lists(st.tuples(finite, errors), min_size=2, max_size=5), st.sampled_from(["lower", "higher", "floor"]))  # fmt: skip  # noqa: E501
def test_an_interval_leaves_zero_out_exactly_where_two_can_be_told_apart(values, better):
    entries = {str(i): entry(v, e, floor=3.0) for i, (v, e) in enumerate(values)}
    for pair in pairs(entries, better):
        if abs(pair.p - 0.05) > 1e-9:
            assert (pair.low > 0 or pair.high < 0) == (pair.better is not None) == (pair.p < 0.05)


@given(st.lists(st.tuples(finite, errors), min_size=2, max_size=4), st.sampled_from(["lower", "higher", "floor"]))  # fmt: skip  # noqa: E501
def test_the_order_of_the_words_does_not_matter(values, better):
    entries = {str(i): entry(v, e, floor=3.0) for i, (v, e) in enumerate(values)}
    forth = {frozenset(p[:2]): p.better for p in pairs(entries, better)}
    back = {frozenset(p[:2]): p.better for p in pairs(dict(reversed(entries.items())), better)}
    assert forth == back


DIRECTIONS = [("lower", "a"), ("higher", "b"), ("floor", "b")]


@pytest.mark.parametrize(("better", "winner"), DIRECTIONS)
def test_each_figure_has_its_own_good(better, winner):
    entries = {"a": entry(1, floor=4.5), "b": entry(5, floor=4.5)}
    assert pairs(entries, better)[0].better == winner


def test_nearness_to_the_floor_counts_from_both_sides():
    entries = {"under": entry(3, floor=4), "over": entry(5.05, floor=4)}
    (pair,) = pairs(entries, "floor")
    assert pair.difference == pytest.approx(-0.05) and pair.better is None


def test_more_pairs_ask_for_more():
    """What two alone would settle is left open among many."""
    two = {"a": entry(0.0), "b": entry(0.3)}
    assert pairs(two)[0].better == "a"
    many = two | {str(i): entry(0.15) for i in range(6)}
    assert pairs(many)[0].better is None and comparison.best(list(many), pairs(many)) is None


def test_what_has_no_noise_differs_or_does_not():
    found = pairs({"a": entry(1, 0), "b": entry(1, 0), "c": entry(2, 0)})
    assert [pair.better for pair in found] == [None, "a", "b"]


@pytest.mark.parametrize("hole", [{"low": None}, {"high": math.nan}, {"low": -math.inf}])
def test_without_an_interval_there_is_no_verdict(hole):
    entries = {"a": entry(1), "b": entry(2), "c": entry(9) | hole}
    assert {pair[:2] for pair in pairs(entries)} == {("a", "b")}
    assert comparison.best(list(entries), pairs(entries)) is None, "c was never compared"


def test_equal_generators_are_told_apart_one_time_in_twenty_at_most():
    """Three sets of samples from one law, a thousand times: any claim at all is a false one."""
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(1000, 3, 100, generator=draw)
    claims = sum(any(pair.better for pair in pairs(_means(three))) for three in samples)
    assert 20 <= claims <= 65, "about one in twenty, and not far fewer: the test is not idle"


def test_generators_that_differ_are_told_apart_as_often_as_theory_says():
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(1000, 2, 100, generator=draw) + torch.tensor([[[0.0], [0.4]]])
    right = sum(pairs(_means(two))[0].better == "0" for two in samples) / 1000
    power = stats.norm.sf(1.96 - 0.4 / math.sqrt(2 / 100))
    assert right == pytest.approx(power, abs=0.05)


def _means(sets):
    intervals = [mean_interval(values) for values in sets]
    return {
        str(i): entry(values.double().mean().item()) | interval._asdict()
        for i, (values, interval) in enumerate(zip(sets, intervals, strict=True))
    }


# ----------------------------------------------------------------------------------- the results


def test_only_figures_that_all_have_are_compared():
    found = compared(
        {
            "a": {"fd": entry(1), "own": entry(2), "about": {"samples": 9}, "seen": 3},
            "b": {"fd": entry(2), "about": {"samples": 9}, "classes": {"x": {"samples": 2}}},
        }
    )
    assert list(found) == ["fd"] and found["fd"]["best"] == "a"
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_figure_of_unknown_direction_is_better_when_lower():
    bare = {"value": 1.0, "floor": 0.0}
    assert compared({"a": {"x": bare}, "b": {"x": bare}})["x"] == {
        "better": "lower",
        "floor": 0.0,
        "values": {"a": bare, "b": bare},
        "best": None,
        "pairs": [],
    }


SUMMARIES = {
    "two apart": ([1, 5], "a is better than b"),
    "two alike": ([1, 1], "a and b can't be told apart at n = 9"),
    "three apart": ([1, 5, 9], "a is better than b and c; b is better than c"),
    "three alike": ([1, 1, 1], "any two can't be told apart at n = 9"),
    "one stands out": (
        [1, 5, 5],
        "a is better than b and c; b and c can't be told apart at n = 9",
    ),
}


@pytest.mark.parametrize(("values", "words"), SUMMARIES.values(), ids=SUMMARIES)
def test_pairs_come_to_one_line(values, words):
    entries = dict(zip("abc", map(entry, values), strict=False))
    assert summary(pairs(entries), 9) == words


@pytest.mark.parametrize(
    ("paths", "ends"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["x/a/run", "x/b/run"], ["a/run", "b/run"]),
        (["run", "run/checkpoints/000000100"], ["run", "000000100"]),
    ],
)
def test_names_are_the_shortest_that_differ(paths, ends):
    assert names(paths) == ends


def test_settings_that_differ():
    found = differing({"a": {"x": 1, "y": [1, 2], "z": 0}, "b": {"x": 1, "y": [1, 3]}})
    assert found == {"y": {"a": [1, 2], "b": [1, 3]}, "z": {"a": 0}}


ROUNDED = {
    "two digits of half the width": ([(0.11, 0.13)], 0.123456, "0.123"),
    "thousands": ([(1200.0, 1300.0)], 1234.5, "1,234"),
    "a minus sign": ([(-0.9, -0.1)], -0.5, "\N{MINUS SIGN}0.50"),
    "no minus for nothing": ([(-0.9, -0.1)], -0.001, "0.00"),
    "the narrowest decides": ([(0.0, 2.0), (1.10, 1.14)], 1.123456, "1.123"),
    "within reason": ([(0.0, 2.0), (1.1, 1.10001)], 1.123456, "1.123"),
    "no width": ([(2.0, 2.0)], 2.0, "2"),
    "no interval": ([(None, None)], 0.51239, "0.5124"),
}


@pytest.mark.parametrize(("bounds", "value", "shown"), ROUNDED.values(), ids=ROUNDED)
def test_numbers_are_rounded_to_what_their_intervals_can_bear(bounds, value, shown):
    assert rounded(value, places(bounds)) == shown


@pytest.mark.parametrize(
    ("floor", "shown"), [(0.0429, "0.043"), (3.14159, "3.14"), (0.0, "0"), (None, "–")]
)
def test_a_floor_keeps_two_digits(floor, shown):
    assert rounded_floor(floor, 2) == shown


# -------------------------------------------------------------------------------------- the page


class Page(HTMLParser):
    """What a browser makes of it: texts and sources; markup that is unbalanced or alive fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.sources = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "iframe", "object", "link", "a", "form"), tag
        assert not [name for name, _ in attrs if name.startswith("on") or name == "href"]
        self.sources += [value for name, value in attrs if name == "src"]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in ("line", "circle")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts += [data.strip()] if data.strip() and self.open[-1] != "style" else []


EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "a\0b\x1b[31m\u202e",
    "\ud800",
    "é" * 5000,
]


def results(evil, **changes):
    about = {"samples": 9, "reals": 9, "draws": 2, "seed": 0, "data": evil, "notes": [evil]}
    cost = {"path": evil, "seen": 3, "seconds": 9e99, "generator": None, "players": 12}
    measured = {evil: {"fd": entry(1.0), evil: entry(1)}, "b": {"fd": entry(5.0), evil: entry(1)}}
    return {
        "about": about,
        "subjects": {evil: cost, "b": cost | {"seen": None}},
        "figures": compared(measured),
        "settings": {"data": {evil: evil}, evil: {evil: [evil, 1], "b": None}},
    } | changes


@pytest.mark.parametrize("evil", EVIL)
def test_a_page_is_self_contained_and_shows_words_as_words(evil):
    picture = Image.fromarray(np.zeros((20, 20), "uint8"))
    text = render(results(evil), {"reals": picture, evil: picture, "b": picture})
    page = Page(text)
    assert len(page.sources) == 3 and all(s.startswith("data:image/webp") for s in page.sources)
    assert "default-src 'none'" in text and "49" not in page.texts
    words = " ".join(page.texts)
    assert all(c.isprintable() for c in words)
    assert evil.isprintable() is False or len(evil) > 99 or evil in words


def test_a_page_says_what_can_be_told():
    picture = Image.new("L", (20, 20))
    text = render(results("a"), {"reals": picture, "a": picture, "b": picture})
    words = " ".join(Page(text).texts)
    assert "a is better than b" in words and "a and b can't be told apart at n = 9" in words
    assert text.count('class="best"') == 1


# ----------------------------------------------------------------------------------- the command

TINY = "--size=16 --width=2 --latents=8 --training.batch=4 --training.log_every=4 --images=8"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two runs that have hardly begun, and a folder of real pictures of another size."""
    folder = tmp_path_factory.mktemp("place")
    for name, more in (("one", "--lr=0.001"), ("other", "--loss=hinge")):
        words = ["train", "dcgan", *TINY.split(), more, "--measure=0", "--training.device=cpu"]
        assert main([*words, "--out", str(folder / name)]) == 0
    (folder / "images").mkdir()
    for i, image in enumerate(catalogue.load("fashion-mnist-mini", "test").images[:60, 0]):
        Image.fromarray(image.numpy()).save(folder / "images" / f"{i:02}.png")
    return folder


def told(capsys, *words, **options):
    capsys.readouterr()
    compare([str(word) for word in words], json=True, device="cpu", **options)
    return json.loads(capsys.readouterr().out)


def test_runs_and_folders_are_measured_alike(place, capsys, tmp_path):
    out = tmp_path / "deep" / "page.html"
    found = told(
        capsys, place / "one", place / "images", place / "other", metrics=["fid"], out=str(out)
    )
    about, figure = found["about"], found["figures"]["frechet_distance"]
    assert about["samples"] == about["reals"] == 60, "as many of each as the folder holds"
    notes = " ".join(about["notes"])
    assert "images has no more" in notes and "from 1x28x28" in notes
    assert figure["best"] == "images", "reals are better than what hardly began"
    assert [pair["better"] for pair in figure["pairs"]][::2] == ["images", "images"]
    assert found["subjects"]["images"]["generator"] is None
    one = found["subjects"]["one"]
    game = Run(place / "one").load()
    assert one["seen"] == game.seen == 8 and one["seconds"] > 0
    assert one["generator"] == sum(p.numel() for p in game.players["generator"].net.parameters())
    assert one["players"] > one["generator"]
    assert found["settings"] == {
        "lr": {"one": 0.001, "other": 0.0008},
        "loss": {"one": "non-saturating", "other": "hinge"},
    }
    words = " ".join(Page(out.read_text()).texts)
    assert "images is better than one" in words


def test_company_does_not_change_a_figure(place, capsys, tmp_path):
    """It is what `measure` gives for one alone, at the same count and seed."""
    out = str(tmp_path / "page.html")
    found = told(capsys, place / "one", place / "other", n=50, seed=3, metrics=["kid"], out=out)
    subject = subjects.subject(str(place / "one"), "cpu")
    reals = subject.reals()
    figures = chosen(reals.train, ["kid"])
    alone = measure(subject.draw(50, 3).images, *reals, 3, figures)
    values = found["figures"]["kernel_distance"]["values"]
    assert values["one"] == json.loads(json.dumps(alone["kernel_distance"]))
    assert values["one"]["floor"] == values["other"]["floor"], "the same reals for all"


def test_a_table_is_printed(place, capsys, tmp_path):
    capsys.readouterr()
    paths, out = [str(place / "one"), str(place / "other")], str(tmp_path / "page.html")
    compare(paths, metrics=["fid"], n=50, out=out, device="cpu")
    printed = capsys.readouterr().out
    assert "frechet_distance" in printed and "hinge" in printed and out in printed
    assert "can't be told apart" in printed or "is better than" in printed


@pytest.fixture(scope="module")
def strange(place):
    """Records of runs that were never trained: what does not fit is told before anything runs."""
    record = json.loads((place / "one" / "recipe.json").read_text())
    for name, changes in {"avenue": {"data": "grid25"}, "large": {"size": 32}}.items():
        (place / name).mkdir()
        fields = record["fields"] | changes
        (place / name / "recipe.json").write_text(json.dumps(record | {"fields": fields}))
    return place


MISTAKES = {
    "nothing": ([], {}, "expected two or more"),
    "one": (["one"], {}, "cardigan evaluate"),
    "the same twice": (["one", "one"], {}, "name each once"),
    "folders alone": (["images", "elsewhere"], {}, "--against DATA"),
    "unlike data": (["one", "avenue"], {}, "runs on the same data.*one: fashion.*--against"),
    "unlike shapes": (["one", "large"], {}, "one shape.*cardigan sample"),
    "pictures and points": (
        ["one", "images"],
        {"against": "ring8"},
        "expected pictures.*of one.*got ring8",
    ),
    "no such folder": (["one", "nowhere"], {}, "nowhere"),
    "misspelt": (["one", "other"], {"metrics": ["frechet_distence"]}, "did you mean"),
    "no page": (["one", "other"], {"out": "page.pdf"}, ".html"),
    "no samples": (["one", "other"], {"n": 1}, "-n of 2"),
}


@pytest.mark.parametrize(("words", "options", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_in_one_line(strange, words, options, says, tmp_path):
    options = {"out": str(tmp_path / "page.html"), "device": "cpu"} | options
    with pytest.raises(UserError, match=says) as mistake:
        compare([str(strange / word) for word in words], **options)
    assert "\n" not in str(mistake.value) and not (tmp_path / "page.html").exists()


def test_how_long_a_run_had_trained_by_a_checkpoint(tmp_path):
    run = Run(tmp_path)
    assert run.seconds() is None
    for seen in (10, 20, 30):
        run.append_log({"seen": seen, "seconds": seen / 10})
    assert [run.seconds(seen) for seen in (9, 10, 25, 99)] == [None, 1.0, 2.0, 3.0]
    assert run.seconds() == 3.0
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"seen": 40, "sec')  # a kill cut it short
    assert run.seconds(99) == 3.0
