"""Latent spaces: ways through them, directions in them, and the way back from an image."""

from dataclasses import replace

import pytest
import torch
from small import PLAYED, start
from styled import LATENTS, LAYERS, STYLE, styled
from torch import nn

from cardigan.abilities import Decodes, Layers, Maps, Told
from cardigan.explore import inversion
from cardigan.explore.directions import (
    METHODS,
    Directions,
    at_random,
    moved,
    of_features,
    of_points,
    of_weights,
    principal,
)
from cardigan.explore.editing import edited, editor
from cardigan.explore.inversion import Search, balanced, distances, encoded, invert, pace
from cardigan.explore.mixing import mixed
from cardigan.explore.readers import first_features, weights
from cardigan.explore.spaces import between, conditions, each_layer, spaces
from cardigan.explore.walks import OWN, PATHS, End, evenly, there_and_back, walk
from cardigan.games import GAN
from cardigan.labels import one_hot, row
from cardigan.metrics.features import fashion_classifier, seen_by
from cardigan.metrics.path_length import slerp
from cardigan.nets.conditional import BatchNorm, as_vector
from cardigan.randomness import generator

TELLS = ("cgan", "sngan-projection", "sagan", "cgan-attributes", "cgan-pictures")
CLASSES = ("cgan", "sngan-projection", "sagan", "r3gan-classes", "biggan", "biggan-deep")
FLOWS = ("glow", "glow-32")  # whose latents have the shape of pictures, and are split first
DECODES = [
    name
    for name, recipe in PLAYED.items()
    if "decode" in recipe.can and not recipe.points and name != "upsample-gan"
]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Points among which starts are chosen."""
    monkeypatch.setattr(inversion, "DRAWN", 128)


def made(name):
    """The small recipe's game, with weights that tell latents and conditions apart."""
    game, _ = start(name)
    torch.manual_seed(1)
    with torch.no_grad():
        for player in game.players.values():
            for net in filter(None, (player.net, player.ema)):
                for p in net.parameters():
                    p.add_(0.1 * torch.randn_like(p))
        if isinstance(game, GAN) and game.conditions is not None and not game.classes:
            game.conditions.copy_(torch.randn_like(game.conditions))
    return game


# -------------------------------------------------------------------------------- games with any


@pytest.mark.parametrize("name", [n for n, r in PLAYED.items() if "decode" in r.can])
def test_gradients_flow_to_latents_that_ask_for_them_and_to_nothing_else(name):
    game, _ = start(name)
    assert isinstance(game, Decodes)
    z = game.latents(3, seed=0)
    told = conditions(game, 3)
    plain = game.decode(z, told)
    assert not plain.requires_grad
    z.requires_grad_()
    samples = game.decode(z, told)
    assert torch.equal(samples, plain)
    (slope,) = torch.autograd.grad(samples.square().sum(), z)
    assert slope.shape == z.shape and slope.abs().sum(1).min() > 0
    assert all(p.grad is None for p in game.parameters())
    with torch.no_grad():
        assert not game.decode(z, told).requires_grad


@pytest.mark.parametrize("name", CLASSES)
def test_weights_of_one_class_are_that_class_and_mixes_lie_between(name):
    game = made(name)
    z, labels = game.latents(4, seed=0), torch.tensor([2, 0, 1, 2])
    drawn = game.decode(z, labels)
    assert torch.equal(game.decode(z, one_hot(labels, game.classes)), drawn)
    others = torch.tensor([1, 2, 0, 0])
    half = game.decode(z, between(labels, others, 0.5, game.classes))
    assert all(not torch.allclose(half, ends) for ends in (drawn, game.decode(z, others)))


def test_a_mix_of_classes_is_a_mix_of_their_rows():
    """Not of what they draw, and not the row of a number between."""
    table, x = torch.randn(3, 4), torch.randn(2, 4, 2, 2)
    half = torch.tensor([[0.5, 0, 0.5], [0, 1, 0]])
    assert torch.allclose(row(table, half)[0], (table[0] + table[2]) / 2)
    assert torch.equal(row(table, half)[1], table[1])
    assert torch.equal(as_vector(half, 3), half)
    norm = BatchNorm(4, 3).eval()
    nn.init.normal_(norm.scale.gain)
    nn.init.normal_(norm.scale.bias)
    ends = [norm(x, torch.tensor([k, 1])) for k in (0, 2)]
    assert torch.allclose(norm(x, half), (ends[0] + ends[1]) / 2, atol=1e-6)


@pytest.mark.parametrize("name", TELLS)
def test_conditions_are_what_a_game_is_told(name):
    game = made(name)
    told = conditions(game, 5, seed=1)
    assert isinstance(game, Told) and torch.equal(told, conditions(game, 5, seed=1))
    assert game.decode(game.latents(5, 0), told).shape[0] == 5
    if game.classes:
        assert told.tolist() == [0, 1, 2, 3, 4]
        assert conditions(game, 2, label=3).tolist() == [3, 3]
    else:
        assert told.shape[1:] == game.conditions.shape[1:]
        assert not torch.equal(told, conditions(game, 5, seed=2))


def test_a_game_that_is_told_nothing_has_no_conditions():
    assert conditions(start("dcgan")[0], 3) is None
    assert conditions(start("infogan")[0], 3) is None


# ---------------------------------------------------------------------------------------- spaces


def test_a_mapping_network_brings_spaces_of_its_own():
    game = styled()
    assert isinstance(game, Maps) and isinstance(game, Layers)
    found = spaces(game)
    assert [*found] == ["z", "w", "w+"] == [*OWN]
    z, w, plus = (found[name].draw(7, 3, None) for name in found)
    assert z.shape == (7, LATENTS) and w.shape == (7, STYLE) and plus.shape == (7, LAYERS, STYLE)
    images = [s.decode(x, None) for s, x in zip(found.values(), (z, w, plus), strict=True)]
    assert torch.equal(images[0], images[1]) and torch.equal(images[1], images[2])


def test_others_have_z_alone():
    assert [*spaces(start("dcgan")[0])] == ["z"]
    assert not isinstance(start("dcgan")[0], Maps) and not spaces(start("classifier")[0])


# ----------------------------------------------------------------------------------------- walks


@pytest.mark.parametrize("name", ["dcgan", "sngan-projection", "cgan-pictures", "infogan"])
@pytest.mark.parametrize("path", PATHS)
def test_a_walk_begins_and_ends_with_samples(name, path):
    game = made(name)
    space = spaces(game)["z"]
    ends = [End(space.draw(3, s, None), conditions(game, 3, s)) for s in (0, 1)]
    frames = walk(space, *ends, PATHS[path], evenly(4), game.classes)
    assert frames.shape[:2] == (3, 4)
    for place, end in ((0, ends[0]), (-1, ends[1])):
        assert torch.equal(frames[:, place], space.decode(*end))
    backwards = walk(space, *ends[::-1], PATHS[path], evenly(4), game.classes)
    assert torch.allclose(backwards.flip(1), frames, atol=1e-4)


def test_between_classes_the_latent_stays():
    game = made("sngan-projection")
    space = spaces(game)["z"]
    z = space.draw(2, 0, None)
    ends = [End(z, torch.tensor(labels)) for labels in ([0, 1], [1, 2])]
    frames = walk(space, *ends, slerp, [0.0, 0.5, 1.0], game.classes)
    assert torch.equal(frames[:, 2], game.decode(z, torch.tensor([1, 2])))
    mixed = sum(one_hot(torch.tensor(labels), game.classes) for labels in ([0, 1], [1, 2])) / 2
    assert torch.allclose(frames[:, 1], game.decode(z, mixed), atol=1e-6)


def test_a_loop_ends_beside_its_beginning():
    assert there_and_back(torch.arange(5)[None]).tolist() == [[0, 1, 2, 3, 4, 3, 2, 1]]


# --------------------------------------------------------------------------------------- readers


def reader(name):
    """The weights of what reads the latent, as each network calls them."""
    game = made(name)
    net = game.generator.eval_net
    where = {
        "dcgan": lambda: [net.net[0].weight],
        "gan": lambda: [net.net[0].weight],
        "infogan": lambda: [net.net[0].weight],
        "flat-bigan": lambda: [net.first[0].weight, net.again.weight],
        "sagan": lambda: [net.dense.weight],  # spectrally normed
        "sngan-projection": lambda: [net.dense.weight],
        "cgan": lambda: [net.net.net[0].weight[:, :8]],  # joined to the latent is the class
    }
    return game, where[name]()


@pytest.mark.parametrize(
    "name", ["dcgan", "gan", "infogan", "flat-bigan", "sagan", "sngan-projection", "cgan"]
)
def test_whoever_reads_the_latent_is_found_with_its_weights(name):
    game, expected = reader(name)
    z = game.latents(2, seed=0)
    found = weights(lambda x: game.decode(x), z)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("name", DECODES)
def test_every_generator_of_pictures_has_a_reader_and_features_behind_it(name):
    game = made(name)
    told = conditions(game, 1)

    def draw(z):
        return game.decode(z, None if told is None else told.expand(len(z), *told.shape[1:]))

    z = game.latents(6, seed=0)
    if name in FLOWS:
        assert not weights(draw, z) and first_features(draw, z) is None
        return
    assert torch.cat(weights(draw, z)).abs().sum(0).min() > 0, "every entry is read by somebody"
    features = first_features(draw, z)
    assert len(features) == 6 and features.std(0).max() > 0
    with torch.no_grad():  # a generator that mixes its latents' order mixes its features', too
        assert torch.allclose(first_features(draw, z.flip(0)).flip(0), features, atol=1e-5)


def test_each_part_of_a_split_latent_is_found_in_its_place():
    """As BigGAN gives each block its own part, beside what it knows of the class."""
    first, second = nn.Linear(2, 3), nn.Linear(4, 3)
    out = nn.Linear(3, 4)

    def draw(z):
        told = torch.ones(len(z), 1)
        h = first(z[:, :2]).relu()
        return out(h + second(torch.cat([told, z[:, 2:]], 1)))

    found = weights(draw, torch.randn(2, 5))
    a, b = torch.zeros(3, 5), torch.zeros(3, 5)
    a[:, :2], b[:, 2:] = first.weight.detach(), second.weight.detach()[:, 1:]
    assert torch.allclose(found[0], a, atol=1e-6)
    assert torch.allclose(found[1], b[:, :], atol=1e-6) and len(found) == 2


def test_a_latent_that_is_scaled_first_is_still_read():
    layer, out = nn.Linear(5, 3), nn.Linear(3, 2)

    def draw(z):
        return out(layer(z / z.square().mean(1, keepdim=True).sqrt()).relu())

    assert torch.allclose(weights(draw, torch.randn(2, 5))[0], layer.weight, atol=1e-6)


def test_nobody_reads_a_latent_that_is_changed_beforehand():
    layer = nn.Linear(5, 3)
    assert weights(lambda z: layer(z.exp()), torch.randn(4, 5)) == []
    assert first_features(lambda z: layer(z.exp()), torch.randn(4, 5)) is None
    for find in (of_weights, of_features):
        with pytest.raises(ValueError, match="no layer reads"):
            find(lambda z: layer(z.exp()), torch.randn(4, 5), 1)


# ------------------------------------------------------------------------------------ directions


def alike(a, b):
    """Whether vectors are the same up to their signs."""
    return (a * b).sum(1).abs()


def test_components_of_points_with_known_axes():
    axes = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q.T
    scales = torch.tensor([3.0, 2.0, 1.0, 0.1], dtype=torch.float64)
    points = torch.randn(20_000, 4, dtype=torch.float64) * scales @ axes + 5
    found = of_points(lambda w: w, points, 3)
    assert (alike(found.vectors, axes[:3]) > 0.999).all()
    assert torch.allclose(found.deviations, scales[:3], rtol=0.02)
    assert torch.allclose(found.shares, scales[:3] ** 2 / (scales**2).sum(), atol=0.01)


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
def test_components_are_those_of_the_singular_values(shape):
    points = torch.randn(*shape, dtype=torch.float64)
    u, s, vh = torch.linalg.svd(points - points.mean(0), full_matrices=False)
    vectors, shares, scores = principal(points, 4)
    assert torch.allclose(alike(vectors, vh[:4]), torch.ones(4).double())
    assert torch.allclose(shares, (s**2 / (s**2).sum())[:4])
    assert torch.allclose(scores.norm(dim=0), s[:4])


def linear(a):
    """z -> A z -> one more layer, so that A z is what the next layer reads."""
    first, out = nn.Linear(a.shape[1], len(a)), nn.Linear(len(a), 2)
    with torch.no_grad():
        first.weight.copy_(a)
    return lambda z: out(first(z))


def test_weights_alone_tell_what_they_stretch_most():
    a = torch.diag(torch.tensor([1.0, 4.0, 2.0])) @ torch.linalg.qr(torch.randn(3, 3)).Q
    found = of_weights(linear(a), torch.randn(5000, 3), 3)
    u, s, vh = torch.linalg.svd(a)
    assert torch.allclose(alike(found.vectors.float(), vh), torch.ones(3), atol=1e-5)
    assert torch.allclose(found.shares.float(), s**2 / (s**2).sum(), atol=1e-5)
    assert torch.allclose(found.deviations, torch.ones(3).double(), atol=0.05)


def test_of_a_linear_layer_components_are_carried_back_to_the_same_directions():
    """Cov(A z) = A A^T where Cov(z) = I, so GANSpace finds SeFa's, up to its draw."""
    a = torch.diag(torch.tensor([1.0, 4.0, 2.0])) @ torch.linalg.qr(torch.randn(3, 3)).Q
    z = torch.randn(20_000, 3)
    one, other = of_features(linear(a), z, 3), of_weights(linear(a), z, 3)
    assert (alike(one.vectors, other.vectors) > 0.999).all()
    assert torch.allclose(one.shares, other.shares, atol=0.02)


@pytest.mark.parametrize(("method", "space"), [(m, s) for m in METHODS for s in METHODS[m]])
def test_directions_have_length_one_and_move_points_by_deviations(method, space):
    found = spaces(game := styled())[space]
    edits = editor(game, found, None)
    points = found.draw(500, 0, None)
    ways = METHODS[method][space](edits.draw, points, 3)
    assert torch.allclose(ways.vectors.norm(dim=1), torch.ones(3).double())
    there = moved(points, ways, 2.0) - points
    assert torch.allclose(there.norm(dim=2).double(), 2 * ways.deviations[:, None].expand(3, 500))
    assert edited(edits, points[:2], ways, 0.0).shape[:2] == (3, 2)
    assert torch.allclose(edited(edits, points[:2], ways, 0.0)[1], edits.draw(points[:2]))


def test_in_w_the_weights_of_all_layers_are_asked():
    game = styled()
    whole = torch.cat([layer.weight for layer in game.styles])
    found = of_weights(editor(game, spaces(game)["w"], None).draw, game.map(torch.randn(9, 6)), 2)
    vh = torch.linalg.svd(whole).Vh
    assert torch.allclose(alike(found.vectors.float(), vh[:2]), torch.ones(2), atol=1e-5)


def test_layers_that_are_left_alone_draw_what_they_drew():
    game = styled()
    space = spaces(game)["w"]
    points = space.draw(3, 0, None)
    ways = Directions(torch.eye(STYLE)[:2], torch.ones(2), torch.ones(2))
    images = edited(editor(game, space, None, layers=[1]), points, ways, 2.0)
    change = (images - game.synthesise(points)).abs().amax(4)[:, :, 0]
    assert (change[..., 2:4] > 1e-3).all() and (change[..., [0, 1, 4, 5, 6, 7]] < 1e-6).all()


def test_random_directions_are_the_seeds():
    points = torch.randn(100, 5)
    a, b = (at_random(points, 3, generator(s)) for s in (1, 1))
    assert torch.equal(a.vectors, b.vectors)
    assert not torch.equal(a.vectors, at_random(points, 3, generator(2)).vectors)


# ---------------------------------------------------------------------------------------- mixing


def test_mixed_layers_are_the_columns_and_the_others_the_rows():
    game = styled()
    rows, columns = (spaces(game)["w"].draw(n, n, None) for n in (2, 3))
    images = mixed(game, rows, columns, [0, 3])
    own, others = game.synthesise(rows), game.synthesise(columns)
    assert images.shape == (2, 3, 1, 8, 8)
    for r in range(2):
        for c in range(3):
            assert torch.allclose(images[r, c, :, 2:6], own[r, :, 2:6], atol=1e-6)
            ends = [0, 1, 6, 7]
            assert torch.allclose(images[r, c, :, ends], others[c, :, ends], atol=1e-6)
    assert torch.allclose(mixed(game, rows, columns, range(LAYERS))[0], others, atol=1e-6)


# ------------------------------------------------------------------------------------- inversion


def flat(x):
    return x.flatten(1)


class Affine(nn.Module):
    """G(z) = A z + b, as a picture of one row."""

    def __init__(self, latents=4, pixels=9):
        super().__init__()
        self.linear = nn.Linear(latents, pixels)

    def forward(self, z, label=None):
        return self.linear(z)[:, None, None]


def affine(latents=4):
    torch.manual_seed(0)
    game, _ = start("dcgan")
    game.generator.net, game.generator.ema = Affine(latents), None
    game.prior = lambda n, device: torch.randn(n, latents)
    return game


def test_the_optimum_of_an_affine_generator_is_reached():
    """z = A^+ (x - b), and what is left is the part of x outside the range."""
    game = affine()
    linear = game.generator.net.linear
    a, b = linear.weight.detach(), linear.bias.detach()
    x = game.decode(game.latents(5, 1)) + 0.1 * torch.randn(5, 1, 1, 9)
    found = invert(game, spaces(game)["z"], x, Search(flat, starts=2, steps=200))
    best = (x.flatten(1) - b) @ torch.linalg.pinv(a).T
    assert torch.allclose(found.points, best, atol=0.02)
    left = (torch.eye(9) - a @ torch.linalg.pinv(a)) @ (x.flatten(1) - b).T
    assert torch.allclose(distances(flat, found.images, x), left.norm(dim=0), rtol=0.01)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_own_samples_are_found_again(power):
    game = affine()
    x = game.decode(game.latents(3, 1))
    found = invert(game, spaces(game)["z"], x, Search(flat, power, starts=1, steps=200))
    near = distances(flat, found.images, x) / distances(flat, found.mean_images, x)
    assert (near < 0.03).all()


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_samples_of_styles_are_found_in_every_space(space):
    game = styled()
    x = game.sample(3, seed=5)
    found = invert(game, spaces(game)[space], x, Search(flat, starts=2, steps=300))
    near = distances(flat, found.images, x) / distances(flat, found.mean_images, x)
    assert (near < 0.1).all()
    assert torch.equal(spaces(game)[space].decode(found.points, None), found.images)


def test_a_w_for_each_layer_finds_what_no_single_w_draws():
    game = styled()
    w = spaces(game)["w"].draw(2 * LAYERS, 0, None).view(2, LAYERS, STYLE)
    x = game.synthesise(w)
    near = [
        distances(flat, invert(game, spaces(game)[s], x, Search(flat, steps=300)).images, x)
        for s in ("w", "w+")
    ]
    assert (near[1] < 0.2 * near[0]).all()


def test_points_stay_where_the_prior_draws():
    """Of a picture far outside of what is drawn; W has no such bounds."""
    game = affine()
    x = 100 * torch.ones(2, 1, 1, 9)
    space = spaces(game)["z"]
    found = invert(game, space, x, Search(flat, steps=200, rate=1.0))
    drawn = space.draw(inversion.DRAWN, 0, None)
    assert found.points.norm(dim=1).max() <= drawn.norm(dim=1).max() + 1e-4
    free = invert(game, space._replace(bounded=False), x, Search(flat, steps=200, rate=1.0))
    assert free.points.norm(dim=1).min() > 2 * found.points.norm(dim=1).max()


def test_an_answer_is_its_own_and_the_seeds():
    game, search = styled(), Search(flat, steps=30, noise=0)
    x, z = game.sample(5, seed=5), spaces(styled())["z"]
    found = invert(game, z, x, search)
    assert torch.allclose(invert(game, z, x[3:], search).points, found.points[3:], atol=1e-4)
    noisy = Search(flat, steps=30)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first = invert(game, z, x, noisy).points
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(invert(game, z, x, noisy).points, first)
    assert not torch.equal(invert(game, z, x, replace(noisy, seed=1)).points, first)


def test_groups_make_no_difference(monkeypatch):
    game, search = styled(3), Search(flat, steps=20, noise=0, starts=2)
    x, z = game.sample(5, seed=5), spaces(styled(3))["z"]
    whole = invert(game, z, x, search)
    monkeypatch.setattr(inversion, "TOGETHER", 4)
    parts = invert(game, z, x, search)
    assert torch.allclose(whole.points, parts.points, atol=1e-4)
    assert torch.equal(whole.conditions, parts.conditions)


def test_the_nearest_point_on_the_way_is_kept():
    """A rate that throws points about: more steps are never worse."""
    game = styled()
    x, z = game.sample(4, seed=5), spaces(styled())["z"]
    near = [
        distances(flat, invert(game, z, x, Search(flat, steps=n, rate=50.0, noise=0)).images, x)
        for n in (1, 60)
    ]
    assert (near[1] <= near[0] + 1e-5).all()


def test_the_class_is_found_or_kept():
    game = styled(3)
    labels = torch.tensor([2, 0, 1, 2])
    x = game.sample(4, seed=5, label=labels)
    z = spaces(game)["z"]
    found = invert(game, z, x, Search(flat, starts=6, steps=200))
    assert torch.equal(found.conditions, labels)
    told = invert(game, z, x, Search(flat, steps=20), labels=torch.tensor([0, 0, 1, 1]))
    assert told.conditions.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("name", ["cgan-attributes", "sngan-projection"])
def test_games_that_are_told_something_are_inverted(name):
    game = made(name)
    x = game.sample(2, seed=3)
    found = invert(game, spaces(game)["z"], x, Search(flat, steps=5))
    assert len(found.conditions) == 2 and found.images.shape == x.shape
    assert torch.equal(game.decode(found.points, found.conditions), found.images)


def test_an_encoders_answer_is_a_start():
    game = made("bigan")
    x = game.decode(game.latents(4, 3))
    codes, z = encoded(game, x), spaces(game)["z"]
    assert torch.equal(codes, game.encode(x))
    near = distances(flat, game.decode(codes), x)
    found = invert(game, z, x, Search(flat, steps=100), begin=codes)
    assert (distances(flat, found.images, x) < near).all()


def test_an_encoder_of_another_generator_is_none():
    """Its codes are the BiGAN's, and the samples another generator's."""
    game, x = made("tangent-invariant"), next(start("tangent-invariant")[1])["first"].image[:3]
    assert encoded(game, x) is None and encoded(start("dcgan")[0], x) is None
    game.learner.prior = game.inference.prior  # of the same size, it is still another's
    game.learner.generator.ema = None
    game.learner.generator.net = Other(game.inference.generator.net)
    assert encoded(game, x) is None


class Other(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, z, label=None):
        return -self.net(z, label)


def test_looks_count_alike():
    """Pixels and tenfold pixels, side by side: each varies by 1."""
    x = torch.randn(500, 1, 4, 4)
    look = balanced([flat, lambda x: 10 * flat(x)], x)
    halves = look(x).chunk(2, 1)
    for half in halves:
        assert (half - half.mean(0)).square().sum(1).mean() == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_classifier_is_seen_through(channels):
    net = fashion_classifier()
    x = torch.rand(3, channels, 20, 20) * 2 - 1
    bytes_ = ((x + 1) * 127.5).round().to(torch.uint8)
    x = (bytes_.float() / 127.5 - 1).requires_grad_()
    seen = seen_by(net.net)(x)
    assert torch.allclose(seen.double(), net(bytes_).features, atol=1e-4)
    (slope,) = torch.autograd.grad(seen.sum(), x)
    assert slope.abs().max() > 0


def test_the_pace_rises_and_falls():
    assert pace(0) == 0 and pace(0.05) == pace(0.5) == pace(0.75) == 1 and pace(1) == 0
    assert pace(0.025) == 0.5 and pace(0.875) == pytest.approx(0.5)


def test_each_layer_has_the_same_style():
    w = torch.randn(3, STYLE)
    plus = each_layer(w, styled())
    assert all(torch.equal(part, w) for part in plus.unbind(1))


@pytest.mark.parametrize("name", ["stylegan", "stylegan2"])
def test_a_stylegan_has_all_three_spaces_and_slopes_in_each(name):
    game, _ = start(name)
    game.seen = 10**9  # it has grown
    found = spaces(game)
    assert [*found] == ["z", "w", "w+"]
    for space in found.values():
        points = space.draw(3, 0, None).requires_grad_()
        images = space.decode(points, None)
        assert torch.equal(images, space.decode(points, None)), "noise is the same at every call"
        (slope,) = torch.autograd.grad(images.square().sum(), points)
        assert slope.abs().amax(-1).min() > 0, "every style of every layer counts"
