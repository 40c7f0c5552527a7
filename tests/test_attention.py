"""Self-attention against torch's own and its closed forms."""

import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d, scaled_dot_product_attention

from cardigan.nets.attention import SelfAttention
from cardigan.nets.resnet import PLANS, Discriminator, Generator
from cardigan.nets.spectral import SpectralNorm, plain, spectral


def attention(gamma=0.0, normalise=plain, channels=16):
    net = SelfAttention(channels, normalise)
    with torch.no_grad():
        net.gamma.fill_(gamma)
    return net


def test_it_gathers_as_torchs_attention_does():
    net, x = attention(0.7), torch.randn(2, 16, 6, 4)
    query, key, value = net.query(x), max_pool2d(net.key(x), 2), max_pool2d(net.value(x), 2)
    places = (t.flatten(2).mT for t in (query, key, value))
    gathered = scaled_dot_product_attention(*places, scale=1.0).mT.unflatten(2, (6, 4))
    assert torch.allclose(net(x), x + 0.7 * net.out(gathered), atol=1e-5)


def test_each_place_shares_out_one_look():
    net = attention()
    weights = net.weights(torch.randn(2, 16, 4, 4))
    assert weights.shape == (2, 16, 4)
    assert torch.allclose(weights.sum(2), torch.ones(2, 16))
    assert torch.allclose(net.weights(torch.ones(2, 16, 4, 4)), torch.full((2, 16, 4), 0.25))


def test_at_first_nobody_looks_and_gamma_alone_learns():
    net, x, towards = attention(), torch.randn(2, 16, 4, 4), torch.randn(2, 16, 4, 4)
    assert torch.equal(net(x), x)
    (net(x) * towards).sum().backward()
    assert not any(p.grad.any() for n, p in net.named_parameters() if n != "gamma")
    with torch.no_grad():
        net.gamma.fill_(1)
        gathered = net(x) - x
    assert net.gamma.grad.item() == pytest.approx((towards * gathered).sum().item(), rel=1e-4)


@pytest.mark.parametrize("size", PLANS)
def test_the_maps_of_the_plans_size_attend(size):
    sides = []
    for net in (
        Generator(4, size, 1, 2, attention=True),
        Discriminator(size, 1, 2, attention=True),
    ):
        (there,) = (m for m in net.modules() if isinstance(m, SelfAttention))
        there.register_forward_hook(lambda net, args, out: sides.append(out.shape[2]))
        net(torch.randn(2, 4) if isinstance(net, Generator) else torch.randn(2, 1, size, size))
    assert sides == 2 * [PLANS[size].attention]


def test_in_sagan_every_layer_of_both_players_is_normed():
    layers = nn.Linear | nn.Conv2d | nn.Embedding
    nets = (
        Generator(4, 28, 1, 2, classes=3, attention=True, normalise=spectral),
        Discriminator(28, 1, 2, classes=3, attention=True),
    )
    for net in nets:
        normed = [m for m in net.modules() if isinstance(m, SpectralNorm)]
        assert len(normed) == len([m for m in net.modules() if isinstance(m, layers)])
