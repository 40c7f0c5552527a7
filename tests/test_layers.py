"""What normalises and what looks at a whole batch, against naive loops."""

from dataclasses import replace

import pytest
import torch
from small import SMALL, start, toy
from torch import nn

from cardigan.nets import dcgan
from cardigan.nets.layers import (
    INSTANCE,
    LAYER,
    NONE,
    NORMS,
    MinibatchDiscrimination,
    Referring,
    Shift,
    VirtualBatchNorm,
    referring,
)
from cardigan.randomness import seeded

# ----------------------------------------------------------------------------- virtual batch norm

B, C = 5, 3
every_shape = pytest.mark.parametrize("space", [(), (4, 2)])


def virtual():
    layer = VirtualBatchNorm(B, C).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


def batch_norm(x, layer):
    """By the mean and the variance of the batch and of space, by the definition."""
    axes = [0, *range(2, x.ndim)]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, correction=0)
    shape = (-1, *[1] * (x.ndim - 2))
    return (x - mean) / (variance + layer.eps).sqrt() * layer.weight.view(shape) + layer.bias.view(
        shape
    )


@every_shape
def test_an_example_is_normalised_by_the_references_and_itself(space):
    layer, x = virtual(), torch.randn(B + 4, C, *space, dtype=torch.float64)
    found = layer(x)
    assert torch.allclose(found[:B], batch_norm(x[:B], layer))
    for i in range(B, B + 4):
        alone = batch_norm(torch.cat([x[:B], x[i : i + 1]]), layer)
        assert torch.allclose(found[i], alone[-1])


@every_shape
def test_no_example_depends_on_its_neighbours(space):
    layer, x = virtual(), torch.randn(B + 4, C, *space, dtype=torch.float64)
    x.requires_grad_()
    layer(x)[B].sum().backward()
    assert x.grad[B].any() and x.grad[:B].any() and not x.grad[B + 1 :].any()


def test_of_one_value_twice_over_there_is_no_root_of_a_negative_number():
    x = torch.full((B + 2, C), 1e3)
    assert VirtualBatchNorm(B, C)(x).isfinite().all()


def test_references_pass_through_the_network_with_every_batch():
    torch.manual_seed(0)
    reference = torch.randn(B, 8)
    net = referring(lambda norm: dcgan.Generator(8, 16, 1, 2, norm=norm), reference)
    z = torch.randn(4, 8)
    assert net(z).shape == (4, 1, 16, 16)
    assert torch.allclose(net(z), net.net(torch.cat([reference, z]))[B:])
    assert torch.allclose(net(z)[:1], net(z[:1]), atol=1e-6)
    assert torch.equal(net.eval()(z), net.train()(z)), "the mode changes nothing"
    assert "reference" in dict(net.named_buffers())
    before = net(z)
    net.reference += 1
    assert not torch.allclose(net(z), before)


def test_features_of_a_network_that_refers():
    net = referring(
        lambda norm: dcgan.Discriminator(16, 1, 2, norm=norm), torch.randn(B, 1, 16, 16)
    )
    x = torch.randn(4, 1, 16, 16)
    features = net.features(x)
    assert torch.allclose(net.net.net[-1](features).squeeze(1), net(x), atol=1e-6)


def test_the_references_of_a_discriminator_are_images_spread_over_the_data():
    recipe, (game, _) = SMALL["improved-gan"], start("improved-gan")
    data = toy(recipe)
    recipe.prepare(game, data)
    net = game.discriminator.net
    assert isinstance(net, Referring) and isinstance(game.generator.net, Referring)
    chosen = [i * len(data) // 16 for i in range(16)]
    assert torch.allclose(net.reference, data.images[chosen] / 127.5 - 1, atol=1e-6)
    latents = game.generator.net.reference
    recipe.prepare(game, data)
    assert latents.shape == (16, recipe.latents) and latents.abs().max() <= 1
    plain = replace(recipe, virtual_discriminator=False, virtual_generator=False)
    plain.prepare(plain.game(), data)


def test_no_sample_begins_from_a_reference():
    recipe = SMALL["improved-gan"]
    with seeded(recipe.training.seed, torch.device("cpu")):  # as runs make their games
        game = recipe.game()
    drawn = game.latents(64, seed=recipe.training.seed)
    assert not (drawn[:, None] == game.generator.net.reference).all(2).any()


# ---------------------------------------------------------------------- minibatch discrimination


def minibatch(kernels=4):
    return MinibatchDiscrimination(6, kernels, dimensions=3).double()


def test_minibatch_discrimination_by_a_naive_loop():
    layer, f = minibatch(), torch.randn(5, 6, dtype=torch.float64)
    points = layer.linear(f).view(5, 4, 3)
    near = torch.zeros(5, 4, dtype=torch.float64)
    for i in range(5):
        for j in range(5):
            near[i] += (-(points[i] - points[j]).abs().sum(1)).exp() / 5
    assert torch.allclose(layer(f), torch.cat([f, near], 1))


def test_equal_rows_are_all_near_and_far_rows_are_near_themselves():
    layer, f = minibatch(), torch.randn(1, 6, dtype=torch.float64)
    assert torch.allclose(layer(f.repeat(5, 1))[:, 6:], torch.ones(5, 4).double())
    far = 1e4 * torch.arange(1, 6, dtype=torch.float64)[:, None] * f
    assert torch.allclose(layer(far)[:, 6:], torch.full((5, 4), 1 / 5).double())


def test_the_order_of_the_batch_orders_what_comes_out():
    layer, f = minibatch(), torch.randn(7, 6, dtype=torch.float64)
    order = torch.randperm(7)
    assert torch.allclose(layer(f[order]), layer(f)[order])


def test_a_far_outlier_changes_only_its_own():
    layer, f = minibatch(), torch.randn(7, 6, dtype=torch.float64)
    out = torch.cat([f, 1e5 * torch.ones(1, 6).double()])
    assert torch.allclose(layer(out)[:7, 6:] * 8, layer(f)[:, 6:] * 7, atol=1e-12)


def test_a_discriminator_with_kernels_sees_a_collapse():
    net = dcgan.Discriminator(16, 1, 2, kernels=4)
    x = torch.randn(6, 1, 16, 16)
    before = net.features(x)
    after = net.features(x[:1].repeat(6, 1, 1, 1))
    assert before.shape == (6, 4 * 16 + 4) and (after[:, -4:] > before[:, -4:]).all()


# ------------------------------------------------------------------------------------ other norms


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS.keys())
def test_every_norm_is_for_maps_and_for_units(norm):
    for layer, x in ((norm.maps(4), torch.randn(3, 4, 2, 5)), (norm.units(4), torch.randn(3, 4))):
        assert layer(x).shape == x.shape
        assert all(p.numel() == 4 for p in layer.parameters()) and [*layer.parameters()]


@pytest.mark.parametrize("norm", [LAYER, INSTANCE, NONE])
def test_norms_that_keep_samples_apart(norm):
    net, x = dcgan.Discriminator(28, 1, 2, norm), torch.randn(4, 1, 28, 28)
    assert torch.allclose(net(x)[:1], net(x[:1]), atol=1e-6)


def test_where_nothing_normalises_a_bias_stays():
    layer, x = Shift(4), torch.randn(3, 4, 2, 5)
    nn.init.normal_(layer.bias)
    assert torch.equal(layer(x), x + layer.bias[:, None, None])
    assert torch.equal(layer(x[..., 0, 0]), x[..., 0, 0] + layer.bias)


# ------------------------------------------------------------------------------ DCGAN's variants


@pytest.mark.parametrize("size", [28, 32])
def test_a_pooled_discriminator_averages_its_last_maps_and_has_no_hidden_dense_layer(size):
    net = dcgan.Discriminator(size, 1, 4, pooled=True)
    convolutions = net.net[: [isinstance(m, nn.AdaptiveAvgPool2d) for m in net.net].index(True)]
    x = torch.randn(3, 1, size, size)
    assert torch.allclose(net.features(x), convolutions(x).mean((2, 3)), atol=1e-6)
    dense = [m for m in net.modules() if isinstance(m, nn.Linear)]
    assert len(dense) == 1 and dense[0].in_features == net.features(x).shape[1]


@pytest.mark.parametrize("size", [28, 32])
def test_a_pooled_generator_has_no_dense_layer_but_the_projection(size):
    dense = [
        m
        for m in dcgan.Generator(6, size, 1, 4, pooled=True).modules()
        if isinstance(m, nn.Linear)
    ]
    assert [m.in_features for m in dense] == [6]


def test_a_leaky_generator_has_no_other_unit():
    net = dcgan.Generator(6, 28, 1, 4, activation=dcgan.leaky)
    kinds = {type(m) for m in net.modules() if isinstance(m, nn.ReLU | nn.LeakyReLU)}
    assert kinds == {nn.LeakyReLU}


def test_features_are_what_the_last_layer_judges_by():
    net, x = dcgan.Discriminator(28, 1, 4), torch.randn(3, 1, 28, 28)
    assert torch.allclose(net.net[-1](net.features(x)).squeeze(1), net(x), atol=1e-6)
