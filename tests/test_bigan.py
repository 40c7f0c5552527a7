"""BiGAN, ALI and augmented BiGAN against their closed forms."""

from itertools import permutations
from math import log

import pytest
import torch
from small import SMALL, start
from torch import nn

from cardigan import games, priors
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Batch, Stream
from cardigan.game import Player
from cardigan.games.bigan import (
    Pair,
    Scores,
    apart,
    discriminator_loss,
    feature_matching,
    swapped,
    together,
)
from cardigan.nets.bigan import Gaussian, PointEncoder, point_discriminator
from cardigan.nets.mlp import PointGenerator
from cardigan.optimizers import adam
from cardigan.train import play, train


def game(rebuilt=0.0, codec_loss=None, head=Gaussian, reading=None, seed=0):
    torch.manual_seed(seed)
    nets = PointEncoder(2, 8, head), PointGenerator(2, 8), point_discriminator(2, 8)
    players = [Player(net, adam(0.5), 1e-3) for net in nets]
    prior = priors.normal(2)
    return games.BiGAN(*players, prior, codec_loss=codec_loss, rebuilt=rebuilt, reading=reading)


def judged(*logits):
    return [Scores(torch.tensor([c]), torch.zeros(1, 3)) for c in logits]


def parameters(game):
    return {n: p.detach().clone() for n, p in game.named_parameters()}


# ---------------------------------------------------------------------------------------- losses


@pytest.mark.parametrize("rebuilt", [0.0, 0.5])
def test_who_cannot_tell_pays_ln_2(rebuilt):
    real, *fakes = judged(*[0.0] * (3 if rebuilt else 2))
    for loss in (discriminator_loss, swapped):
        assert loss(game(rebuilt), real, fakes).item() == pytest.approx(log(2))


def test_swapping_the_pairs_and_the_labels_swaps_the_losses():
    real, fake = judged(1.5, -0.5)
    assert torch.equal(discriminator_loss(game(), real, [fake]), swapped(game(), fake, [real]))


def test_the_discriminator_wants_what_encoder_and_generator_do_not():
    """C(x, E(x)) up and C(G(z), z) down, and the opposite."""
    for loss, sign in ((discriminator_loss, 1), (swapped, -1)):
        for rebuilt in (0.0, 0.5):
            logits = [torch.zeros(1, requires_grad=True) for _ in range(3 if rebuilt else 2)]
            real, *fakes = [Scores(c, torch.zeros(1, 1)) for c in logits]
            loss(game(rebuilt), real, fakes).sum().backward()
            signs = [c.grad.sign().item() * sign for c in logits]
            assert signs == [-1, *[1] * len(fakes)]


def test_three_kinds_of_pairs_are_weighted_as_the_paper_has_them():
    """-log D(x, E(x)) - 1/2 log(1 - D(G(z), z)) - 1/2 log(1 - D(G(E(x)), E(x))), halved."""
    real, *fakes = judged(0.3, -0.2, 0.7)
    d = [torch.tensor(c).sigmoid().item() for c in (0.3, -0.2, 0.7)]
    expected = (-log(d[0]) - 0.5 * log(1 - d[1]) - 0.5 * log(1 - d[2])) / 2
    assert discriminator_loss(game(0.5), real, fakes).item() == pytest.approx(expected)
    expected = (-log(1 - d[0]) - 0.5 * log(d[1]) - 0.5 * log(d[2])) / 2
    assert swapped(game(0.5), real, fakes).item() == pytest.approx(expected)


def test_a_perfect_rebuilder_leaves_the_discriminator_two_thirds():
    """Where pairs 1 and 3 have one law and pair 2 has no mass, D = 1 / (1 + 1/2)."""
    c = torch.zeros(1, requires_grad=True)
    best = torch.optim.LBFGS([c], max_iter=50)

    def loss():
        best.zero_grad()
        shared, nowhere = Scores(c, torch.zeros(1, 1)), judged(-50.0)[0]
        value = discriminator_loss(game(0.5), shared, [nowhere, shared]).sum()
        value.backward()
        return value

    best.step(loss)
    assert c.sigmoid().item() == pytest.approx(2 / 3, abs=1e-3)


def test_feature_matching_compares_means_alone():
    f = torch.randn(6, 4)
    shuffled, moved = f[torch.randperm(6)], f + torch.tensor([2.0, 0, 0, 0])
    real, same, other = (Scores(torch.zeros(6), part) for part in (f, shuffled, moved))
    assert feature_matching(game(), real, [same]).item() == pytest.approx(0, abs=1e-10)
    assert feature_matching(game(), real, [other]).item() == pytest.approx(1)  # 2^2 / 4
    assert feature_matching(game(0.5), real, [other, other]).item() == pytest.approx(2)


# --------------------------------------------------------------------------------------- optimum


@pytest.mark.parametrize("encoder", [*permutations(range(4))])
def test_an_encoder_that_inverts_the_generator_is_the_only_optimum(encoder):
    """Four images, four codes, and the best discriminator of each permutation: V = -log 4."""
    generator = (2, 0, 3, 1)
    p_real, p_fake = torch.zeros(4, 4).double(), torch.zeros(4, 4).double()
    for i in range(4):
        p_real[i, encoder[i]] = p_fake[generator[i], i] = 1 / 4
    best = (p_real.log() - p_fake.log()).nan_to_num(0).clamp(-50, 50)
    cells = [Scores(best, torch.zeros(1, 1))] * 2
    real = discriminator_loss(game(), cells[0], [judged(-1e9)[0]]) * p_real  # each half by itself
    fake = discriminator_loss(game(), judged(1e9)[0], [cells[1]]) * p_fake
    value = -2 * (real + fake).sum().item()
    inverts = all(encoder[generator[i]] == i for i in range(4))
    assert (value == pytest.approx(-log(4))) is inverts
    assert inverts or value > -log(4) + 0.1


class Affine(nn.Module):
    """x [N, 2] -> [N, 2]."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x, label=None):
        return self.linear(x)


class Quadratic(nn.Module):
    """Tells Gaussians apart: the logit of two is quadratic."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4 + 16, 1)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x, z, label=None):
        pair = torch.cat([x, z], 1)
        features = torch.cat([pair, (pair[:, :, None] * pair[:, None]).flatten(1)], 1)
        return self.linear(features).squeeze(1), features


def test_an_encoder_learns_to_invert_the_generator():
    """Both ways, though nothing ever compares a point with its rebuilding."""
    torch.manual_seed(0)
    encoder, generator = (Player(Affine(), adam(0.0), 5e-3, ema_halflife=2_000) for _ in "EG")
    played = games.BiGAN(
        encoder, generator, Player(Quadratic(), adam(0.0), 2e-2), priors.normal(2)
    )
    points = torch.randn(4096, 2) @ torch.tensor([[1.0, -0.3], [0.5, 0.8]]) + 0.5
    z, x = played.latents(500), points[:500]

    def errors():
        rebuilt = played.encode(played.decode(z)), played.reconstruct(x)
        return [(a - b).square().mean() / b.var() for a, b in zip(rebuilt, (z, x), strict=True)]

    assert min(errors()) > 0.5
    train(played, Stream(Dataset("points", points), 128), 800 * 128)
    assert max(errors()) < 0.1


# --------------------------------------------------------------------------------------- rounds


def test_without_third_pairs_an_augmented_round_is_bigans_to_the_bit():
    plain, augmented = game(), game(rebuilt=0.5)
    augmented.weights = (1.0, 0.0)
    x, z = torch.randn(16, 2), torch.randn(16, 2)
    for played in (plain, augmented):
        played.prior = lambda n, device: z
        torch.manual_seed(1)
        play(played, iter([Batch(x)]))
    after = parameters(augmented)
    assert all(torch.equal(p, after[n]) for n, p in parameters(plain).items())


def test_pairs_are_what_they_are_called():
    played = game(rebuilt=0.5)
    played.eval()
    x, z = torch.randn(5, 2), torch.randn(5, 2)
    real, drawn, rebuilt = played.pairs(x, z)
    code = played.encoder(x)
    assert real.x is x and drawn.z is z
    assert torch.equal(real.z, code) and torch.equal(rebuilt.z, code)
    assert torch.equal(drawn.x, played.generator(z))
    assert torch.equal(rebuilt.x, played.generator(code))


@pytest.mark.parametrize("codec_loss", [swapped, feature_matching])
def test_every_kind_of_pair_teaches_who_made_it(codec_loss):
    """The encoder learns of real and of rebuilt pairs, the generator of drawn and of rebuilt."""
    played = game(rebuilt=0.5, codec_loss=codec_loss)
    pairs = played.pairs(torch.randn(8, 2), torch.randn(8, 2))
    teaches = [(True, False), (False, True), (True, True)]
    for i, (encoder, generator) in enumerate(teaches):
        kinds = [p if i == j else Pair(p.x.detach(), p.z.detach()) for j, p in enumerate(pairs)]
        real, *fakes = apart(played.discriminator.frozen, kinds)
        loss = codec_loss(played, real, fakes).mean()
        for player, learns in ((played.encoder, encoder), (played.generator, generator)):
            weights = list(player.net.parameters())
            found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
            assert any(g is not None and g.abs().max() > 0 for g in found) is learns


def test_players_move_along_losses_at_the_same_weights():
    played, x, z = game(), torch.randn(8, 2), torch.randn(8, 2)
    played.prior = lambda n, device: z
    turns = played.round(iter([Batch(x)]))
    first = next(turns)
    before = [p.clone() for p in played.discriminator.net.parameters()]
    with torch.no_grad():
        for player in first.players:
            for p in player.net.parameters():
                p.zero_()
    second = turns.send({})
    assert first.players == (played.encoder, played.generator)
    assert second.players == (played.discriminator,)
    second.loss.mean().backward()  # at what encoder and generator had made before they moved
    assert all(p.grad.abs().max() > 0 for p in played.discriminator.net.parameters())
    assert all(map(torch.equal, before, played.discriminator.net.parameters()))


def test_batches_apart_have_statistics_of_their_own_and_together_those_of_all():
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2, affine=False)

        def forward(self, x, z):
            return self.norm(x)[:, 0], self.norm(x)

    pairs = [Pair(torch.randn(64, 2) + shift, torch.zeros(64, 1)) for shift in (-3, 3)]
    means = lambda reading: [j.logits.mean().item() for j in reading(Normed(), pairs)]  # noqa: E731
    assert means(apart) == pytest.approx([0, 0], abs=1e-5)
    assert means(together) == pytest.approx([-0.95, 0.95], abs=0.05)


def test_readings_agree_on_a_discriminator_without_statistics():
    judge, pairs = game().discriminator, [Pair(torch.randn(4, 2), torch.randn(4, 2))] * 3
    for one, other in zip(apart(judge, pairs), together(judge, pairs), strict=True):
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["bigan", "flat-bigan", "ali-grid"])
def test_a_discriminator_looks_at_codes(name):
    played, stream = start(name)
    x = next(stream).image
    z = played.latents(len(x), seed=0)
    logits = [played.discriminator(x, codes)[0] for codes in (z, z.flip(0))]
    assert not torch.allclose(*logits)


# ------------------------------------------------------------------------------------------ codes


def test_a_gaussian_encoder_draws_what_it_says():
    torch.manual_seed(0)
    head = Gaussian(3, 2)
    features = torch.randn(1, 3)
    mu, logit = head.linear(features).chunk(2, 1)
    codes = head(features.expand(20_000, 3))
    assert torch.allclose(codes.mean(0), mu[0], atol=0.02)
    assert torch.allclose(codes.std(0), logit.sigmoid()[0], rtol=0.03)
    assert torch.equal(head.eval()(features), mu)


def test_gradients_reach_mu_and_sigma():
    head = Gaussian(3, 2)
    head(torch.randn(8, 3)).square().sum().backward()
    mu, sigma = head.linear.weight.grad.chunk(2)
    assert (mu.abs() > 0).all() and (sigma.abs() > 0).all()


def test_without_deviation_ali_is_bigan():
    ali, x, z = game(), torch.randn(8, 2), torch.randn(8, 2)
    head = ali.encoder.net.net[2]
    with torch.no_grad():
        head.linear.bias[2:] = -1e9
    code = ali.pairs(x, z)[0].z
    ali.encoder.eval()
    assert torch.equal(code, ali.pairs(x, z)[0].z)


@pytest.mark.parametrize("name", ["bigan", "flat-bigan"])
def test_codes_lie_where_the_prior_has_mass(name):
    played, stream = start(name)
    with torch.no_grad():
        for p in played.encoder.net.parameters():
            p.mul_(5)
    assert played.encode(next(stream).image).abs().max() <= 1
    assert played.latents(100).abs().max() <= 1


@pytest.mark.parametrize("name", ["bigan", "ali", "augmented-bigan", "flat-bigan", "ali-grid"])
def test_codes_and_rebuildings_repeat_themselves_and_touch_nothing(name):
    played, stream = start(name)
    x = next(stream).image
    codes, rebuilt = played.encode(x), played.reconstruct(x)
    assert codes.shape == (len(x), SMALL[name].latents) and rebuilt.shape == x.shape
    assert torch.equal(played.encode(x), codes) and torch.equal(played.decode(codes), rebuilt)
    codec = played.codec()
    assert torch.allclose(codec.decode(codec.encode(x)), rebuilt, atol=1e-6)
    assert not rebuilt.requires_grad and codec.encode(x.requires_grad_()).requires_grad
