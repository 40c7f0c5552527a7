"""Spectral norm against linear algebra, its gradient's closed form, and torch's own."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import SGD

from cardigan.game import Player
from cardigan.nets.spectral import SpectralNorm, spectral

LAYERS = {
    "linear": lambda: nn.Linear(6, 4),
    "flat": lambda: nn.Linear(6, 1),
    "convolution": lambda: nn.Conv2d(3, 5, 3),
    "embedding": lambda: nn.Embedding(4, 6),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())


def converged(layer, steps=300):
    """The layer after many looks at its weight."""
    for _ in range(steps):
        assert layer.weight.isfinite().all()
    return layer


def largest(weight):
    return torch.linalg.svdvals(weight.detach().flatten(1))[0]


def norm_of(layer):
    return layer.parametrizations.weight[0]


@every_layer
def test_sigma_is_the_largest_singular_value_of_the_flat_kernel(make):
    layer = converged(spectral(make()))
    original = layer.parametrizations.weight.original
    assert torch.isclose(norm_of(layer).sigma(original), largest(original), rtol=1e-4)
    assert largest(layer.weight) == pytest.approx(1, abs=1e-3)


@every_layer
def test_sigma_comes_from_below(make):
    layer = spectral(make())
    original = layer.parametrizations.weight.original
    for _ in range(10):
        assert norm_of(layer).sigma(original) <= largest(original) * (1 + 1e-5)


@every_layer
def test_torchs_own_spectral_norm_agrees(make):
    ours = make()
    theirs = spectral_norm(deepcopy(ours))
    assert torch.allclose(converged(spectral(ours)).weight, converged(theirs).weight, atol=1e-4)


# With u and v constant:   dL/dW = (G - <G, W_SN> u v^T) / sigma   where G = dL/dW_SN,
# so that <dL/dW, W> = 0, converged or not.
@pytest.mark.parametrize("shape", [(4, 6), (5, 3, 3, 3)])
def test_the_gradient_has_its_closed_form(shape):
    weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    norm, towards = SpectralNorm(weight).double(), torch.randn(shape, dtype=torch.float64)
    matrix = weight.detach().flatten(1)
    v = normalize(matrix.T @ norm.u, dim=0)
    normed = norm(weight)
    (normed * towards).sum().backward()
    u = norm.u
    along = (towards * normed.detach()).sum() * torch.outer(u, v).view(shape)
    assert torch.allclose(weight.grad, (towards - along) / (u @ matrix @ v), atol=1e-12)
    assert abs((weight.grad * weight.detach()).sum()) < 1e-12


def test_scale_is_of_no_account():
    layer = spectral(nn.Conv2d(2, 3, 3)).eval()
    x = torch.randn(2, 2, 5, 5)
    before = layer(x) - layer.bias[:, None, None]
    with torch.no_grad():
        layer.parametrizations.weight.original.mul_(7)
    assert torch.allclose(layer(x) - layer.bias[:, None, None], before, atol=1e-6)


def test_a_perceptron_of_normed_layers_stretches_nothing():
    net = nn.Sequential(spectral(nn.Linear(5, 16)), nn.ReLU(), spectral(nn.Linear(16, 3)))
    for layer in (net[0], net[2]):
        converged(layer)
    x, y = torch.randn(2, 500, 5)
    assert ((net(x) - net(y)).norm(dim=1) <= (1 + 1e-3) * (x - y).norm(dim=1)).all()


def test_only_looks_in_training_mode_go_on():
    layer = spectral(nn.Linear(6, 4))
    before = norm_of(layer).u.clone()
    layer.eval()
    first = layer.weight
    assert torch.equal(layer.weight, first) and torch.equal(norm_of(layer).u, before)
    layer.train()
    assert torch.equal(layer.weight, first)  # the same iteration, which is kept now
    assert not torch.equal(norm_of(layer).u, before)


def test_its_state_is_a_buffer_that_comes_back():
    layer, other = spectral(nn.Linear(6, 4)), spectral(nn.Linear(6, 4))
    converged(layer, 3)
    assert "parametrizations.weight.0.u" in layer.state_dict()
    assert {n for n, _ in layer.named_parameters()} == {"bias", "parametrizations.weight.original"}
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.weight, layer.weight)
    assert torch.equal(norm_of(other).u, norm_of(layer).u)


def test_a_copy_is_the_same_and_its_own():
    layer = converged(spectral(nn.Linear(6, 4)), 3)
    copy = deepcopy(layer)
    assert torch.equal(copy.weight, layer.weight)
    copy(torch.randn(2, 6))
    assert not torch.equal(norm_of(copy).u, norm_of(layer).u)


def test_players_freeze_it_and_look_at_it_in_eval_mode():
    player = Player(spectral(nn.Linear(6, 4)), lambda p: SGD(p, 1.0), 0.1)
    before, x = norm_of(player.net).u.clone(), torch.randn(2, 6, requires_grad=True)
    player.eval_net(x)
    assert torch.equal(norm_of(player.net).u, before)
    player.frozen(x).sum().backward()
    assert x.grad is not None and all(p.grad is None for p in player.parameters())
    assert not torch.equal(norm_of(player.net).u, before)


def test_the_average_of_normed_weights_is_normed():
    player = Player(spectral(nn.Linear(6, 4)), lambda p: SGD(p, 1.0), 0.1, ema_halflife=10)
    for _ in range(30):
        player(torch.randn(8, 6)).square().sum().backward()
        player.step(0)
        player.average(2)
    average, own = (net.parametrizations.weight for net in (player.ema, player.net))
    assert not torch.equal(average.original, own.original)
    assert largest(player.eval_net.weight) == pytest.approx(1, abs=0.05)


def test_kernels_that_lie_the_other_way_are_refused():
    with pytest.raises(AssertionError):
        spectral(nn.ConvTranspose2d(3, 2, 3))
