"""R3GAN's networks: the papers' sizes, blocks that begin as nothing, and what resamples."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from cardigan.nets import r3gan, resampling

EVERY_SIZE = (16, 28, 32, 64, 128)


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("size", "width", "classes", "group", "millions"),
    [
        (32, 768, 0, 16, (20.7, 20.7)),
        (32, 768, 10, 16, (20.8, 21.3)),
        (64, 768, 0, 16, (22.4, 22.4)),
        (256, 768, 0, 16, (23.06, 23.01)),
        (32, 1536, 1000, 32, (82.9, 86.5)),
    ],
)
def test_the_papers_networks_have_as_many_parameters(size, width, classes, group, millions):
    with torch.device("meta"):
        pair = (
            r3gan.Generator(64, size, 3, width, classes, group),
            r3gan.Discriminator(size, 3, width, classes, group),
        )
    digits = 2 if size == 256 else 1
    assert tuple(round(count(net) / 1e6, digits) for net in pair) == millions


@pytest.mark.parametrize("size", EVERY_SIZE)
def test_shapes(size):
    z, label = torch.randn(3, 6), torch.tensor([0, 2, 1])
    for classes in (0, 3):
        generator = r3gan.Generator(6, size, 3, 64, classes)
        image = generator(z, label)
        assert image.shape == (3, 3, size, size)
        assert r3gan.Discriminator(size, 3, 64, classes)(image, label).shape == (3,)
    assert image.abs().max() > 1 >= generator.eval()(z, label).abs().max()


def test_every_block_begins_as_the_identity():
    x = torch.randn(2, 32, 5, 5)
    assert torch.equal(r3gan.Block(32, 16, 8)(x), x)


def test_first_weights_keep_signals_and_scale_with_depth():
    for blocks in (1, 16):
        block, x = r3gan.Block(256, 16, blocks), torch.randn(4, 256, 8, 8)
        inside = block.act1(block.conv1(x))
        wanted = blocks**-0.25
        assert inside.square().mean().sqrt().item() == pytest.approx(wanted, rel=0.03)
        again = block.act2(block.conv2(inside / wanted))[..., 1:-1, 1:-1]
        assert again.square().mean().sqrt().item() == pytest.approx(wanted, rel=0.05)


def test_first_drawings_are_the_resampled_basis():
    net, z = r3gan.Generator(6, 16, 1, 8), torch.randn(2, 6)
    x = net.dense(z)[:, :, None, None] * net.basis
    assert torch.allclose(net(z), net.out(resampling.double(resampling.double(x))), atol=1e-5)


def test_once_blocks_are_something_every_parameter_has_a_gradient_and_so_have_slopes():
    for net, x in (
        (r3gan.Generator(6, 16, 1, 8), torch.randn(3, 6)),
        (r3gan.Discriminator(16, 1, 8), torch.randn(3, 1, 16, 16)),
    ):
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.3)
        x.requires_grad_()
        (slope,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        (slope.square().sum() + net(x).sum()).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_labels_matter():
    z, x = torch.randn(1, 6).repeat(2, 1), torch.randn(1, 1, 16, 16).repeat(2, 1, 1, 1)
    label = torch.tensor([0, 1])
    drawn = r3gan.Generator(6, 16, 1, 8, 2)(z, label)
    judged = r3gan.Discriminator(16, 1, 8, 2)(x, label)
    assert not torch.equal(drawn[0], drawn[1]) and judged[0] != judged[1]


# ------------------------------------------------------------------------------------ resampling


def kernel(taps, channels):
    row = torch.tensor(taps)
    return (torch.outer(row, row) / row.sum() ** 2).expand(channels, 1, -1, -1)


@pytest.mark.parametrize("shape", [(2, 3, 6, 6), (1, 2, 7, 4)])
def test_resampling_equals_convolutions_of_each_channel(shape):
    x, c = torch.randn(shape), shape[1]
    four, three = kernel(resampling.BILINEAR, c), kernel(resampling.BLUR, c)
    doubled = conv_transpose2d(x, 4 * four, stride=2, padding=1, groups=c)
    assert torch.allclose(resampling.double(x), doubled, atol=1e-6)
    blurred = conv2d(x, three, padding=1, groups=c)
    assert torch.allclose(resampling.blur(x), blurred, atol=1e-6)
    x = resampling.repeat(x)
    halved = conv2d(x, four, stride=2, padding=1, groups=c)
    assert torch.allclose(resampling.halve(x), halved, atol=1e-6)


def test_halving_is_a_quarter_of_what_is_adjoint_to_doubling():
    x, y = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 8, 8)
    one, other = (resampling.double(x) * y).sum(), 4 * (x * resampling.halve(y)).sum()
    assert torch.allclose(one, other, atol=1e-4)


def test_resampling_keeps_constants_but_at_borders_and_channels_last():
    x = torch.ones(1, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    for change in (resampling.double, resampling.halve, resampling.blur):
        y = change(x)
        assert torch.allclose(y[..., 1:-1, 1:-1], torch.ones(()))
        assert (y[..., 0, 0] < 1).all()
        assert y.is_contiguous(memory_format=torch.channels_last)
