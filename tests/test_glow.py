"""Glow: inverses, determinants against those of autograd, densities, first batch."""

import math

import pytest
import torch
from small import SMALL, start
from torch import Tensor, nn
from torch.func import jacrev

from cardigan.data.stream import as_floats
from cardigan.game import Player
from cardigan.games import Flow
from cardigan.nets.glow import ActNorm, Coupling, Dequantise, Flowed, Glow, Mixing, Prior, Quiet
from cardigan.optimizers import adam
from cardigan.priors import normal


def shaken(net: nn.Module, deviation: float = 0.2) -> nn.Module:
    """With weights far from the first ones, in float64."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(deviation * torch.randn_like(p))
    return net.double()


LAYERS = {
    "actnorm": lambda: ActNorm(6),
    "mixing": lambda: Mixing(6),
    "coupling": lambda: Coupling(6, 8),
    "odd": lambda: Coupling(5, 8),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def maps(name: str, n: int = 3) -> Tensor:
    return torch.randn(n, 5 if name == "odd" else 6, 4, 2, dtype=torch.float64)


def log_det(function, x: Tensor) -> Tensor:
    """log |det| of the Jacobian, image by image: the definition."""
    size = x[0].numel()
    rows = [jacrev(lambda one: function(one[None]).flatten())(one) for one in x]
    return torch.stack([torch.linalg.slogdet(r.reshape(size, size)).logabsdet for r in rows])


@every_layer
def test_layers_can_be_inverted(name):
    layer, x = shaken(LAYERS[name]()), maps(name)
    assert torch.allclose(layer.inverse(layer(x).y), x, atol=1e-11)
    assert torch.allclose(layer(layer.inverse(x)).y, x, atol=1e-11)


@every_layer
def test_determinants_are_those_of_the_jacobian(name):
    layer, x = shaken(LAYERS[name]()), maps(name)
    found = layer(x).log_det
    assert found.shape == (3,) and found.abs().min() > 1e-3
    assert torch.allclose(found, log_det(lambda x: layer(x).y, x), atol=1e-9)


def test_what_is_left_behind_has_a_law_of_what_goes_on():
    prior = shaken(Prior(2, 3))
    x, kept = (torch.randn(4, c, 2, 2, dtype=torch.float64) for c in (3, 2))
    z, found = prior(x, kept)
    assert torch.allclose(prior.inverse(z, kept), x, atol=1e-12)
    expected = [log_det(lambda a, k=k: prior(a, k[None]).y, v[None]) for v, k in zip(x, kept)]  # noqa: B905
    assert torch.allclose(found, torch.cat(expected), atol=1e-9)
    mean, log_deviation = prior.told(kept)
    law = torch.distributions.Normal(mean, log_deviation.exp())
    nats = -(z**2 + math.log(2 * math.pi)).flatten(1).sum(1) / 2 + found
    assert torch.allclose(nats, law.log_prob(x).flatten(1).sum(1), atol=1e-9)


@pytest.mark.parametrize(("channels", "size", "scales"), [(1, 4, 1), (1, 4, 2), (3, 4, 2)])
def test_the_whole_determinant_is_that_of_the_jacobian(channels, size, scales):
    net = shaken(Glow((channels, size, size), scales, 2, 8, 1 / 128))
    x = torch.randn(2, channels, size, size, dtype=torch.float64)
    z, found = net.flow(x)
    assert z.shape == (2, channels * size * size)
    assert torch.allclose(found, log_det(lambda x: net.flow(x).y, x), atol=1e-8)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-11)])
def test_images_come_back_from_their_latents(dtype, tolerance):
    net = shaken(Glow((1, 16, 16), 3, 4, 16, 1 / 128), 0.05).to(dtype)
    x = torch.rand(5, 1, 16, 16, dtype=dtype) * 2 - 1
    with torch.no_grad():
        z = net.flow(x).y
        assert (net.inverse(z) - x).abs().max() < tolerance
        assert (net.flow(net.inverse(z)).y - z).abs().max() < 50 * tolerance


def test_scales_leave_behind_what_the_table_says():
    """32 pixels in colour: 6x16x16, 12x8x8, and all 48x4x4."""
    net = Glow((3, 32, 32), 3, 1, 4, 1 / 128)
    assert net.left == [(6, 16, 16), (12, 8, 8), (48, 4, 4)]
    assert sum(map(math.prod, net.left)) == 3 * 32 * 32
    assert net.flow(torch.zeros(2, 3, 32, 32)).y.shape == (2, 3072)


def test_the_network_for_32_pixels_has_44_million_weights():
    with torch.device("meta"):
        net = Glow((3, 32, 32), 3, 32, 512, 1 / 128)
    count = sum(p.numel() for p in net.parameters())
    expected = 0
    for c in (12, 24, 48):
        coupling = 9 * 512 * c // 2 + 512 + 512 * 512 + 512 + 9 * 512 * c + 2 * c
        expected += 32 * (2 * c + (2 * c * c + c) + coupling)
    for c in (12, 24):
        expected += 9 * (c // 2) * c + 2 * c
    assert count == expected and round(count / 1e6, 1) == 44.1


# ------------------------------------------------------------------------------------- first batch


def test_a_fresh_network_scales_by_known_numbers():
    """Each coupling gives (values that move) log sigmoid(2), each rotation nothing."""
    net = Glow((1, 8, 8), 2, 3, 8, 1 / 128).double()
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    moved = 3 * (2 * 16 + 4 * 4)  # three steps each of 4x4x4 and of 8x2x2
    known = moved * math.log(1 / (1 + math.exp(-2)))
    assert torch.allclose(net.flow(x).log_det, torch.full((4,), known).double(), atol=1e-5)
    x = maps("mixing")
    assert torch.allclose(Mixing(6).double()(x).y.norm(), x.norm(), atol=1e-5)


def test_norms_start_from_the_first_images():
    net = shaken(Glow((1, 8, 8), 2, 2, 8, 1 / 128))
    x = 5 + 3 * torch.randn(64, 1, 8, 8, dtype=torch.float64)
    net.start_from(x)
    seen = []
    for norm in (m for m in net.modules() if isinstance(m, ActNorm)):
        norm.register_forward_hook(lambda norm, given, told: seen.append(told.y))
    net.noise.width = 0.0
    net.start_from(x)
    net(x)
    assert len(seen) == 8  # four, at the second start and at the last look
    for y in seen[4:]:
        deviation, mean = torch.std_mean(y, (0, 2, 3), correction=0)
        assert mean.abs().max() < 1e-9 and (deviation - 1).abs().max() < 1e-4


def test_the_recipe_starts_all_norms_and_nothing_else():
    game, stream = start("glow")
    before = {k: v.clone() for k, v in game.state_dict().items()}
    SMALL["glow"].prepare(game, stream.dataset)
    moved = {k for k, v in game.state_dict().items() if not torch.equal(before[k], v)}
    norms = {f"model.net.{n}" for n, m in game.model.net.named_modules() if isinstance(m, ActNorm)}
    assert moved == {f"{norm}.{part}" for norm in norms for part in ("bias", "log_scale")}


# ----------------------------------------------------------------------------------------- density


class Straight(nn.Module):
    """An identity flow."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))

    def flow(self, x: Tensor) -> Flowed:
        return Flowed(x.flatten(1), x.new_zeros(len(x)))


def test_an_identity_has_the_density_of_the_prior():
    net = Glow((1, 4, 4), 1, 1, 4, 0.0)
    net.flow = Straight().flow  # pyright: ignore[reportAttributeAccessIssue]
    x = torch.randn(6, 1, 4, 4)
    law = torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(net(x), law.log_prob(x).flatten(1).sum(1), atol=1e-4)


def test_the_density_integrates_to_one():
    """Of two pixels among four, held at what the others are: by quadrature over all four."""
    net = shaken(Glow((1, 2, 2), 1, 2, 4, 0.0), 0.1)
    axis = torch.linspace(-7, 7, 29, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis, axis, axis).reshape(-1, 1, 2, 2)
    with torch.no_grad():
        mass = sum(net(part).exp().sum() for part in points.split(100_000))
    assert (mass * (axis[1] - axis[0]) ** 4).item() == pytest.approx(1, abs=0.02)


def test_noise_fills_a_level_and_is_drawn_anew():
    noise = Dequantise(2 / 255)
    x = torch.zeros(1000)
    first, second = noise(x), noise(x)
    assert first.abs().max() <= 1 / 255 and first.std() > 0.9 * 2 / 255 / 12**0.5
    assert not torch.equal(first, second)


@pytest.mark.parametrize("levels", [256, 4])
def test_bits_count_bytes(levels):
    """A model that is flat over [-1, 1], by the widths of its levels: 8 bits, or 2 and 6."""

    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
            width = 2 + 2 / (levels - 1)
            return torch.full((len(x),), -x[0].numel() * math.log(width))

    game = Flow(Player(Flat(), adam(), 1e-3), normal(16), levels)
    images = torch.randint(256, (5, 1, 4, 4), dtype=torch.uint8)
    bits = -game.log_prob(images) / (16 * math.log(2))
    assert torch.allclose(bits, torch.full((5,), 8.0), atol=1e-5)
    move = next(game.round(iter([(as_floats(images), None)])))
    assert torch.allclose(move.loss, torch.full((5,), math.log2(levels)), atol=1e-5)


# -------------------------------------------------------------------------------------------- game


def test_an_image_is_rebuilt_up_to_rounding():
    game, stream = start("glow-32")
    SMALL["glow-32"].prepare(game, stream.dataset)
    x = next(stream).image
    assert game.encode(x).shape == (16, 3 * 64)
    assert (game.reconstruct(x) - x).abs().max() < 1e-4


def test_the_codec_is_the_network_and_its_inverse():
    game, stream = start("glow")
    x = next(stream).image[:2]
    codec = game.codec()
    assert torch.allclose(codec.decode(codec.encode(x)), x, atol=1e-4)
    assert torch.allclose(codec.encode(x), game.encode(x), atol=1e-5)


def test_a_quiet_layer_says_nothing_at_first():
    layer = Quiet(2, 3)
    x = torch.randn(2, 2, 4, 4)
    assert not layer(x).any()
    nn.init.ones_(layer.convolution.bias)
    nn.init.constant_(layer.scale, 0.5)
    assert torch.allclose(layer(x), torch.full((2, 3, 4, 4), math.exp(1.5)))
