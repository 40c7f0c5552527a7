"""BigBiGAN: signs, who is taught by what, and which networks are there."""

from dataclasses import replace

import pytest
import torch
from small import SMALL, start, toy
from torch import nn

from cardigan.data.stream import Batch
from cardigan.errors import UserError
from cardigan.games import GAN
from cardigan.games.bigbigan import codec_loss, discriminator_loss
from cardigan.nets.bigan import Gaussian
from cardigan.nets.bigbigan import Encoder, Resized, TermDiscriminator, Terms, Trunk
from cardigan.nets.resnet50 import InHalves, ResNet50, RevNet50
from cardigan.nets.spectral import SpectralNorm, plain
from cardigan.recipes import RECIPES
from cardigan.recipes.bigbigan import TERMS
from cardigan.train import play

CPU = torch.device("cpu")
BASE = SMALL["bigbigan"]


def game(**fields):
    torch.manual_seed(0)
    return replace(BASE, **fields).checked().game()


def gradient(loss, net):
    """Whether a loss reaches a network at all."""
    found = torch.autograd.grad(loss, [*net.parameters()], retain_graph=True, allow_unused=True)
    return any(g is not None and g.abs().max().item() > 0 for g in found)


# ---------------------------------------------------------------------------------------- losses


def test_signs():
    """With constant scores c the codec has 3 c - 3 c = 0; at zero the discriminator has 6."""
    constant, zero = torch.full((4, 3), 1.7), torch.zeros(4, 3)
    assert not codec_loss(constant, constant).any()
    assert discriminator_loss(zero, zero).tolist() == [6.0] * 4
    real, fake = torch.randn(2, 4, 3)
    assert torch.equal(codec_loss(real, fake), -codec_loss(fake, real))


def test_each_score_has_a_hinge_of_its_own():
    """Of (3, -3, 0): 0 + 4 + 1, where a hinge of the sum would be 1."""
    real, far = torch.tensor([[3.0, -3.0, 0.0]]), torch.full((1, 3), -9.0)
    assert discriminator_loss(real, far).item() == 5
    assert discriminator_loss(-far, -real).item() == 5


def test_the_codec_descends_what_the_discriminator_ascends():
    real, fake = torch.zeros(2, 1, 3, requires_grad=True)
    for loss, sign in ((discriminator_loss, -1), (codec_loss, 1)):
        up, down = torch.autograd.grad(loss(real, fake).sum(), (real, fake))
        assert (up.sign() == sign).all() and (down.sign() == -sign).all()


# ------------------------------------------------------------------------------- who is taught


def test_scores_teach_those_who_made_what_they_judge():
    """Real pairs: E by s_z and s_xz; fake pairs: G by s_x and s_xz; nobody by the others."""
    played = game()
    x = next(BASE.stream(toy(BASE), CPU)).image
    real, fake = (
        played.discriminator.frozen(*pair) for pair in played.pairs(x, played.prior(len(x), CPU))
    )
    encoder, generator = played.encoder.net, played.generator.net
    teaches = {"x": (False, True), "z": (True, False), "joint": (True, True)}
    for i, (by_real, by_fake) in enumerate(teaches.values()):
        assert gradient(real[:, i].sum(), encoder) is by_real
        assert gradient(fake[:, i].sum(), generator) is by_fake
    assert not gradient(real.sum(), generator) and not gradient(fake.sum(), encoder)


def test_the_discriminator_moves_k_times_on_pairs_that_teach_nobody_else():
    played = game(discriminator_steps=2)
    images, codes = [], []
    played.encoder.net.register_forward_hook(lambda net, args, out: codes.append(out.detach()))

    class Stream:
        def __next__(self):
            images.append(torch.randn(4, 1, 16, 16))
            return Batch(images[-1])

    turns, movers, told = played.round(Stream()), [], None
    while True:
        try:
            move = turns.send(told)
        except StopIteration:
            break
        movers.append(move.players)
        others = [p for p in played.players.values() if p not in move.players]
        assert not any(gradient(move.loss.mean(), other.net) for other in others)
        assert all(gradient(move.loss.mean(), player.net) for player in move.players)
        told = {name: value.detach() for name, value in move.log.items()}
    judge, codec = (played.discriminator,), (played.encoder, played.generator)
    assert movers == [judge, judge, codec] and len(images) == 2
    assert not torch.equal(codes[1], codes[2]), "of one picture, drawn anew for the codec's move"


@pytest.mark.parametrize("terms", TERMS)
def test_terms_can_be_left_out_and_their_networks_with_them(terms):
    played, there = game(terms=terms), Terms(*TERMS[terms])
    net = played.discriminator.net
    x = next(BASE.stream(toy(BASE), CPU)).image
    scores = net(x, played.latents(len(x), seed=0))
    assert scores.shape == (len(x), sum(there))
    assert (net.of_x, net.of_z, net.joint) == tuple(
        part if wanted else None
        for part, wanted in zip((net.of_x, net.of_z, net.joint), there, strict=True)
    )
    scores.sum().backward()
    assert all(p.grad is not None for p in net.parameters()), "nothing is there for nothing"
    log = play(played, replace(BASE, terms=terms).stream(toy(BASE), CPU))
    assert all(value.isfinite() for value in log.values())


def test_scores_look_at_what_they_are_called():
    net = TermDiscriminator(
        nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), 3, 2, 5, 1, Terms(True, True, True), plain
    )
    x, z = torch.randn(6, 1, 2, 2), torch.randn(6, 2)
    scores, of_x, of_z = net(x, z), net(x, z.flip(0)), net(x.flip(0), z)
    changes = [(other - scores).abs().amax(0) > 1e-6 for other in (of_x, of_z)]
    assert [c.tolist() for c in changes] == [[False, True, True], [True, False, True]]


def test_an_encoder_that_no_score_reads_is_refused():
    with pytest.raises(AssertionError, match="learns"):
        TermDiscriminator(nn.Flatten(), 4, 2, 5, 1, Terms(True, False, False), plain)


def test_the_discriminator_is_normed_throughout():
    net = game().discriminator.net
    layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert len(layers) == len([m for m in net.modules() if isinstance(m, SpectralNorm)]) > 10


# ------------------------------------------------------------------------------------------ codes


def test_codes_of_a_picture_are_drawn_with_a_deviation_above_nothing():
    played = game()
    encoder = played.encoder.net
    assert isinstance(encoder.head, Gaussian)
    x = torch.randn(1, 1, 16, 16).expand(64, -1, -1, -1)
    assert (encoder(x).var(0) > 0).all()
    logits = torch.linspace(-20, 20, 9)
    sigma = encoder.head.deviation(logits)
    assert (sigma > 0).all() and torch.allclose(sigma, (1 + logits.exp()).log(), atol=1e-5)
    codes = played.encode(x)
    assert torch.allclose(codes, codes[:1].expand_as(codes), atol=1e-5), "their mean, elsewhere"


def test_codes_may_be_one_a_picture_and_fit_their_prior():
    x = 5 * torch.randn(8, 1, 16, 16)
    for codes, bounded in (("deterministic", False), ("uniform", True)):
        played = game(encoder=codes)
        played.encoder.net.eval()
        assert torch.equal(played.encoder.net(x), played.encoder.net(x))
        assert (played.latents(2000).abs().max() <= 1) == bounded
        if bounded:
            assert played.encode(x).abs().max() <= 1


def test_features_for_probes_are_what_the_head_mixes():
    net = Encoder(Trunk(28, 1, 4, 2), 16, 6, 5, nn.Linear).eval()
    x = torch.randn(3, 1, 28, 28)
    assert net.features(x).shape == (3, 16) and net(x).shape == (3, 5)
    assert torch.equal(net.head(net.mixing(net.features(x))), net(x))


# -------------------------------------------------------------------------------- the papers' nets


def numbers(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("make", "width", "features", "weights"),
    [
        # He's 25.6 million less the 1000 classes of 2,049, and of batch norm where v2 has it
        (ResNet50, 64, 2048, 23_500_352),
        (RevNet50, 64, 2048, 5_408_640),
        (RevNet50, 256, 8192, 85_765_632),  # the 86 million of the paper's largest
    ],
)
def test_trunks_of_50_layers_have_the_papers_features_and_weights(make, width, features, weights):
    with torch.device("meta"):
        net = make(3, width)
        assert net(torch.empty(2, 3, 256, 256)).shape == (2, features) == (2, net.seen)
    assert numbers(net) == weights


@pytest.mark.parametrize("make", [ResNet50, RevNet50])
def test_fifty_layers_are_counted(make):
    """One convolution, 16 units of three, and the linear layer that follows; no shortcuts'."""
    ways = [m for name, m in make(1, 2).named_modules() if "shortcut" not in name]
    assert sum(isinstance(m, nn.Conv2d) for m in ways) + 1 == 50


def test_what_a_reversible_unit_was_given_follows_from_what_it_gives():
    torch.manual_seed(0)
    net = nn.Sequential(*(InHalves(16) for _ in range(4)))
    net(torch.randn(8, 16, 6, 6))
    net.eval().double()
    x = torch.randn(2, 16, 6, 6).double()
    y = net(x)
    assert (y - x).abs().mean((0, 2, 3)).gt(0.01).all(), "both halves have been changed"
    for unit in reversed(net):
        b, changed = y.chunk(2, 1)
        y = torch.cat([changed - unit.net(b), b], 1)
    assert torch.allclose(y, x, atol=1e-10)


def test_the_papers_presets_encode_twice_what_is_drawn():
    for name, count in (("bigbigan-128", 2048), ("bigbigan-revnet-128", 8192)):
        recipe = replace(RECIPES[name], channels=3).checked()
        sides = 2 * recipe.generator_size, recipe.size
        assert sides == (256, 256)
        with torch.device("meta"):
            looking = recipe.looking()
            units, latents = recipe.encoder_units, recipe.latents
            net = Encoder(looking, looking.seen, units, latents, recipe.head())
            images = torch.empty(2, 3, *sides)
            assert net.features(images).shape == (2, count) and net(images).shape == (2, 120)
        assert net.mixing[0].net[1].out_features == 4096
        assert recipe.encoder_lr == pytest.approx(10 * recipe.generator_lr)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"size": 16}, "size must be at least 32 with this encoder_net, got 16"),
        ({"encoder_width": 1}, "encoder_width must be at least 2 with this encoder_net, got 1"),
    ],
)
def test_what_does_not_fit_deep_encoders(fields, says):
    with pytest.raises(UserError, match=says):
        replace(BASE, **{"size": 32, "encoder_net": "revnet-50"} | fields).checked()


# ------------------------------------------------------------------------------------ resolution


def test_what_was_enlarged_and_is_made_small_is_what_it_was():
    x = torch.randn(2, 3, 8, 8)
    large = Resized(32)(x)
    assert large.shape == (2, 3, 32, 32) and torch.equal(large[..., ::4, ::4], x)
    assert torch.allclose(Resized(8)(large), x, atol=1e-6) and Resized(8)(x) is x
    assert torch.allclose(Resized(1)(x).flatten(), x.mean((2, 3)).flatten(), atol=1e-6)


def test_an_encoder_may_see_more_than_is_drawn():
    played = game(size=32, generator_size=16)
    looked_at = []
    for net in (played.encoder.net.net[0], played.discriminator.net.seeing[1]):
        net.register_forward_hook(lambda net, args, out: looked_at.append(args[0].shape[2]))
    wide = replace(BASE, size=32, generator_size=16)
    play(played, wide.stream(toy(wide), CPU))
    assert {*looked_at} == {32, 16}
    samples = played.sample(3, seed=0)
    assert samples.shape == (3, 1, 32, 32)
    assert torch.equal(samples[..., ::2, ::2], samples[..., 1::2, 1::2])
    x = next(wide.stream(toy(wide), CPU)).image
    assert played.reconstruct(x).shape == x.shape


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"size": 28, "generator_size": 16}, "must divide size 28"),
        ({"size": 16, "generator_size": 32}, "must divide size 16"),
        ({"size": 512, "generator": "dcgan"}, "generator_size must be one of .*256, got 512"),
    ],
)
def test_sizes_that_do_not_go_together(fields, says):
    with pytest.raises(UserError, match=says):
        replace(BASE, **fields).checked()


# -------------------------------------------------------------------------------------- variants


def test_dcgans_generator_stands_in_for_biggans():
    played = game(generator="dcgan")
    play(played, BASE.stream(toy(BASE), CPU))
    layers = {type(m) for m in played.generator.net.modules()}
    assert nn.ConvTranspose2d in layers and SpectralNorm not in layers
    assert played.sample(2).shape == (2, 1, 16, 16)


def test_the_encoder_has_a_rate_of_its_own():
    played = game(generator_lr=1e-3, encoder_lr=1e-2)
    assert (played.generator.settings["lr"], played.encoder.settings["lr"]) == (1e-3, 1e-2)
    recipe = RECIPES["bigbigan"]
    assert recipe.encoder_lr == pytest.approx(10 * recipe.generator_lr)


def test_without_an_encoder_it_is_biggan_without_classes():
    plain_game, stream = start("biggan-unconditional")
    assert isinstance(plain_game, GAN) and plain_game.classes == 0
    real, label = plain_game.draw(stream)
    assert label is None and plain_game.discriminator.net.head.embedding is None
    paired, alone = RECIPES["bigbigan"], RECIPES["biggan-unconditional"]
    for field in ("size", "latents", "width", "generator_lr", "discriminator_lr", "ema_halflife"):
        assert getattr(paired, field) == getattr(alone, field), "they can be compared"
