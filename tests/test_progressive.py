"""Growth: what is exact, bit for bit, where a level begins and where it is there as a whole."""

import pytest
import torch
from small import start
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from cardigan.games import Growth
from cardigan.losses import WASSERSTEIN, drifting
from cardigan.nets import equalised, progressive
from cardigan.nets.layers import MinibatchDeviation
from cardigan.train import train

ZERO, ONE = torch.zeros(()), torch.ones(())


def generator(size=16):
    return progressive.Generator(6, size, 3, 32)


def discriminator(size=16, **settings):
    return progressive.Discriminator(size, 3, 32, **settings)


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("size", "base", "channels", "counts"),
    [
        (1024, 8192, 3, (23_079_115, 23_087_249)),
        (256, 8192, 3, (23_044_309, 23_052_353)),
        (32, 2048, 1, (13_488_260, 13_495_169)),
    ],
)
def test_the_papers_networks_have_as_many_parameters(size, base, channels, counts):
    with torch.device("meta"):
        drawing = progressive.Generator(512, size, channels, base)
        judging = progressive.Discriminator(size, channels, base)
    assert (count(drawing), count(judging)) == counts


def test_channels_are_the_papers():
    assert progressive.widths(1024, 8192, 512) == [512, 512, 512, 512, 256, 128, 64, 32, 16]


@pytest.mark.parametrize("level", [1, 2])
def test_at_fade_0_pictures_are_those_of_the_level_before_bit_for_bit(level):
    net, z = generator(), torch.randn(3, 6)
    before = interpolate(net(z, None, level - 1), scale_factor=2)
    assert torch.equal(net(z, None, level, ZERO), before)
    judging, x = discriminator(), torch.randn(4, 3, 4 * 2**level, 4 * 2**level)
    assert torch.equal(judging(x, None, level, ZERO), judging(avg_pool2d(x, 2), None, level - 1))


@pytest.mark.parametrize("level", [1, 2])
def test_at_fade_1_nothing_is_left_of_the_level_before_bit_for_bit(level):
    net, z = generator(), torch.randn(3, 6)
    judging, x = discriminator(), torch.randn(4, 3, 4 * 2**level, 4 * 2**level)
    whole, judged = net(z, None, level), judging(x, None, level)
    for old in (net.out[level - 1], judging.into[level - 1]):
        torch.nn.init.normal_(old.weight)
    assert torch.equal(net(z, None, level, ONE), whole)
    assert torch.equal(judging(x, None, level, ONE), judged)


def test_pictures_are_affine_in_the_fade_and_logits_are_not():
    net, z = generator(), torch.randn(3, 6)
    judging, x = discriminator(), torch.randn(4, 3, 16, 16)
    steps = [torch.tensor(a) for a in (0.0, 0.25, 1.0)]
    none, some, whole = (net(z, None, 2, a) for a in steps)
    assert torch.allclose(some, 0.75 * none + 0.25 * whole, atol=1e-6)
    none, some, whole = (judging(x, None, 2, a) for a in steps)
    assert not torch.allclose(some, 0.75 * none + 0.25 * whole, atol=1e-6)


def test_full_size_is_the_default_and_eval_mode_draws_it_at_every_level():
    net, z = generator(), torch.randn(3, 6)
    assert torch.equal(net(z), net(z, None, 2))
    small = net(z, None, 0)
    net.eval()
    assert torch.equal(net(z, None, 0), interpolate(small, scale_factor=4).clamp(-1, 1))


# --------------------------------------------------------------------------------------- growth


@pytest.mark.parametrize(
    ("seen", "stage"),
    [(0, (0, 1)), (599, (0, 1)), (600, (1, 0)), (900, (1, 0.5)), (1200, (1, 1)),
     (1800, (2, 0)), (2400, (2, 1)), (10**9, (2, 1))],
)  # fmt: skip
def test_the_stage_is_a_function_of_the_clock(seen, stage):
    growth = Growth(0, 2, 600, 600)
    assert growth.stage(seen) == stage
    level, fade = growth(seen)
    assert level == stage[0] and (fade is None or fade.item()) == (stage[1] == 1 or stage[1])


def test_reals_fade_in_as_fakes_do():
    growth, x = Growth(0, 2, 600, 600), torch.randn(2, 1, 16, 16)
    small = avg_pool2d(x, 4)
    assert torch.equal(growth.shown(x, 0), small)
    begun = growth.shown(x, 600)
    assert torch.equal(begun, interpolate(avg_pool2d(begun, 2), scale_factor=2))
    assert torch.allclose(avg_pool2d(begun, 2), small, atol=1e-6)
    assert torch.equal(growth.shown(x, 1200), avg_pool2d(x, 2))
    assert torch.equal(growth.shown(x, 10**6), x)


def test_optimisers_forget_at_each_new_level_and_only_then():
    game, stream = start("progressive-gan")  # 10 rounds a level, 5 to fade the next one in
    first, steps = game.generator.net.out[0].weight, []
    optimizer = game.generator.optimizer
    for rounds in range(1, 28):
        train(game, stream, 16 * rounds)
        steps.append(int(optimizer.state[first]["step"]) if first in optimizer.state else 0)
    # the coarsest picture has steps for ten rounds, then for the five in which it fades away
    assert steps[:10] == [*range(1, 11)] and steps[10:15] == [*range(1, 6)]
    assert steps[15:25] == [5] * 10 and steps[25:] == [0, 0]
    assert game.clock.level == 2


def test_a_scaled_latent_draws_the_same_and_a_turned_one_does_not():
    game, _ = start("progressive-gan")
    z = torch.randn(5, 8)
    assert torch.allclose(game.decode(0.5 * z), game.decode(z), atol=1e-5)
    assert torch.equal(game.latents(5, seed=0, truncation=1.0), game.latents(5, seed=0))
    apart = [game.sample(5, seed=0, truncation=t).std(0).mean() for t in (1.0, 0.5, 0.0)]
    assert apart[0] > apart[1] > apart[2] and apart[2] < 1e-6


# ---------------------------------------------------------------------------------------- layers


def test_equal_batches_vary_by_the_root_of_epsilon():
    told = MinibatchDeviation()(torch.ones(8, 2, 3, 3))
    assert told.shape == (8, 3, 3, 3)
    assert told[:, 2].unique().tolist() == pytest.approx([1e-4])


@pytest.mark.parametrize(("group", "groups"), [(4, 2), (0, 1), (8, 1), (3, 8)])
def test_groups_are_strided_and_each_has_one_value(group, groups):
    x = torch.randn(8, 2, 3, 3)
    told = MinibatchDeviation(group)(x)[:, 2]
    assert (told == told[:, :1, :1]).all()
    for first in range(groups):
        members = x[first::groups]
        deviation = (members.var(0, correction=0) + 1e-8).sqrt().mean()
        assert torch.allclose(told[first::groups], deviation, atol=1e-6)


def test_pixels_have_unit_length_whatever_their_size():
    x = torch.randn(2, 5, 3, 3)
    y = equalised.unit_length(x)
    assert torch.allclose(y.square().mean(1), torch.ones(()), atol=1e-5)
    assert torch.allclose(equalised.unit_length(7 * x), y, atol=1e-5)


def test_doubling_in_one_go_equals_doubling_and_a_convolution():
    layer, x = equalised.UpConv(3, 5), torch.randn(2, 3, 4, 4)
    torch.nn.init.normal_(layer.bias)
    plain = conv2d(interpolate(x, scale_factor=2), layer.weight * layer.scale, layer.bias, 1, 1)
    assert torch.allclose(layer(x), plain, atol=1e-5)


def test_layers_keep_signals_and_learn_alike_whatever_their_width():
    for before in (16, 256):
        conv = equalised.Conv(before, 64, 3)
        y = equalised.leaky(conv(torch.randn(4, before, 8, 8)))[..., 1:-1, 1:-1]
        assert y.square().mean().item() == pytest.approx(1.04, rel=0.2)  # (1 + 0.2^2) / 2 * 2
        assert conv.weight.std().item() == pytest.approx(1, rel=0.05)


def test_a_slow_layer_begins_as_a_quick_one_and_moves_less():
    torch.manual_seed(1)
    quick = equalised.Linear(4, 3, bias=1.0)
    torch.manual_seed(1)
    slow = equalised.Linear(4, 3, speed=0.01, bias=1.0)
    x = torch.randn(5, 4)
    before = quick(x)
    assert torch.allclose(slow(x), before, atol=1e-6)
    for layer in (quick, slow):
        with torch.no_grad():
            for p in layer.parameters():
                p.add_(1)
    assert torch.allclose(slow(x) - before, 0.01 * (quick(x) - before), atol=1e-5)


def test_drift_is_of_reals_alone():
    real, fake = torch.tensor([3.0]), torch.tensor([-2.0])
    assert drifting(WASSERSTEIN, 0.5).discriminator(real, fake).item() == -5 + 4.5
