"""Variational autoencoders: bounds against a model whose density is known, laws, networks."""

import math
from functools import partial

import pytest
import torch
from small import SMALL, start
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from cardigan.data.stream import as_floats
from cardigan.game import Player
from cardigan.games import VAE
from cardigan.games.vae import Encoded, encode, evidence, importance_weighted, surplus
from cardigan.laws import Binary, Gaussian
from cardigan.levels import spread, to_levels, to_values
from cardigan.nets.vae import LAWS, convolutional, dense
from cardigan.optimizers import adam
from cardigan.priors import normal
from cardigan.recipes import RECIPES
from cardigan.train import play

D, Z = 5, 2
VARIANCE = 0.3


class LinearDecoder(nn.Module):
    """x = W z + b + e, e ~ N(0, v): log p(x) has a closed form."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(D, Z)), nn.Parameter(torch.randn(D))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Gaussian:
        mean = z @ self.weight.T + self.bias
        return Gaussian(mean, torch.full_like(mean, math.log(VARIANCE)))

    def log_prob(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + VARIANCE * torch.eye(D)
        return MultivariateNormal(self.bias, covariance).log_prob(x)

    def precision(self) -> Tensor:
        return torch.eye(Z) + self.weight.T @ self.weight / VARIANCE

    def posterior_mean(self, x: Tensor) -> Tensor:
        return (x - self.bias) @ self.weight @ self.precision().inverse() / VARIANCE


@pytest.fixture
def decoder():
    torch.set_default_dtype(torch.float64)
    decoder = LinearDecoder()
    # Orthogonal columns: then each latent's posterior is by itself, as an encoder tells it.
    decoder.weight.data = torch.linalg.qr(decoder.weight.data).Q * torch.tensor([1.5, 0.7])
    yield decoder
    torch.set_default_dtype(torch.float32)


def exact_encoder(decoder: LinearDecoder, shift: float = 0.0, widen: float = 0.0):
    def encode(x: Tensor, label: None, draws: int) -> tuple[Gaussian, Tensor]:
        log_variance = -decoder.precision().diagonal().log().expand(len(x), -1) + widen
        posterior = Gaussian(decoder.posterior_mean(x) + shift, log_variance)
        noise = torch.randn(len(x), draws, Z) * (log_variance / 2).exp()[:, None]
        return posterior, posterior.mean[:, None] + noise

    return encode


@torch.no_grad()
def test_with_the_exact_posterior_all_weights_are_the_density(decoder):
    x = torch.randn(7, D)
    encoded = encode(exact_encoder(decoder), decoder, x, 6)
    weights = encoded.likelihood - surplus(encoded)
    assert weights.var(1).max() < 1e-24
    assert torch.allclose(weights, decoder.log_prob(x)[:, None].expand(-1, 6), atol=1e-10)
    assert torch.allclose(importance_weighted()(encoded), decoder.log_prob(x), atol=1e-10)


@torch.no_grad()
def test_bounds_rise_to_the_density_with_the_number_of_draws(decoder):
    x = torch.randn(1, D).expand(4_000, -1)
    encoder = exact_encoder(decoder, shift=0.4, widen=0.8)
    bounds = [evidence()(encode(encoder, decoder, x, 1)).mean()]
    bounds += [importance_weighted()(encode(encoder, decoder, x, k)).mean() for k in (5, 50)]
    bounds += [decoder.log_prob(x[:1])[0]]
    gaps = [(b - a).item() for a, b in zip(bounds, bounds[1:], strict=False)]
    assert all(gap > 0.001 for gap in gaps) and gaps[-1] < 0.05


@torch.no_grad()
def test_the_evidence_bound_misses_the_density_by_the_divergence_of_posteriors(decoder):
    """log p(x) - ELBO = KL(q(z | x) || p(z | x)), exactly; the mean over many draws comes near."""
    x = torch.randn(1, D)
    encoded = encode(exact_encoder(decoder, 0.3, 0.5), decoder, x, 200_000)
    true, _ = exact_encoder(decoder)(x, None, 1)
    gap = kl_divergence(_torch(encoded.posterior), _torch(true))
    assert (decoder.log_prob(x) - evidence()(encoded)).item() == pytest.approx(
        gap.item(), abs=0.02
    )


def test_one_weighted_draw_is_the_evidence_bound_in_the_mean(decoder):
    with torch.no_grad():
        encoded = encode(exact_encoder(decoder, 0.3, 0.5), decoder, torch.randn(1, D), 100_000)
    each = Encoded(
        Gaussian(*(t.expand(100_000, -1) for t in encoded.posterior)),
        encoded.z.transpose(0, 1),
        encoded.likelihood.T,
    )
    bound = importance_weighted()(each).mean().item()
    assert bound == pytest.approx(evidence()(encoded).item(), abs=0.02)


def test_beta_weighs_the_divergence():
    posterior = Gaussian(torch.randn(3, 4), torch.randn(3, 4))
    encoded = Encoded(posterior, torch.randn(3, 1, 4), torch.randn(3, 1))
    slope = evidence(5.0)(encoded) - evidence(2.0)(encoded)
    assert torch.allclose(slope, -3 * posterior.divergence(), atol=1e-5)
    assert torch.equal(evidence(0.0)(encoded), encoded.likelihood[:, 0])
    slope = importance_weighted(5.0)(encoded) - importance_weighted(2.0)(encoded)
    assert torch.allclose(slope, -3 * surplus(encoded)[:, 0], atol=1e-4)


# ------------------------------------------------------------------------------------------ laws


def _torch(law: Gaussian) -> Independent:
    return Independent(Normal(law.mean, (law.log_variance / 2).exp()), law.mean.dim() - 1)


def test_a_gaussian_law_is_that_of_torch():
    law, x = Gaussian(torch.randn(6, 4).double(), torch.randn(6, 4).double()), torch.randn(6, 4)
    assert torch.allclose(law.log_prob(x), _torch(law).log_prob(x.double()), atol=1e-10)
    standard = _torch(Gaussian(torch.zeros(6, 4), torch.zeros(6, 4)))
    assert torch.allclose(law.divergence(), kl_divergence(_torch(law), standard), atol=1e-6)
    assert Gaussian(torch.zeros(2, 3), torch.zeros(2, 3)).divergence().tolist() == [0, 0]


def test_one_variance_counts_for_every_value():
    mean, x = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    one = Gaussian(mean, torch.full((2, 1, 1, 1), 0.7)).log_prob(x)
    assert torch.allclose(one, Gaussian(mean, torch.full_like(mean, 0.7)).log_prob(x), atol=1e-4)


def test_probabilities_of_bytes_sum_to_one():
    every = as_floats(torch.arange(256, dtype=torch.uint8).reshape(-1, 1, 1, 1))
    inked = Binary(torch.full((256, 1, 1, 1), 0.9)).log_prob_of_bytes(every)
    assert inked.exp().sum().item() == pytest.approx(1, abs=1e-5)
    wide = Gaussian(torch.full((256, 1, 1, 1), 0.2), torch.full((1, 1, 1, 1), -4.0))
    assert wide.log_prob_of_bytes(every).exp().sum().item() == pytest.approx(1, abs=1e-3)


def test_a_binary_law_is_that_of_coins():
    logits, x = torch.randn(5, 1, 4, 4), torch.randint(256, (5, 1, 4, 4)).byte()
    expected = torch.distributions.Bernoulli(logits=logits).log_prob((x >= 128).float())
    assert torch.allclose(Binary(logits).log_prob(as_floats(x)), expected.sum((1, 2, 3)))


def test_levels_share_bytes_evenly():
    every = torch.arange(256, dtype=torch.uint8)
    for levels in (2, 4, 16, 256):
        counts = torch.bincount(to_levels(every, levels))
        assert counts.tolist() == [256 // levels] * levels
        values = to_values(torch.arange(levels), levels)
        assert values[0] == -1 and values[-1] == 1 and (values.diff() > 0).all()
    assert torch.allclose(
        to_values(to_levels(every, 256), 256),
        as_floats(every.reshape(-1, 1, 1, 1)).flatten(),
        atol=1e-6,
    )
    assert spread(256) == 0 and spread(2) == pytest.approx(math.log(128))


# -------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize("size", [2, 8, 12, 28, 32, 64, 128])
def test_networks_take_any_even_size(size):
    with torch.device("meta"):
        encoder, decoder = convolutional(7, (3, size, size), 4, LAWS["gaussian"])
        posterior, z = encoder(torch.zeros(2, 3, size, size), None, 5)
        assert posterior.mean.shape == posterior.log_variance.shape == (2, 7)
        assert z.shape == (2, 5, 7)
        assert decoder(z.flatten(0, 1)).mean.shape == (10, 3, size, size)


def test_the_table_of_layers_is_that_of_the_fact_sheet():
    """Kernels of 4: 32, 64, 128, 256 channels, down to 2x2."""
    with torch.device("meta"):
        encoder, _ = convolutional(32, (1, 32, 32), 32, LAWS["bernoulli"])
    shapes = [layer.weight.shape for layer in encoder.net if isinstance(layer, nn.Conv2d)]
    assert [shape[0] for shape in shapes] == [32, 64, 128, 256]
    assert {tuple(shape[2:]) for shape in shapes} == {(4, 4)}
    assert encoder.net[-1].in_features == 256 * 2 * 2


def test_dense_networks_have_the_parameters_of_the_paper():
    with torch.device("meta"):
        encoder, decoder = dense(50, (1, 28, 28), 200, LAWS["bernoulli"])
    hidden = 784 * 200 + 200 + 200 * 200 + 200
    assert sum(p.numel() for p in encoder.parameters()) == hidden + 200 * 100 + 100
    wide = 50 * 200 + 200 + 200 * 200 + 200 + 200 * 784 + 784
    assert sum(p.numel() for p in decoder.parameters()) == wide


def test_variances_are_learnt_for_each_value_and_never_vanish():
    law = LAWS["gaussian"]((1, 2, 2))
    with torch.no_grad():
        law.change.copy_(torch.tensor([[[0.0, 0.3], [-10.0, 0.4]]]))
    told = law(torch.zeros(5, 1, 2, 2)).log_variance
    assert told.shape == (5, 1, 2, 2)
    least = math.log((2 / 255) ** 2 / 12)
    assert torch.allclose(told[0, 0].flatten(), torch.tensor([-3.0, 0.0, least, 1.0]), atol=1e-3)


def test_slopes_reach_means_and_variances():
    encoder, _ = dense(3, (1, 4, 4), 8, LAWS["gaussian"])
    _, z = encoder(torch.randn(5, 1, 4, 4))
    z.square().sum().backward()
    assert encoder.net[1][-1].weight.grad.abs().sum(1).min() > 0


# ------------------------------------------------------------------------------------------ game


def test_without_a_divergence_to_pay_the_bound_is_likeness_alone():
    game, stream = start("vae")
    game.bound = evidence(0.0)
    encoded = encode(game.encoder, game.decoder, next(stream).image, 1)
    move = next(game.round(stream))
    assert move.players == (game.encoder, game.decoder) and encoded.likelihood.shape == (16, 1)
    assert torch.equal(move.log["bound"], -move.loss.mean())


def test_a_dear_divergence_makes_codes_forget():
    """beta to infinity: q is the prior, for every image."""
    game, stream = start("vae")
    game.bound = evidence(1e4)
    for _ in range(150):
        play(game, stream)
    codes = game.encode(next(stream).image)
    assert codes.abs().max() < 0.2


def test_bits_are_the_bound_on_bytes():
    game, stream = start("bernoulli-vae")
    images = stream.dataset.images[:40]
    found = game.log_prob(images)
    with torch.no_grad():
        encoded = encode(game.encoder.eval_net, game.decoder.eval_net, as_floats(images), 2_000)
    expected = importance_weighted()(encoded) - 64 * spread(2)
    assert found.shape == (40,) and torch.allclose(found, expected, atol=2.0)
    assert (found < -64 * spread(2)).all() and game.levels == 2


def test_a_better_bound_needs_more_draws():
    game, stream = start("iwae")
    images = stream.dataset.images.repeat(4, 1, 1, 1)
    bounds = []
    for draws in (1, 100):
        game.figure_draws = draws
        bounds.append(game.log_prob(images).mean())
    assert bounds[0] < bounds[1]


def test_a_mean_is_encoded_and_rebuilt():
    game, stream = start("vae")
    x = next(stream).image
    codes = game.encode(x)
    assert torch.equal(codes, game.encode(x))  # no draw
    assert torch.equal(game.reconstruct(x), game.decode(codes))
    codec = game.codec()
    assert torch.allclose(codec.encode(x), codes, atol=1e-6)
    assert torch.allclose(codec.decode(codes), game.decode(codes), atol=1e-6)


def test_presets_are_what_their_names_say():
    assert RECIPES["beta-vae"].beta > 1 and RECIPES["iwae"].draws > 1
    assert SMALL["iwae"].game().bound.__qualname__.startswith("importance_weighted")
    assert SMALL["beta-vae"].game().bound.__qualname__.startswith("evidence")


def test_other_networks_fit_the_game():
    make = partial(Player, optimizer=adam(), lr=1e-3)
    torch.manual_seed(0)
    nets = dense(3, (1, 4, 4), 8, LAWS["gaussian"])
    game = VAE(*(make(net) for net in nets), normal(3), importance_weighted(), draws=4)
    assert game.sample(5, seed=0).shape == (5, 1, 4, 4)
