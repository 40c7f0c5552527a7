"""Translators: networks of the papers' sizes, the pool, the losses' closed forms, both domains."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image
from small import SMALL, start, toy
from torch import nn

from cardigan import __main__, checkpoint
from cardigan.data import catalogue, domains, emoji, outlines
from cardigan.data.dataset import Dataset, Pairs
from cardigan.data.stream import Stream
from cardigan.errors import UserError
from cardigan.game import Player
from cardigan.games.cyclegan import CycleGAN, Pool, distance
from cardigan.games.sources import Sources
from cardigan.hooks import shown
from cardigan.metrics.measure import measure
from cardigan.nets.translation import PatchDiscriminator, ResnetGenerator, UNetGenerator, patches
from cardigan.optimizers import adam
from cardigan.recipe import to_json
from cardigan.recipes import RECIPES
from cardigan.train import play, train

TRANSLATORS = ["cyclegan", "pix2pix"]


# -------------------------------------------------------------------------------------- networks


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_the_papers_networks_have_as_many_parameters():
    assert count(ResnetGenerator(3, 64, 9)) == 11_378_179
    assert count(ResnetGenerator(3, 64, 6)) == 7_837_699
    assert count(PatchDiscriminator(3, 64, 3)) == 2_764_737


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (20, 3), (8, 1)])
def test_a_translation_has_the_size_of_its_source(size, channels):
    image = torch.rand(2, channels, size, size) * 2 - 1
    for net in (ResnetGenerator(channels, 4, 2), UNetGenerator(size, channels, 4)):
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(30)
        made = net(image)
        assert made.shape == image.shape and 0.9 < made.abs().max() <= 1


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_each_logit_judges_a_patch(layers, field):
    """Instance norm, which looks everywhere, is taken out."""
    net = PatchDiscriminator(1, 2, layers)
    for i, layer in enumerate(net.net):
        if isinstance(layer, nn.InstanceNorm2d):
            net.net[i] = nn.Identity()
    image = torch.randn(1, 1, 256, 256, requires_grad=True)
    logits = net(image)
    middle = logits.shape[-1] // 2
    (slope,) = torch.autograd.grad(logits[0, middle, middle], image)
    seen = slope[0, 0] != 0
    assert seen.any(0).sum() == seen.any(1).sum() == field


@pytest.mark.parametrize(
    ("size", "layers", "side"), [(256, 3, 30), (128, 3, 14), (64, 3, 6), (32, 3, 2), (28, 2, 5)]
)
def test_there_are_as_many_patches_as_the_table_says(size, layers, side):
    image = torch.zeros(1, 1, size, size)
    assert PatchDiscriminator(1, 1, layers)(image).shape == (1, side, side)
    assert patches(size, layers) == side


@pytest.mark.parametrize(
    "make", [partial(ResnetGenerator, 1, 4, 1), partial(PatchDiscriminator, 1, 4, 1)]
)
def test_no_image_depends_on_its_batch(make):
    net, x = make(), torch.randn(4, 1, 16, 16)
    assert torch.allclose(net(x)[1:2], net(x[1:2]), atol=1e-5)


def test_a_residual_block_may_leave_what_it_is_given():
    """Nothing comes after the sum, so negative values pass."""
    net = ResnetGenerator(1, 4, 1)
    block = net.net[10]
    with torch.no_grad():
        for p in block.parameters():
            p.zero_()
    x = torch.randn(1, 16, 8, 8)
    assert torch.equal(block(x), x)


def test_the_u_net_draws_noise_in_eval_mode_too():
    net, x = UNetGenerator(32, 1, 4).eval(), torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(10)
    assert not torch.equal(net(x), net(x))


# ------------------------------------------------------------------------------------------ pool


def fakes(start, n):
    return torch.arange(start, start + n).float().view(n, 1, 1, 1)


def test_the_first_fakes_are_kept_and_shown_as_they_are():
    pool = Pool(50, (1, 1, 1))
    given = torch.cat([fakes(i, 10) for i in range(0, 50, 10)])
    assert torch.equal(torch.cat([pool(part) for part in given.split(10)]), given)
    assert torch.equal(pool.kept, given) and pool.count == 50


def test_from_then_on_half_are_shown_in_the_place_of_older_ones():
    pool, n = Pool(50, (1, 1, 1)), 4_000
    pool(fakes(0, 50))
    given = fakes(50, n)
    back = torch.cat([pool(part) for part in given.split(8)]).flatten()
    old = back != given.flatten()
    assert abs(old.float().mean() - 0.5) < 5 * 0.5 / n**0.5
    assert (back[old] < given.flatten()[old]).all(), "older, and no other"
    assert len(back[old].unique()) == old.sum(), "what was shown again has left the pool"
    assert pool.count == 50 and len(pool.kept.unique()) == 50
    # A fake is replaced with probability 1 / 100 by each that comes: it waits 100 of them.
    age = given.flatten()[old] - back[old]
    assert 85 < age[500:].mean() < 115


def test_the_pool_holds_no_graph_and_none_keeps_nothing():
    x = torch.ones(2, 1, 1, 1, requires_grad=True)
    for pool in (Pool(1, (1, 1, 1)), Pool(0, (1, 1, 1))):
        assert not pool(x * 2).requires_grad
    assert torch.equal(Pool(0, (1, 1, 1))(x), x)


# ---------------------------------------------------------------------------------------- losses


class Scaled(nn.Module):
    """x times a number, which is a parameter."""

    def __init__(self, by=1.0):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, x):
        return x * self.by


class Says(nn.Module):
    """The same of every patch."""

    def __init__(self, logit):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor(logit))

    def forward(self, x):
        return self.logit.expand(len(x), 2, 2)


def game_of(there, back, logit=0.5, **weights):
    players = [Player(net, adam(), 0.0) for net in (there, back, Says(logit), Says(logit))]
    shape = (1, 4, 4)
    return CycleGAN(*players, Sources(4, shape), (Pool(3, shape), Pool(3, shape)), **weights)


def batch(n=4):
    a, b = (Dataset(name, torch.rand(n, 1, 4, 4) * 2 - 1) for name in "ab")
    return domains.drawn(Stream(domains.joined(a, b), n), aligned=False)


def played(game):
    """The moves of a round that moves nobody."""
    return list(game.round(batch()))


def test_the_identity_comes_home_and_fools_by_chance():
    generators, b, a = played(game_of(Scaled(), Scaled()))
    assert generators.log["cycle"] == generators.log["identity"] == 0
    assert generators.loss.item() == pytest.approx(2 * 0.25), "0.25 for each of two"
    assert b.loss.item() == a.loss.item() == pytest.approx(0.25)


def test_coming_home_does_not_tell_which_way_it_went():
    """Turning every image round comes home, and leaves nothing alone."""
    log = played(game_of(Scaled(-1.0), Scaled(-1.0)))[0].log
    assert log["cycle"] == 0 and log["identity"] > 0.5


def test_weights_are_those_of_the_paper():
    move = played(game_of(Scaled(0.5), Scaled(1.0)))[0]
    log = move.log
    expected = log["generator"] + 10 * log["cycle"] + 5 * log["identity"]
    assert move.loss.item() == pytest.approx(expected.item())
    plain = played(game_of(Scaled(0.5), Scaled(1.0), identity=0))[0]
    assert "identity" not in plain.log


def test_leaving_alone_is_asked_of_what_is_in_the_right_domain():
    """G is shown b, not a: where b is nothing, G's identity costs nothing, whatever G does."""
    game, stream = game_of(Scaled(-1.0), Scaled(1.0)), batch()
    stream.first.images = torch.zeros_like(stream.first.images)
    assert next(game.round(stream)).log["identity"] == 0


def test_the_distance_is_the_mean_of_absolute_differences():
    assert distance(torch.tensor([1.0, -1.0]), torch.tensor([0.0, 1.0])) == 1.5


def test_the_learning_rate_stays_and_then_falls_to_nothing():
    lr = replace(RECIPES["cyclegan-256"], channels=3, width=1, blocks=0).game()
    lr = lr.generator.settings["lr"]
    found = [lr(images) for images in (0, 100_000, 150_000, 200_000, 10**9)]
    assert found == pytest.approx([2e-4, 2e-4, 1e-4, 0, 0])


@pytest.mark.parametrize("name", TRANSLATORS)
def test_what_a_translator_is_told_to_shrink_shrinks(name):
    game, stream = start(name)
    key, seen = {"cyclegan": "cycle", "pix2pix": "l1"}[name], []
    for _ in range(20):
        seen.append(play(game, stream)[key].item())
        game.seen = stream.seen
    assert sum(seen[-5:]) < 0.8 * sum(seen[:5])


# ------------------------------------------------------------------------------------------ data


def named(name, names, **kw):
    images = torch.arange(len(names)).byte().view(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone()
    return Dataset(name, images, names=tuple(names), fingerprint=name, **kw)


def test_no_pair_is_trained_on_and_nothing_else_is_left_out():
    names = [f"{i}{tone}" for i in range(200) for tone in ("", "#1", "#2")]
    a, b = domains.apart(named("a", [*names, "x"]), named("b", [*names, "y", "z"]))
    things = [{name.split("#")[0] for name in d.names} for d in (a, b)]
    assert not things[0] & things[1]
    assert things[0] | things[1] == {*map(str, range(200)), "x", "y", "z"}
    assert 70 < len(things[0]) < 130
    assert len(a) + len(b) == 600 + 3 and len(a.names) == len(a.images)


def test_sets_without_common_names_stay_whole():
    a, b = named("a", "pq"), named("b", "rs")
    assert domains.apart(a, b) == (a, b)


def test_pairs_come_together_whatever_their_order():
    a, b = domains.aligned(named("a", "pqrs"), named("b", "xsrq"))
    assert a.names == b.names == ("q", "r", "s")
    assert a.images[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert b.images[:, 0, 0, 0].tolist() == [3, 2, 1]
    with pytest.raises(UserError, match="name the files of a pair alike"):
        domains.aligned(a, named("b", "t"))


def test_a_change_of_either_set_changes_the_fingerprint():
    a, b = named("a", "p"), named("b", "q")
    prints = [d.fingerprint for d in (
        domains.joined(a, b), domains.joined(named("c", "p"), b), domains.joined(a, a),
    )]  # fmt: skip
    assert len({*prints}) == 3


@pytest.mark.parametrize("aligned", [True, False])
def test_pairs_are_drawn_together_and_strangers_are_not(aligned):
    names = [*map(str, range(100))]
    data = domains.joined(named("a", names), named("b", names))
    stream = domains.drawn(Stream(data, 50, seed=3), aligned)
    first = next(stream)
    assert torch.equal(first["first"].image, first["sources"].image) == aligned


def test_edges_lie_where_neighbours_differ():
    image = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    image[..., 3:] = 200
    found = outlines.edges(image)
    assert found.dtype == torch.uint8
    assert found[0, 0].unique(dim=0).tolist() == [[0, 0, 255, 255, 0, 0]]
    assert not outlines.edges(image // 200 * 63).any()


def test_outlines_are_those_of_the_clothes():
    for split in ("train", "test"):
        clothes = catalogue.load("fashion-mnist-mini", split)
        drawn = catalogue.load("fashion-outlines", split)
        assert torch.equal(outlines.edges(clothes.images), drawn.images)
        assert clothes.names == drawn.names and drawn.labels is None


def test_the_default_data_hide_their_pairs_and_measure_by_others():
    recipe = RECIPES["cyclegan"].fitted()
    data = recipe.dataset()
    assert data.sources and not {*data.names} & {*data.sources.names}
    assert len(data) + len(data.sources) == 10_000
    assert data.pairs and len(data.pairs.targets) == 2_000
    assert torch.equal(outlines.edges(data.pairs.targets), data.pairs.sources)
    assert len(recipe.dataset("test")) == 2_000
    assert replace(recipe, pairs=False).dataset().pairs is None
    both = RECIPES["pix2pix"].fitted().dataset()
    assert both.sources and torch.equal(outlines.edges(both.images), both.sources.images)


def test_folders_pair_their_files_by_name(tmp_path):
    for folder, ending, names in (("a", "png", "pqr"), ("b", "webp", "rqs")):
        for split in ("train", "test"):
            (tmp_path / folder / split).mkdir(parents=True)
            for i, name in enumerate(names):
                image = Image.new("L", (16, 16), 20 * i)
                image.save(tmp_path / folder / split / f"{name}.{ending}", lossless=True)
    sets = str(tmp_path / "a"), str(tmp_path / "b")
    data = domains.load(sets, "train", 16, 1, domains.aligned)
    assert data.names == ("q", "r") and data.sources and data.sources.names == ("q", "r")
    assert data.images[:, 0, 0, 0].tolist() == [20, 0]
    assert data.pairs and data.pairs.sources[:, 0, 0, 0].tolist() == [20, 40]


# ----------------------------------------------------------------------------------------- emoji


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of emoji that is none, and a cache of the test's own."""
    folder = tmp_path / "node_modules" / "emoji-datasource-google" / "img" / "google" / "64"
    folder.mkdir(parents=True)
    for i, name in enumerate(["1f385", "1f385-1f3fb", "1f3fb", "1f469-1f3fb-200d-1f468-1f3fc"]):
        Image.new("RGBA", (64, 64), (0, 0, 60 * i, 128)).save(folder / f"{name}.png")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CARDIGAN_DATA", str(tmp_path))
    monkeypatch.setattr(emoji, "split_of", lambda name: "train")
    return folder


def test_emoji_are_put_on_white_and_named_by_what_they_show(package, monkeypatch):
    with pytest.raises(UserError, match="install the package again") as error:
        catalogue.load("emoji-google")
    assert "\n" not in str(error.value)
    checked = {**emoji.SHA256, "emoji-google": emoji_digest(package)}
    monkeypatch.setattr(emoji, "SHA256", checked)
    data = catalogue.load("emoji-google", size=32)
    assert data.images.shape == (4, 3, 32, 32)
    assert data.names == ("1f385#1f3fb", "1f385", "1f3fb", "1f469-200d-1f468#1f3fb-1f3fc")
    assert data.images[1, :, 0, 0].tolist() == [127, 127, 127]
    again = catalogue.load("emoji-google", size=32)
    assert again.fingerprint == data.fingerprint and torch.equal(again.images, data.images)
    assert catalogue.describe("emoji-google")[1:] == (3_376, 64, 3, (), 0)


def emoji_digest(folder):
    import numpy as np

    from cardigan.data import cache

    return cache.digest(np.stack([emoji.on_white(path) for path in sorted(folder.glob("*"))]))


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CARDIGAN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in emoji.NAMES:
        with pytest.raises(UserError, match=f"npm install emoji-datasource-{name[6:]}@16.0.0"):
            catalogue.load(name)


def test_emoji_of_one_thing_share_their_split():
    splits = [emoji.split_of(f"{i:x}") for i in range(1_000)]
    assert splits == [emoji.split_of(f"{i:x}#1f3fb") for i in range(1_000)]
    assert 60 < splits.count("test") < 140


# -------------------------------------------------------------------------------------- the runs


@pytest.mark.parametrize("name", TRANSLATORS)
def test_samples_are_translations_of_kept_pictures(name):
    game, _ = start(name)
    sources = toy(SMALL[name]).sources
    assert sources and torch.equal(game.kept.images, sources.images[::2])
    assert len(game.sources(1_000, seed=1)) == 128
    both = shown(game, 8, 0)[0].unflatten(0, (4, 2))
    assert torch.equal(both[:, 0], game.sources(4, seed=0))


def test_few_pictures_are_kept_more_than_once():
    kept = Sources(5, (1, 8, 8))
    kept.keep(domains.joined(named("a", "pq"), named("b", "p")))
    assert kept.images[:, 0, 0, 0].tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_error_of_translations_stands_beside_that_of_leaving_them_alone(name):
    game, stream = start(name)
    data = toy(SMALL[name])
    assert data.sources
    data = replace(data, pairs=Pairs(data.sources.images, data.images))
    train(game, stream, SMALL[name].training.images)
    images = ((game.sample(40, seed=0) + 1) * 127.5).byte()
    told = measure(images, data, game=game)["translation_error"]
    alone = (data.images.float() - data.sources.images.float()).abs().mean().item()
    assert told["floor"] == pytest.approx(alone) and told["pairs"] == 256
    assert told["low"] <= told["value"] <= told["high"]
    assert ("back" in told) == (name == "cyclegan")


@pytest.fixture
def run(name, tmp_path):
    game, stream = start(name)
    train(game, stream, 8)
    record = to_json(name, SMALL[name], "0.1.0")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text(record)
    checkpoint.save(tmp_path / "run" / "checkpoints", game, record, {})
    return game, str(tmp_path / "run")


@pytest.mark.parametrize("name", TRANSLATORS)
def test_pictures_are_translated_by_command(name, run, tmp_path, capsys):
    game, path = run
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(3):
        Image.new("L", (20, 12), 90 * i).save(pictures / f"{i}.png")
    one, many, folder = (str(tmp_path / out) for out in ("one.png", "many.png", "made"))
    assert not __main__.main(["translate", path, str(pictures / "0.png"), "--out", one])
    with Image.open(one) as image:
        assert image.size == (8, 8)
    assert not __main__.main(["translate", path, str(pictures), "--out", many])
    assert not __main__.main(["translate", path, str(pictures), "--out", folder])
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["0.png", "1.png", "2.png"]
    back = ["translate", path, str(pictures), "--back", "--out"]
    assert __main__.main([*back, folder]) == 2, "nothing is written over"
    code = __main__.main([*back, folder + "-back"])
    assert code == {"cyclegan": 0, "pix2pix": 2}[name]
    (pictures / "0.png").write_text("no picture")
    assert __main__.main(["translate", path, str(pictures / "0.png")]) == 2
    assert __main__.main(["translate", path, str(tmp_path / "nothing")]) == 2
    err = capsys.readouterr().err.splitlines()
    assert all(line.startswith("cardigan: error: ") for line in err)


@pytest.mark.parametrize("name", ["dcgan"])
def test_who_does_not_translate_says_so(name, run, tmp_path, capsys):
    assert __main__.main(["translate", run[1], str(tmp_path)]) == 2
    assert "does not translate" in capsys.readouterr().err
