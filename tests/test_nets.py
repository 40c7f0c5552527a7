"""Networks: shapes, ranges, sizes and first weights that the papers state."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.nn.functional import conv_transpose2d

from cardigan.nets import dcgan, mlp, resnet, upsample
from cardigan.recipes.dcgan import SIZES


class Nets(NamedTuple):
    """A pair, what it takes and what it makes."""

    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    shape: tuple[int, ...]
    bounded: bool = True


Z = 6
NETS = {
    f"dcgan {size}x{size}x{channels}": Nets(
        partial(dcgan.Generator, Z, size, channels, 2),
        partial(dcgan.Discriminator, size, channels, 2),
        (channels, size, size),
    )
    for size in SIZES
    for channels in (1, 3)
}
for shape in ((1, 28, 28), (3, 8, 8)):
    NETS[f"mlp {shape}"] = Nets(
        partial(mlp.MLPGenerator, Z, shape, 32),
        partial(mlp.MaxoutDiscriminator, shape, 16),
        shape,
    )
for channels in (1, 3):
    NETS[f"upsample {channels}"] = Nets(
        partial(upsample.Generator, Z, channels),
        partial(upsample.Discriminator, channels),
        (channels, 28, 28),
        bounded=False,
    )
for size in resnet.PLANS:
    NETS[f"resnet {size}"] = Nets(
        partial(resnet.Generator, Z, size, 3, 1),
        partial(resnet.Discriminator, size, 3, 1),
        (3, size, size),
    )
NETS["points"] = Nets(
    partial(mlp.PointGenerator, Z, 8), partial(mlp.PointDiscriminator, 8), (2,), bounded=False
)

every_net = pytest.mark.parametrize("nets", NETS.values(), ids=NETS.keys())


@every_net
def test_shapes(nets):
    fake = nets.generator()(torch.randn(3, Z), None)
    assert fake.shape == (3, *nets.shape)
    assert nets.discriminator()(fake, None).shape == (3,)


@every_net
def test_generators_that_say_so_stay_within_their_range(nets):
    net = nets.generator()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(20)
    reach = net(20 * torch.randn(8, Z)).abs().max()
    assert (reach <= 1) == nets.bounded
    assert reach > 0.9


@every_net
def test_every_parameter_has_a_gradient(nets):
    for net, x in ((nets.generator(), torch.randn(4, Z)), (nets.discriminator(), _images(nets))):
        net(x).square().sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@every_net
def test_double_backward(nets):
    """Penalties differentiate gradients by the input; they need it to reach every weight."""
    net, x = nets.discriminator(), _images(nets).requires_grad_()
    (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    weights = [p for p in net.parameters() if p.ndim > 1]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weights)
    assert any(p.grad.abs().sum() > 0 for p in weights)


@every_net
def test_the_order_in_memory_changes_no_result(nets):
    for make, x in ((nets.generator, torch.randn(4, Z)), (nets.discriminator, _images(nets))):
        net = make().eval()
        plain = net(x)
        net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
        assert torch.allclose(net(x), plain, atol=1e-5)


@every_net
def test_in_eval_mode_nobody_depends_on_the_rest_of_the_batch(nets):
    for net, x in ((nets.generator(), torch.randn(4, Z)), (nets.discriminator(), _images(nets))):
        net.eval()
        assert torch.allclose(net(x)[1:2], net(x[1:2]), atol=1e-5)


def _images(nets):
    return torch.rand(4, *nets.shape) * 2 - 1


def _count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "count"),
    [
        (partial(dcgan.Generator, 100, 64, 3, 64), 3_576_704),
        (partial(dcgan.Discriminator, 64, 3, 64), 2_765_568),
        (partial(resnet.Generator, 128, 32, 3, 64), 4_276_739),
        (partial(resnet.Discriminator, 32, 3, 64), 1_053_825),
        (partial(mlp.MLPGenerator, 100, (1, 28, 28)), 2_503_984),
        (partial(mlp.MaxoutDiscriminator, (1, 28, 28)), 1_231_441),
    ],
)
def test_the_papers_networks_have_as_many_parameters(net, count):
    assert _count(net()) == count


# ------------------------------------------------------------------------------------------ DCGAN


@pytest.mark.parametrize("size", [28, 32])
def test_first_weights_of_dcgan(size):
    for net in (dcgan.Generator(100, size, 3, 32), dcgan.Discriminator(size, 3, 32)):
        for layer in net.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert layer.bias is None
                assert abs(layer.weight.mean()) < 0.003
                if layer.weight.numel() > 1000:
                    assert 0.018 < layer.weight.std() < 0.022
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                assert abs(layer.weight.mean() - 1) < 0.02 and layer.weight.std() < 0.03
                assert not layer.bias.any()


@pytest.mark.parametrize("size", SIZES)
def test_batch_norm_is_everywhere_but_at_the_ends(size):
    generator, discriminator = dcgan.Generator(Z, size, 3, 2), dcgan.Discriminator(size, 3, 2)
    *_, last, tanh = generator.net
    assert isinstance(last, nn.ConvTranspose2d) and isinstance(tanh, nn.Tanh)
    first, after, *_ = discriminator.net
    assert isinstance(first, nn.Conv2d) and isinstance(after, nn.LeakyReLU)
    for net, without in ((generator, 1), (discriminator, 2)):  # the last layers, and D's first
        layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.modules.conv._ConvNd)]
        norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        assert len(norms) == len(layers) - without


@pytest.mark.parametrize(
    ("kernel", "stride", "even"), [(4, 2, True), (5, 2, False), (3, 2, False)]
)
def test_kernels_that_their_stride_divides_draw_no_checkerboard(kernel, stride, even):
    drawn = conv_transpose2d(
        torch.ones(1, 1, 8, 8), torch.ones(1, 1, kernel, kernel), stride=stride, padding=1
    )
    inside = drawn[..., 4:-4, 4:-4]
    assert (inside.max() == inside.min()) == even


@pytest.mark.parametrize("size", SIZES)
def test_dcgan_uses_such_kernels_alone(size):
    for net in (dcgan.Generator(Z, size, 3, 2), dcgan.Discriminator(size, 3, 2)):
        layers = [m for m in net.modules() if isinstance(m, nn.modules.conv._ConvNd)]
        assert {(m.kernel_size, m.stride, m.padding) for m in layers} == {((4, 4), (2, 2), (1, 1))}


@pytest.mark.parametrize("size", SIZES)
def test_channels_double_as_the_picture_halves(size):
    convs = [m for m in dcgan.Discriminator(size, 3, 2).modules() if isinstance(m, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [2 * 2**i for i in range(len(convs))]
    ups = [
        m for m in dcgan.Generator(Z, size, 3, 2).modules() if isinstance(m, nn.ConvTranspose2d)
    ]
    assert [u.in_channels for u in ups] == [c.out_channels for c in reversed(convs)]
    assert size == {28: 7}.get(size, 4) * 2 ** len(convs)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("enlarging", dcgan.ENLARGING.values(), ids=dcgan.ENLARGING)
def test_each_way_of_enlarging_draws_pictures_of_the_size(enlarging, size):
    net = dcgan.Generator(Z, size, 3, 2, enlarging=enlarging)
    assert net(torch.randn(2, Z)).shape == (2, 3, size, size)
    assert enlarging(5, 7)(torch.randn(1, 5, 7, 7)).shape == (1, 7, 14, 14)


def test_enlarging_as_ever_has_the_weights_of_ever():
    """Of runs that are older than the option; by the sum of magnitudes."""
    torch.manual_seed(0)
    state = dcgan.Generator(Z, 28, 1, 2).state_dict()
    assert [name for name in state if "num_batches" not in name and "running" not in name] == [
        "net.0.weight", "net.1.weight", "net.1.bias", "net.3.weight", "net.5.weight",
        "net.5.bias", "net.7.weight", "net.8.weight", "net.8.bias", "net.10.weight",
    ]  # fmt: skip
    weights = torch.cat([state[f"net.{i}.weight"].flatten() for i in (0, 3, 7, 10)])
    assert weights.double().abs().sum().item() == pytest.approx(106.814370, rel=1e-6)


# ----------------------------------------------------------------------------------------- others


def test_maxout_is_the_largest_of_its_pieces():
    layer, x = mlp.Maxout(4, 3, 5), torch.randn(7, 4)
    weight, bias = layer.linear.weight.view(3, 5, 4), layer.linear.bias.view(3, 5)
    for unit in range(3):
        pieces = torch.stack([x @ weight[unit, p] + bias[unit, p] for p in range(5)])
        assert torch.allclose(layer(x)[:, unit], pieces.max(0).values, atol=1e-6)


def test_first_weights_of_goodfellows_networks():
    for net, bound in (
        (mlp.MLPGenerator(100, (1, 28, 28)), 0.05),
        (mlp.MaxoutDiscriminator((1, 28, 28)), 0.005),
    ):
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                assert 0.9 * bound < layer.weight.abs().max() <= bound
                assert not layer.bias.any()


def test_dropout_is_a_fifth_of_the_inputs_and_half_of_the_hidden_units():
    net = mlp.MaxoutDiscriminator((1, 28, 28))
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.5, 0.5]


def test_the_discriminator_sees_pixels_from_nothing_to_one():
    net = mlp.MaxoutDiscriminator((1, 2, 2), units=3).eval()
    mlp.uniform_weights(net, 1)  # the first weights make all logits nearly 0
    x = torch.rand(5, 1, 2, 2)
    assert torch.allclose(net(2 * x - 1), net.net(x.flatten(1)).squeeze(1), atol=1e-6)


def test_pixels_may_start_at_their_marginals():
    net = mlp.MLPGenerator(Z, (1, 4, 4), 8)
    mean = torch.linspace(0, 1, 16).view(1, 4, 4)
    net.start_from(mean)
    drawn = (net(torch.zeros(1, Z))[0] + 1) / 2
    assert torch.allclose(drawn, mean.clamp(0.01, 0.99), atol=1e-5)


def test_sizes_and_parameters_on_the_way_up():
    net, sides, x = upsample.Generator(100, 1), [], torch.randn(2, 100)
    for layer in net.net:
        x = layer(x)
        if x.ndim == 4 and x.shape[-1] not in sides[-1:]:
            sides.append(x.shape[-1])
    assert sides == [12, 10, 20, 18, 36, 32, 28]
    shapes = [tuple(p.shape) for p in net.parameters() if p.ndim > 1]
    assert shapes == [
        (14_400, 100), (128, 100, 3, 3), (64, 128, 3, 3), (32, 64, 5, 5), (1, 32, 5, 5),
    ]  # fmt: skip
    slopes = {m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.3}


def test_upsampling_is_bilinear_between_the_centres_of_pixels():
    layers = [m for m in upsample.Generator(Z, 1).modules() if isinstance(m, nn.Upsample)]
    drawn = layers[0](torch.tensor([[[[0.0, 1.0]]]]))
    assert drawn[0, 0, 0].tolist() == [0, 0.25, 0.75, 1] and len(layers) == 2


def test_sizes_and_parameters_on_the_way_down():
    net, x, sides = upsample.Discriminator(3), torch.randn(2, 3, 28, 28), []
    for layer in net.net:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            sides.append(tuple(x.shape[1:]))
    assert sides == [(64, 14, 14), (128, 7, 7)]
    shapes = [tuple(p.shape) for p in net.parameters() if p.ndim > 1]
    assert shapes == [(64, 3, 3, 3), (128, 64, 5, 5), (1, 6272)]
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]
