"""Avatars: what they are said to show is what was drawn, and nothing changes that need not."""

import socket

import pytest
import torch

from cardigan.data import avatars, cache, catalogue
from cardigan.data.avatars import TRAITS
from cardigan.errors import UserError

pytest.importorskip("dicebear")
pytest.importorskip("resvg_py")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A cache of the test's own, few avatars, and no network."""

    def connect(*_):
        raise AssertionError("avatars are drawn here")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(avatars, "COUNTS", {"train": 60, "test": 20})


def told(face):
    """What dicebear says that it drew."""
    avatar, style, _ = avatars._tools()
    return avatar(style, avatars.options(face)).to_json()["options"]


# Of each attribute, how dicebear's own words tell its value.
READ = {
    "mouth": lambda o: o["mouthVariant"][:-2],
    "glasses": lambda o: {True: "with", False: "without"}["glassesVariant" in o],
    "hat": lambda o: {True: "with", False: "without"}["hatVariant" in o],
    "hair": lambda o: o["hairVariant"][:-2],
    "hair_colour": lambda o: colour("hair_colour", "hairColor", o),
    "skin": lambda o: colour("skin", "skinColor", o),
}


def colour(name, option, o):
    looks = ((value, look[option]) for value, many in TRAITS[name].items() for look in many)
    return next(value for value, code in looks if [code] == o[option])


def test_attributes_are_what_dicebear_drew():
    assert READ.keys() == TRAITS.keys()
    for face in avatars.faces(80, 5):
        drew = told(face)
        assert "beardVariant" not in drew
        for name, read in READ.items():
            assert read(drew) == list(TRAITS[name])[face.values[name]]


def test_a_set_is_a_function_of_its_seed_and_count():
    first, again, other = (avatars.draw(12, 16, seed) for seed in (3, 3, 4))
    assert first.images.shape == (12, 3, 16, 16) and first.images.dtype == torch.uint8
    assert first.images.equal(again.images) and first.fingerprint == again.fingerprint
    assert not first.images.equal(other.images)
    for name, (values, names) in first.attributes.items():
        assert values.equal(again.attributes[name].values) and values.dtype == torch.int64
        assert names == tuple(TRAITS[name])
    assert first.known["label"].values.equal(first.attributes["mouth"].values)


def test_values_are_drawn_by_their_chances_and_independently():
    n = 20_000
    drawn = avatars.faces(n, 2, {"skin": (0.7, 0.1, 0.2, 0)})
    column = {k: torch.tensor([f.values[k] for f in drawn]) for k in TRAITS}
    for name, values in column.items():
        k = len(TRAITS[name])
        law = torch.tensor({"skin": (0.7, 0.1, 0.2, 0)}.get(name, (1 / k,) * k)).double()
        shares = values.bincount(minlength=k) / n
        assert ((shares - law).abs() <= 5 * (law * (1 - law) / n).sqrt()).all()
    together = torch.stack([v.double() for v in column.values()]).corrcoef()
    assert (together - torch.eye(len(TRAITS))).abs().max() < 5 / n**0.5
    looks = torch.tensor([f.looks["mouth"] for f in drawn]).double()
    assert torch.stack([looks, column["mouth"].double()]).corrcoef()[0, 1].abs() < 5 / n**0.5


def test_other_chances_change_only_whom_they_must():
    fair = avatars.draw(40, 16, 9)
    unfair = avatars.draw(40, 16, 9, {"glasses": (0.2, 0.8)})
    moved = fair.attributes["glasses"].values != unfair.attributes["glasses"].values
    assert moved.any() and not moved.all()
    assert (fair.images != unfair.images).flatten(1).any(1).equal(moved)


# Where on the 16 by 16 squares a part can be: rows, from the top.
PLACES = {"mouth": range(9, 13), "glasses": range(4, 10), "hat": range(0, 7)}


@pytest.mark.parametrize("attribute", TRAITS)
@pytest.mark.parametrize("seed", (2, 3, 4))
def test_a_pair_differs_in_one_attribute_alone(attribute, seed):
    names = list(TRAITS[attribute])
    one, two = avatars.pair(seed, attribute, names[0], names[-1], 16)
    changed = (one != two).any(0)
    assert changed.any()
    if attribute in PLACES:
        assert {int(row) for row in changed.nonzero()[:, 0]} <= set(PLACES[attribute])
    face = avatars.faces(1, seed)[0]
    both = [told(face._replace(values=face.values | {attribute: k})) for k in (0, len(names) - 1)]
    same = [name for name in READ if name != attribute]
    assert all(READ[name](both[0]) == READ[name](both[1]) for name in same)
    for look in ("clothesVariant", "clothingColor", "eyesVariant", "eyesColor", "mouthColor"):
        assert both[0][look] == both[1][look]
    own = avatars.draw(1, 16, seed).images[0]
    value = avatars.draw(1, 16, seed).attributes[attribute].values.item()
    assert avatars.pair(seed, attribute, names[value], names[value], 16)[1].equal(own)


@pytest.mark.parametrize("attribute", TRAITS)
def test_every_look_of_a_value_can_be_seen(attribute):
    """On bare heads, so that no hat hides the hair."""
    bare = avatars.faces(1, 11)[0]
    bare = bare._replace(values=bare.values | {"hat": 0, "glasses": 0})
    names = list(TRAITS[attribute])
    for k, name in enumerate(names[1:], 1):
        for i in range(len(TRAITS[attribute][name])):
            looks = bare.looks | {attribute: (i + 0.5) / len(TRAITS[attribute][name])}
            pair = [
                avatars.picture(
                    bare._replace(values=bare.values | {attribute: v}, looks=looks), 16
                )
                for v in (0, k)
            ]
            assert (pair[0] != pair[1]).any(0).sum() >= 3


def test_the_set_is_drawn_once_and_then_read(monkeypatch):
    first = catalogue.load("avatars", "train", 16)
    monkeypatch.setattr(avatars, "picture", lambda *_: pytest.fail("it lies in the cache"))
    again = catalogue.load("avatars", "train", 16)
    assert first.images.equal(again.images) and first.fingerprint == again.fingerprint
    assert first.images.shape == (60, 3, 16, 16) and first.classes == ("happy", "sad")
    grey = catalogue.load("avatars", "train", 16, channels=1)
    assert grey.images.shape == (60, 1, 16, 16) and grey.fingerprint != first.fingerprint


def test_a_damaged_cache_is_drawn_anew():
    first = catalogue.load("avatars", "test", 16).images.clone()  # the file is mapped
    [file] = cache.home().rglob(cache.IMAGES)
    with file.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x07")
    assert catalogue.load("avatars", "test", 16).images.equal(first)


def test_splits_share_no_face():
    train, test = (catalogue.load("avatars", split, 16).images for split in ("train", "test"))
    assert not (train[:, None] == test[None]).flatten(2).all(2).any()


def test_the_catalogue_knows_them():
    assert "avatars" in catalogue.NAMES
    assert catalogue.describe("avatars") == ("avatars", 60, 64, 3, ("happy", "sad"), 17)
    assert "CC0" in catalogue.where("avatars")


def test_without_the_packages_one_line_says_what_to_install(monkeypatch):
    def missing(name):
        raise avatars.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(avatars.metadata, "version", missing)
    avatars._tools.cache_clear()
    for use in (
        lambda: catalogue.load("avatars"),
        lambda: catalogue.describe("avatars"),
        lambda: avatars.draw(1),
    ):
        with pytest.raises(UserError, match=r"pip install cardigan\[avatars\]") as said:
            use()
        assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    "chances", [{"beard": (1,)}, {"hat": (1,)}, {"hat": (0.5, 0.6)}, {"hat": (1.5, -0.5)}]
)
def test_chances_that_are_none_are_told(chances):
    with pytest.raises(ValueError, match="expected"):
        avatars.faces(1, 0, chances)


@pytest.mark.parametrize("words", [("beard", "a", "b"), ("hat", "with", "wiht")])
def test_pairs_of_nothing_are_told(words):
    with pytest.raises(ValueError, match="expected"):
        avatars.pair(0, *words)


def test_the_style_is_cc0():
    import json
    from importlib import resources

    text = (resources.files("dicebear_styles") / f"{avatars.STYLE}.json").read_text("utf-8")
    assert json.loads(text)["meta"]["license"]["name"] == "CC0 1.0"
