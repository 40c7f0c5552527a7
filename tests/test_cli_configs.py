"""Options and files that are wrong in every way: one line that names all of it, and status 2."""

import random
import string
from dataclasses import asdict
from itertools import product

import pytest

from cardigan.__main__ import main
from cardigan.data import catalogue
from cardigan.recipe import flatten
from cardigan.recipes import RECIPES
from cardigan.recipes.dcgan import DCGAN

FIELDS = flatten(asdict(RECIPES["dcgan"]))
FLOATS = [
    "lr", "beta1", "beta2", "label_smoothing", "ema_halflife",
    *(f"discriminator.{name}" for name in ("penalty_weight", "clip", "decay", "noise")),
]  # fmt: skip
INTS = [key for key, value in FIELDS.items() if type(value) is int and key not in FLOATS]
LITERALS = {
    "loss": ("non-saturating", "minimax", "least-squares", "wasserstein", "hinge"),
    "relativistic": ("none", "paired", "average"),
    "optimizer": ("adam", "rmsprop"),
    "generator_norm": ("batch", "none"),
    "discriminator_norm": ("auto", "none", "batch", "layer", "instance"),
    "discriminator.penalty": ("none", "unit-slope", "dragan", "r1", "r2", "roth"),
    "training.precision": ("auto", "float32", "bfloat16"),
}
NO_INT = ("abc", "1.5", "nan", "inf", "1e400", "ä", "", "0x", "[1]", "{a: 1}", "None", "\x1b[2J")
NO_FLOAT = ("abc", "", "1,5", "[0.5]", "ä", "yes", "--", "0.5.5", "\x07")
LOW = {"size": -1, "channels": 2, "latents": 0, "width": 0, "lr": 0, "beta1": 1,
       "label_smoothing": 0.5, "ema_halflife": -1, "training.images": 0, "training.batch": 0,
       "training.microbatch": -1, "training.seed": -1, "training.tolerate": -1,
       "training.log_every": 0, "training.picture_every": 0, "training.checkpoint_every": 0,
       "training.keep": 0}  # fmt: skip
HUGE = (2**63, 10**30, -(10**30), int("9" * 4000))


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch, tmp_path):
    def built(*_, **__):
        raise AssertionError("data or networks were built before everything was checked")

    monkeypatch.setattr(catalogue, "load", built)
    monkeypatch.setattr(DCGAN, "game", built)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys):
    def check(*options: str, command=("train", "dcgan")) -> str:
        code = main([*command, *options])
        out, err = capsys.readouterr()
        assert code == 2, (options, out, err)
        assert not out and err.startswith("cardigan: error: ") and err.count("\n") <= 3, err
        assert "Traceback" not in err and err.replace("\n", "").isprintable()
        assert len(err) < 2100
        return err

    return check


def typos(key: str) -> set[str]:
    """Words that are one slip away, of which none is itself an option."""
    chance, words = random.Random(key), set()
    while len(words) < 5:
        i = chance.randrange(1, len(key))
        words.add(
            chance.choice(
                (key[:i] + key[i + 1 :], key[:i] + chance.choice("qxz") + key[i:], key + "s")
            )
        )
    return words - {*FIELDS, key[0]}


@pytest.mark.parametrize("key", FIELDS)
def test_a_slip_is_named_with_the_nearest_option(key, refused):
    for word in typos(key):
        told = refused(f"--{word}=1")
        assert word in told and f"(did you mean --{key}?)" in told


@pytest.mark.parametrize(
    ("word", "meant"),
    [("seed", "training.seed"), ("batch_size", "training.batch"), ("widht", "width"),
     ("device2", "training.device"), ("nosie", "discriminator.noise"),
     ("training.lr", "lr"), ("discriminator.lr", "lr"), ("training.width", "width"),
     ("training.noise", "discriminator.noise"), ("trainin.images", "training.images"),
     ("name", None), ("learning_rate", None), ("path", None)],
)  # fmt: skip
def test_an_option_is_found_without_its_group_and_none_is_made_up(word, meant, refused):
    told = refused(f"--{word}=1")
    assert (f"(did you mean --{meant}?)" if meant else "") in told
    assert bool(meant) == ("did you mean" in told)


@pytest.mark.parametrize("key, value", [*product(INTS, NO_INT)])
def test_no_whole_number(key, value, refused):
    assert key in refused(f"--{key}={value}")


@pytest.mark.parametrize("key, value", [*product(FLOATS, NO_FLOAT)])
def test_no_number(key, value, refused):
    assert key in refused(f"--{key}={value}")


@pytest.mark.parametrize("key, value", [*product(FLOATS, ("nan", "inf", "-inf", "1e400", "-1e9"))])
def test_no_sensible_number(key, value, refused):
    assert key in refused(f"--{key}={value}")


@pytest.mark.parametrize("key", LOW)
def test_out_of_range(key, refused):
    told = refused(f"--{key}={LOW[key]}")
    assert key in told and (str(LOW[key]) in told or "at least 1" in told)


@pytest.mark.parametrize("key, value", [*product(INTS, HUGE)])
def test_a_number_beyond_all_bounds(key, value, refused):
    assert key in refused(f"--{key}={value}")


@pytest.mark.parametrize(
    "key, value", [*product(LITERALS, ("hing", "", "None", "1", "AUTO", "ä", "\n"))]
)
def test_an_unknown_choice_is_told_with_the_known_ones(key, value, refused):
    told = refused(f"--{key}={value}")
    assert key in told and all(choice in told for choice in LITERALS[key])


@pytest.mark.parametrize("value", ("maybe", "2", "", "[true]", "ä"))
def test_neither_true_nor_false(value, refused):
    assert "training.compile" in refused(f"--training.compile={value}")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        *(
            (data, "expected a data set")
            for data in ("", "\x1b[31m", "x" * 5000, "ring9", "a\nb", "~x")
        ),
        *(
            (data, "where nothing is: give another path")
            for data in ("../..//nothing", "ä/ö", "x.png")
        ),
    ],
)
def test_no_such_data(data, told, refused):
    assert told in refused(f"--data={data}")


@pytest.mark.parametrize(
    "options, words",
    [
        (["--images=8", "--epochs=1"], ["--images", "--epochs"]),
        (["--epochs=nan"], ["epochs"]),
        (["--epochs=inf"], ["epochs"]),
        (["--epochs=-1"], ["epochs"]),
        (["--epochs=0"], ["epochs"]),
        (["--epochs=1e300"], ["epochs"]),
        (["--epochs=1e-9"], ["images"]),
        (["--epochs=x"], ["epochs"]),
        (["--images=0"], ["images"]),
        (["--images=1.5"], ["images"]),
        (["--measure=1"], ["measure"]),
        (["--measure=-1"], ["measure"]),
        (["--measure=x"], ["measure"]),
        (["--training.microbatch=3"], ["microbatch", "64"]),
        (["--training.microbatch=128"], ["microbatch", "64"]),
        (["--training.device=gpu"], ["gpu", "auto", "cpu"]),
        (["--training.device=cuda:99"], ["cuda:99"]),
        (["--training.device="], ["device"]),
        (["--size=17"], ["size", "16", "32"]),
        (["--lr"], ["lr"]),
        (["stray"], ["stray"]),
        (["--config=missing.yaml"], ["missing.yaml"]),
        (["--config=."], ["config"]),
        (["--training=5"], ["training"]),
        (["--training.training.batch=5"], ["training.training.batch"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_contradicts_itself_or_the_machine(options, words, refused):
    told = refused(*options)
    assert all(word in told for word in words), told


def test_all_that_is_wrong_comes_at_once(refused):
    wrong = {"size": "x", "lr": "y", "los": "hinge", "training.batch": "1.5", "training.seed": "s"}
    told = refused(*(f"--{key}={value}" for key, value in wrong.items()))
    assert all(key in told for key in wrong)
    wrong = {"latents": 0, "lr": 2, "beta1": 1, "training.batch": 0, "training.keep": 0}
    told = refused(*(f"--{key}={value}" for key, value in wrong.items()))
    assert all(key in told for key in wrong)


ALL_WRONG = {
    "size": ("17", "17"), "lr": ("x", "lr: "), "width": ("0", "width"), "beta1": ("2", "beta1"),
    "los": ("hinge", "did you mean --loss?"), "training.batch": ("1.5", "training.batch"),
    "training.keep": ("0", "training.keep"), "training.best": ("nope", "frechet_distance"),
    "training.device": ("gpu", "'gpu'"), "data": ("nope", "expected a data set"),
}  # fmt: skip
FLAGS = {
    "measure": ("-1", "measure must"),
    "out": ("file/run", "file/run"),
    "images": ("0", "images"),
}


def test_wrong_types_hide_nothing_else_that_is_wrong(refused, tmp_path):
    (tmp_path / "file").touch()
    wrong = ALL_WRONG | FLAGS
    told = refused(*(f"--{name}={value}" for name, (value, _) in wrong.items()))
    assert not [words for _, words in wrong.values() if words not in told]


def test_a_file_of_options_hides_nothing_either(refused, tmp_path):
    text = "".join(
        f"{name}: {value}\n" for name, (value, _) in ALL_WRONG.items() if "." not in name
    )
    inner = {name: value for name, (value, _) in ALL_WRONG.items() if "." in name}
    text += "training:\n" + "".join(
        f"  {name.partition('.')[2]}: {value}\n" for name, value in inner.items()
    )
    (tmp_path / "options.yaml").write_text(text)
    told = refused("--config", "options.yaml", "--measure=-1")
    assert not [words for _, words in ALL_WRONG.values() if words not in told]
    assert "measure must" in told


def test_the_data_are_held_against_the_size(refused, tmp_path):
    told = refused("--data=ring8", "--lr=2")
    assert "expected images" in told and "lr must" in told
    told = refused("--size=17", "--lr=2", "--epochs=-1", "--training.microbatch=3")
    assert all(word in told for word in ("17", "lr must", "epochs", "microbatch"))


@pytest.mark.parametrize("options, words", {
    "--training.best=nope": ["nope", "frechet_distance", "mode_coverage"],
    "--training.best=recal": ["did you mean recall?"],
    "--training.precision=float16": ["float32", "bfloat16"],
    "--training.device=tpu": ["tpu", "auto"],
    "--training.measure_images=10000001": ["measure_images"],
    "--measure=10000001": ["measure"],
    "--out=file": ["file", "choose another name"],
    "--out=file/run": ["file/run", "choose another name"],
    f"--out={'x' * 300}": ["choose another name"],
}.items())  # fmt: skip
def test_nothing_is_read_or_written_before_settings_are_known_to_be_good(
    options, words, refused, tmp_path
):
    (tmp_path / "file").touch()
    told = refused(options)
    assert all(word in told for word in words), told
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


WITHOUT_DATA = {
    "evaluate": ["run"],
    "compare": ["a", "b"],
    "curve": ["run", "truncation"],
    "neighbours": ["run"],
    "audit": ["run"],
    "diagnose": ["run"],
    "sample": ["run"],
    "translate": ["run", "pictures"],
    "tangents": ["run"],
    "interpolate": ["run"],
    "directions": ["run"],
    "mix": ["run"],
    "invert": ["run", "picture"],
}


@pytest.mark.parametrize("command", WITHOUT_DATA)
@pytest.mark.parametrize("option", ("--device=gpu", "--features=nope", "--metrics=nope"))
def test_commands_refuse_what_does_not_exist_before_they_load_a_run(command, option, refused):
    name, _, value = option.partition("=")
    told = refused(*WITHOUT_DATA[command], name, value, command=[command])
    assert value in told and "not a run" not in told  # though there is none


YAML = {
    "twice": ("lr: 1e-4\nlr: 1e-3\n", "lr"),
    "twice, within": ("training:\n  batch: 8\n  batch: 16\n", "batch"),
    "a tag": ("!!python/object/apply:os.system ['touch canary']\n", "config"),
    "a tag in a field": ("lr: !!python/object/apply:os.system ['touch canary']\n", ""),
    "an unknown key": ("latens: 4\n", "latens"),
    "an unknown key, within": ("training:\n  bacth: 4\n", "bacth"),
    "a list": ("- 1\n- 2\n", ""),
    "a word": ("hello\n", ""),
    "no YAML": ("a: b: c: {", ""),
    "a tab": ("a:\n\t- b\n", ""),
    "control codes": ("lr: \x01\x1b[2J\n", ""),
    "a wrong type": ("lr: fast\n", "lr"),
    "a number that is none": ("lr: .nan\n", "lr"),
    "wrong types": ("lr: fast\nbeta1: slow\nlos: x\n", "beta1"),
    "a list for a number": ("lr: [1, 2]\n", "lr"),
    "a tree for a number": ("lr: {a: 1}\n", "lr"),
    "no tree": ("training: 5\n", "training"),
    "a number as a key": ("5: 6\n", "5"),
    "nothing as a key": ("null: 6\n", ""),
    "a list as a key": ("? [1]\n: 6\n", ""),
    "deep": ("[" * 5000, ""),
    "deep, well formed": ("a: " + "{a: " * 3000 + "1" + "}" * 3000, ""),
    "laughs": ("a: &a [1,1]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    ), "option"),
    "itself": ("lr: &a [*a]\n", "aliases"),
    "a huge number": ("lr: " + "9" * 5000 + "\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_a_bad_file_of_options(name, refused, tmp_path):
    text, word = YAML[name]
    (tmp_path / "options.yaml").write_text(text)
    assert word in refused("--config", "options.yaml")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_refused(seed, refused, tmp_path):
    chance = random.Random(seed)
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 300)))
    (tmp_path / "options.yaml").write_bytes(b"lr: " + noise + b"\xff\n")
    refused("--config", "options.yaml")
    word = "".join(chance.choice(string.printable + "äλ\u202e\x00") for _ in range(20))
    refused(f"--{word}")


WORDS = (
    ["dcgann"], ["tarin", "dcgan"], ["train", "dcgann"], ["train"], ["\x1b[2J"], ["", ""],
    ["train", "--size=16"], ["data", "chek", "x"], ["train", "é" * 5000],
)  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=range(len(WORDS)))
def test_an_unknown_word(words, refused):
    refused(command=words)


SAMPLING = {
    "-n=0": "-n", "-n=-1": "-n", "-n=1e9": "n", "-n=x": "n", "--seed=-1": "seed",
    "--seed=nan": "seed",
    f"--seed={2**64}": "seed", "--truncation=-1": "truncation", "--truncation=nan": "truncation",
    "--out=a.gif": "out", "--label=x": "label", "--lable=1": "did you mean --label",
}  # fmt: skip


@pytest.mark.parametrize("option", SAMPLING)
def test_a_bad_option_of_sampling(option, refused):
    name, _, value = option.partition("=")
    assert SAMPLING[option] in refused("run", name, value, command=["sample"])


@pytest.mark.parametrize("option", ("-n=1", "-n=x", "--seed=-1", "--metrics=fid", "--jsn=1"))
def test_a_bad_option_of_evaluating(option, refused):
    name, _, value = option.partition("=")
    refused("nothing-here", name, value, command=["evaluate"])


def test_there_are_hundreds_of_them():
    cases = (
        5 * len(FIELDS) + len(INTS) * (len(NO_INT) + len(HUGE)) + len(FLOATS) * (len(NO_FLOAT) + 5)
    )
    assert cases + len(LOW) + 14 + 13 + 25 + len(YAML) + 40 + 9 + len(SAMPLING) + 5 >= 500
    assert {*INTS, *FLOATS, *LITERALS} <= set(FIELDS)
