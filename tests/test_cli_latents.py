"""`cardigan interpolate`, `directions`, `mix` and `invert`: pictures, numbers and mistakes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from small import SMALL
from styled import LAYERS, SIDE, styled

import cardigan.commands.directions as directions_command
from cardigan import __version__, checkpoint
from cardigan.__main__ import main
from cardigan.data import avatars, catalogue
from cardigan.data.stream import as_bytes
from cardigan.explore import inversion
from cardigan.metrics import attributes
from cardigan.pictures import grid, save_animation
from cardigan.recipe import to_json
from cardigan.run import Run
from cardigan.subjects import Reals, Subject

NAMES = ("dcgan", "sngan-projection", "cgan-pictures", "bigan", "ring-gan", "classifier")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs as they were made, for the data that are shipped, and pictures of two garments."""
    place = tmp_path_factory.mktemp("latents")
    for name in NAMES:
        recipe = SMALL[name]
        torch.manual_seed(0)
        game, record = recipe.game(), to_json(name, recipe, __version__)
        for p in game.parameters():  # so that latents tell
            p.data.add_(0.1 * torch.randn_like(p))
        (place / name).mkdir()
        (place / name / "recipe.json").write_text(record)
        checkpoint.save(place / name / "checkpoints", game, record, {})
    clothes = catalogue.load("fashion-mnist-mini", "test", 16).images
    for i in range(2):
        grid(clothes[i][None], gap=0, scale=1).save(place / f"{i}.png")
    return place


@pytest.fixture
def style_run(place, monkeypatch):
    """A run of a game with a mapping network and styles."""
    monkeypatch.setattr("cardigan.commands.latents.explored", lambda run, device: styled())
    return str(place / "dcgan")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Latents by which directions are found and starts are chosen."""
    monkeypatch.setattr(directions_command, "FOUND_BY", 200)
    monkeypatch.setattr(inversion, "DRAWN", 64)


def told(capsys, *words):
    capsys.readouterr()
    assert main([*map(str, words)]) == 0
    return capsys.readouterr().out


# ----------------------------------------------------------------------------------- interpolate


def cells(path, rows, columns):
    """Of a strip [R, C], what each picture holds."""
    pixels = np.asarray(Image.open(path).convert("L"))
    high, wide = ((n - 2) // k for n, k in zip(pixels.shape, (rows, columns), strict=True))
    strips = [
        [
            pixels[2 + r * high : (r + 1) * high, 2 + c * wide : (c + 1) * wide]
            for c in range(columns)
        ]
        for r in range(rows)
    ]
    return np.array(strips)


@pytest.mark.parametrize("words", [
    ("dcgan",),
    ("dcgan", "--path", "straight"),
    ("sngan-projection", "--classes", "2", "5"),
    ("sngan-projection", "--between", "classes"),
    ("sngan-projection", "--between", "both"),
    ("cgan-pictures", "--between", "both"),
])  # fmt: skip
def test_a_strip_has_a_way_a_row(words, place, tmp_path, capsys):
    out = tmp_path / "deep" / "strip.png"
    name, *options = words
    said = told(capsys, "interpolate", place / name, *options, "--rows", 3, "--steps", 5,
                "--out", out)  # fmt: skip
    assert said.strip() == str(out)
    strip = cells(out, 3, 5)
    assert strip.shape[:2] == (3, 5)
    again = tmp_path / "again.png"
    told(capsys, "interpolate", place / name, *options, "--rows", 3, "--steps", 5, "--out", again)
    assert out.read_bytes() == again.read_bytes(), "the seed decides"


def test_ends_of_a_strip_are_samples(place, tmp_path, capsys):
    """And another path leads to the same end by other samples."""
    strips = []
    for path in ("straight", "spherical"):
        out = tmp_path / f"{path}.png"
        told(capsys, "interpolate", place / "dcgan", "--path", path, "--rows", 2, "--out", out)
        strips.append(cells(out, 2, 9))
    assert (strips[0][:, [0, -1]] == strips[1][:, [0, -1]]).all()
    assert (strips[0][:, 4] != strips[1][:, 4]).any()


def test_between_classes_a_row_begins_and_ends_with_them(place, tmp_path):
    """Row r goes from class r to class r + 1: the first row's end is told what the second was."""
    from cardigan.commands.interpolate import _ends
    from cardigan.explore.spaces import spaces

    game = Run(place / "sngan-projection").load()
    space = spaces(game)["z"]
    start, end = _ends(game, space, "classes", [4, 7, 1], 4, 0)
    assert start.conditions.tolist() == [4, 7, 1, 4] and end.conditions.tolist() == [7, 1, 4, 7]
    assert torch.equal(start.points, end.points)
    start, end = _ends(game, space, "latents", [4, 7], 3, 0)
    assert torch.equal(start.conditions, end.conditions)
    assert not torch.equal(start.points, end.points)


def test_an_animation_goes_there_and_back(place, tmp_path, capsys):
    out = tmp_path / "way.gif"
    told(capsys, "interpolate", place / "dcgan", "--rows", 2, "--steps", 4, "--out", out)
    with Image.open(out) as image:
        assert image.n_frames == 6 and image.info["loop"] == 0 and image.info["duration"] == 60
        frames = []
        for i in range(6):
            image.seek(i)
            frames.append(np.asarray(image.convert("L")).astype(int))
    assert abs(frames[1] - frames[5]).max() <= 2 < abs(frames[1] - frames[3]).max()


def test_a_gif_holds_its_frames(tmp_path):
    shades = [Image.new("RGB", (4, 4), (k, 0, 0)) for k in (0, 90, 250)]
    save_animation(shades, tmp_path / "a.gif", seconds=0.1)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 3 and image.info["duration"] == 100
        image.seek(2)
        assert image.convert("RGB").getpixel((0, 0))[0] == 250


def test_styles_are_walked_in_w(style_run, tmp_path, capsys):
    pictures = []
    for space in ("z", "w"):
        out = tmp_path / f"{space}.png"
        told(capsys, "interpolate", style_run, "--space", space, "--rows", 2, "--out", out)
        pictures.append(cells(out, 2, 9))
    assert (pictures[0][:, [0, -1]] == pictures[1][:, [0, -1]]).all()
    assert (pictures[0] != pictures[1]).any()


# ------------------------------------------------------------------------------------ directions


@pytest.mark.parametrize("method", ["pca", "sefa"])
@pytest.mark.parametrize("name", ["dcgan", "sngan-projection", "bigan"])
def test_directions_are_rows(name, method, place, tmp_path, capsys):
    out = tmp_path / "ways.png"
    words = ("directions", place / name, "--method", method, "-k", 3, "--out", out)
    found = json.loads(told(capsys, *words, "--json"))
    assert found["about"]["space"] == "z" and found["flips"] is None
    shares = found["shares"]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and sum(shares) <= 1 + 1e-9
    with Image.open(out) as image:
        tall = image.height
    told(capsys, "directions", place / name, "-k", 6, "--out", out)
    with Image.open(out) as image:
        assert image.height > 1.5 * tall
    assert "share" in told(capsys, *words)


def test_the_unmoved_sample_stands_in_the_middle(place, tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr("cardigan.neighbour_picture.draw", lambda columns, footer: (
        drawn.extend(columns) or Image.new("RGB", (4, 4))))  # fmt: skip
    told(capsys, "directions", place / "dcgan", "-k", 2, "--out", tmp_path / "a.png")
    for column in drawn:
        assert column.framed.nonzero()[:, 1].unique().tolist() == [3]
        assert torch.equal(column.images[0, 3], column.images[1, 3])
        assert column.captions[0] == ["-3", "-2", "-1", "0", "+1", "+2", "+3"]
        assert not torch.equal(column.images[0, 0], column.images[1, 0])


def test_in_w_some_layers_are_moved(style_run, tmp_path, capsys):
    words = ("directions", style_run, "-k", 2, "--json", "--out")
    pictures = []
    for layers in ((), ("--layers", 0), ("--layers", *range(LAYERS))):
        found = json.loads(told(capsys, *words, tmp_path / "a.png", *layers))
        assert found["about"]["space"] == "w"
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[2] != pictures[1]


class Face:
    """Points whose first entry is the hat of an avatar, and the second the skin."""

    def __call__(self, points, there):
        hat, skin = (there[:, 0] > 0).long(), (there[:, 1] > 0).long()
        cells = torch.full((len(there), 3, 16, 16), -1.0)
        cells[:, :, :8] = 2.0 * hat[:, None, None, None] - 1
        cells[:, :, 8:] = 2.0 * skin[:, None, None, None] - 1
        return cells


def test_a_direction_flips_its_attribute_and_no_other():
    """Of a generator whose axes are attributes, by classifiers that do not err."""
    from cardigan.explore.directions import Directions
    from cardigan.explore.editing import Editor

    def judge(rows):
        return lambda images: torch.nn.functional.one_hot(
            (images[:, 0, rows].float().mean((1, 2)) > 127).long(), 2
        ).double()

    judges = {"hat": (judge(slice(0, 8)), 1.0), "skin": (judge(slice(8, 16)), 1.0)}
    face = Face()
    edits = Editor(lambda points: face(points, points), face)
    torch.manual_seed(0)
    points = torch.randn(400, 5)
    ways = Directions(torch.eye(5).double()[:3], torch.ones(3), torch.ones(3))
    found = directions_command._flips(edits, points, ways, judges, 0)
    aims = [one["aim"] for one in found["directions"]]
    within = 0.954  # of a normal draw, the share within two deviations, which crosses 0 and back
    for aim, name in zip(aims[:2], ("hat", "skin"), strict=True):
        assert aim["attribute"] == name and aim["own"] == pytest.approx(within, abs=0.03)
        assert aim["others"] == aim["worst"] == 0
    assert aims[2]["own"] == 0
    assert all(0 < share < within for share in found["floor"].values())


def test_flips_are_measured_by_the_labels_of_the_data(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(attributes, "SEEN", 2_000)
    words = ("directions", place / "dcgan", "-k", 2, "-n", 100, "--flips", "--out")
    found = json.loads(told(capsys, *words, tmp_path / "a.png", "--json"))["flips"]
    assert found["classifier_right"]["label"] > 0.5 and {*found["floor"]} == {"label"}
    for one in found["directions"]:
        assert one["aim"]["attribute"] == "label" and one["aim"]["others"] is None
        own = one["attributes"]["label"]
        assert own["interval"][0] <= own["share"] == one["aim"]["own"] <= own["interval"][1]
    assert "random directions" in told(capsys, *words, tmp_path / "a.png")


def test_every_attribute_of_avatars_is_asked(place, monkeypatch):
    monkeypatch.setattr(attributes, "SEEN", 256)
    known = avatars.draw(120, 16), avatars.draw(110, 16, 1)
    monkeypatch.setattr(Subject, "reals", lambda self, against: Reals(*known))
    game = Run(place / "dcgan").load()
    judges = directions_command._judges(str(place / "dcgan"), game, "avatars", 0)
    assert {*judges} == {*avatars.TRAITS}, "the label is the mouth, and is not asked twice"


# ------------------------------------------------------------------------------------------- mix


def test_mixed_samples_stand_beside_what_they_are_mixed_of(style_run, tmp_path, capsys):
    out = tmp_path / "mix.png"
    words = ("mix", style_run, "--rows", 2, "--columns", 3, "--out", out)
    said = told(capsys, *words)
    assert "layers 0 1 of 4" in said and str(out) in said
    table = cells(out, 3, 4)
    half = table.shape[2] // 2
    for r in (1, 2):
        for c in (1, 2, 3):
            assert abs(table[r, c, :half].astype(int) - table[0, c, :half]).max() <= 1
            assert abs(table[r, c, -half:].astype(int) - table[r, 0, -half:]).max() <= 1
    told(capsys, *words, "--layers", *range(LAYERS))
    table = cells(out, 3, 4).astype(int)
    assert abs(table[1, 1:] - table[0, 1:]).max() <= 1
    assert table.shape[2] > SIDE


# ---------------------------------------------------------------------------------------- invert

QUICK = ("--steps", "20", "--starts", "2")


def test_images_are_inverted_and_told(place, tmp_path, capsys):
    out = tmp_path / "deep" / "inversion.png"
    words = ("invert", place / "dcgan", place / "0.png", place / "1.png", *QUICK, "--out", out)
    found = json.loads(told(capsys, *words, "--json"))
    assert {*found["ways"]} == {"z"} and [r["image"] for r in found["ways"]["z"]] == ["0", "1"]
    for row in found["ways"]["z"]:
        assert row["fall"] == pytest.approx(1 - row["feature_distance"] / row["of_mean"], rel=1e-3)
        assert 0 <= row["pixel_error"] <= 1 and "class" not in row
    with Image.open(out) as image:
        assert image.mode == "RGB" and image.height > 200
    assert "fallen by" in told(capsys, *words)
    assert json.loads(told(capsys, *words, "--json")) == found, "the seed decides"


def test_a_runs_own_encoder_is_asked(place, tmp_path, capsys):
    words = ("invert", place / "bigan", place / "0.png", "--json", *QUICK, "--out")
    found = json.loads(told(capsys, *words, tmp_path / "a.png"))
    assert [*found["ways"]] == ["z", "encoder", "both"]
    some = json.loads(told(capsys, *words, tmp_path / "a.png", "--ways", "both", "encoder"))
    assert [*some["ways"]] == ["both", "encoder"]
    assert some["ways"]["encoder"] == found["ways"]["encoder"]


@pytest.mark.parametrize("loss", ["features", "pixels"])
def test_styles_are_looked_for_in_every_space(loss, style_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cardigan.commands.translate.read", lambda path, size, channels: (
        [path], as_bytes(styled().sample(1, seed=3))))  # fmt: skip
    words = ("invert", style_run, "own", "--loss", loss, *QUICK, "--features", "fashion")
    found = json.loads(told(capsys, *words, "--json", "--out", tmp_path / "a.png"))
    assert [*found["ways"]] == ["z", "w", "w+"]
    assert all(rows[0]["fall"] > 0 for rows in found["ways"].values())


def test_the_class_is_told(place, tmp_path, capsys):
    words = ("invert", place / "sngan-projection", place / "0.png", *QUICK, "--json")
    found = json.loads(told(capsys, *words, "--label", 7, "--out", tmp_path / "a.png"))
    assert found["ways"]["z"][0]["class"] == 7


# -------------------------------------------------------------------------------------- mistakes

ENCODERLESS = "expected --ways that the run has (z), got 'encodr'"


@pytest.mark.parametrize(("words", "said"), [
    ("interpolate nothing", "not a run"),
    ("interpolate ring-gan", "draws pictures of latents"),
    ("interpolate classifier", "draws pictures of latents"),
    ("interpolate dcgan --between classes", "trained without classes"),
    ("interpolate dcgan --classes 1 2", "expected no --classes"),
    ("interpolate sngan-projection --classes 1 10", "--classes from 0 to 9"),
    ("interpolate dcgan --space w", "expected --space z, got w"),
    ("interpolate dcgan --rows 0", "--rows from 1"),
    ("interpolate dcgan --steps 1", "--steps from 2"),
    ("interpolate dcgan --seed -1", "--seed of 0"),
    ("interpolate dcgan --path round", "path"),
    ("interpolate dcgan --out strip.jpg", "a .png or a .gif"),
    ("directions dcgan -k 9", "-k up to 8"),
    ("directions dcgan -k 0", "-k from 1"),
    ("directions dcgan --steps 1", "--steps from 2"),
    ("directions dcgan --reach 0", "--reach above 0"),
    ("directions dcgan --reach nan", "reach: expected"),
    ("directions dcgan --space w", "no mapping network"),
    ("directions dcgan --layers 0", "expected no --layers"),
    ("directions dcgan --label 1", "without classes"),
    ("directions dcgan --method ica", "method"),
    ("directions dcgan --out ways.gif", "a .png"),
    ("directions dcgan -n 9", "-n of 100"),
    ("directions ring-gan", "draws pictures of latents"),
    ("mix dcgan", "no styles to mix"),
    ("mix dcgan --rows 0", "--rows and --columns from 1"),
    ("mix dcgan --out mix.gif", "a .png"),
    ("invert dcgan", "required: images"),
    ("invert dcgan nothing.png", "where nothing is: give another path"),
    ("invert dcgan dcgan/recipe.json", "no picture that can be read"),
    ("invert dcgan 0.png --ways encodr", ENCODERLESS),
    ("invert dcgan 0.png --starts 0", "--starts from 1"),
    ("invert dcgan 0.png --steps 0", "--steps from 1"),
    ("invert dcgan 0.png --label 3", "without classes"),
    ("invert dcgan 0.png --loss both_of_them", "loss"),
    ("invert sngan-projection 0.png --label 10", "--label from 0 to 9"),
    ("invert ring-gan 0.png", "draws pictures of latents"),
])  # fmt: skip
def test_mistakes_are_one_line(words, said, place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    there = {p.name for p in place.iterdir()}
    assert main(words.split()) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and error[0].startswith("cardigan: error: ") and said in error[0]
    assert {p.name for p in place.iterdir()} == there


def test_layers_that_are_not_there_are_refused(style_run, capsys):
    for command in ("mix", "directions"):
        assert main([command, style_run, "--layers", "4"]) == 2
        assert "--layers from 0 to 3" in capsys.readouterr().err


def test_other_sizes_and_colours(tmp_path, capsys):
    """Nothing hangs on grey pictures of 16 pixels."""
    recipe = replace(SMALL["dcgan"], size=32, channels=3)
    record = to_json("dcgan", recipe, __version__)
    (tmp_path / "recipe.json").write_text(record)
    checkpoint.save(tmp_path / "checkpoints", recipe.game(), record, {})
    Image.new("RGB", (40, 50), (200, 30, 90)).save(tmp_path / "red.png")
    told(capsys, "interpolate", tmp_path, "--out", tmp_path / "a.gif", "--steps", 2)
    told(capsys, "directions", tmp_path, "-k", 1, "--out", tmp_path / "b.png")
    words = ("--features", "digits", *QUICK, "--out", tmp_path / "c.png")
    told(capsys, "invert", tmp_path, tmp_path / "red.png", *words)
