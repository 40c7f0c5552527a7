"""StyleGANs: what styles do and what they do not, truncation, mixing, lazy regularisation."""

from dataclasses import replace

import pytest
import torch
from small import SMALL, start
from torch import nn
from torch.nn.functional import conv2d

from cardigan.abilities import Maps
from cardigan.game import Player
from cardigan.games.stylegan import PathLength, lazily, path_lengths
from cardigan.nets import stylegan, stylegan2, styles
from cardigan.optimizers import adam
from cardigan.penalties import Judged
from cardigan.train import train

both = pytest.mark.parametrize("module", [stylegan, stylegan2], ids=["stylegan", "stylegan2"])
every_style = pytest.mark.parametrize("name", ["stylegan", "stylegan2"])


def generator(module, **settings):
    return module.Generator(6, 16, 3, 32, depth=2, **settings)


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("size", "millions"), [(32, 22.84), (64, 25.14), (128, 25.84), (256, 26.09), (1024, 26.22)]
)
def test_stylegan_has_as_many_parameters_as_the_papers(size, millions):
    with torch.device("meta"):
        net = stylegan.Generator(512, size, 3, 8192)
        toy = stylegan.Generator(512, 32, 1, 1024, depth=4)
    assert round(count(net) / 1e6, 2) == millions and round(count(toy) / 1e6, 2) == 7.72
    assert size < 1024 or count(net) == 26_219_627
    assert net.layers == 2 * size.bit_length() - 4


@both
def test_shapes_and_layers(module):
    net = generator(module)
    assert net.layers == 6
    z = torch.randn(3, 6)
    assert net(z).shape == net.eval()(z).shape == (3, 3, 16, 16)
    ws = styles.spread(net.mapping(z), net.layers)
    assert torch.equal(net(ws), net(z)), "in eval mode a latent is its styles"


# ---------------------------------------------------------------------------------------- styles


@both
def test_noise_begins_as_nothing_and_is_fixed_in_eval_mode(module):
    net, z = generator(module, mixing=0.0), torch.randn(3, 6)
    assert torch.equal(net(z), net(z))
    for layer in net.modules():
        if isinstance(layer, styles.PixelNoise):
            nn.init.ones_(layer.strength)
    assert not torch.equal(net(z), net(z))
    net.eval()
    assert torch.equal(net(z), net(z))


@both
def test_mixing_with_itself_changes_nothing_and_layers_have_one_latent_each(module):
    net = generator(module).eval()
    one, other = (styles.spread(net.mapping(torch.randn(2, 6)), net.layers) for _ in range(2))
    one, other = one.detach().clone().requires_grad_(), other.detach().clone().requires_grad_()
    cut = torch.tensor([2, 6])
    assert torch.equal(styles.mixed(one, one, cut), one)
    assert torch.equal(styles.mixed(one, other, cut)[1], one[1]), "a cut behind the last layer"
    net(styles.mixed(one, other, cut)).square().sum().backward()
    felt = [w.grad.abs().sum(2) > 0 for w in (one, other)]
    assert felt[0].tolist() == [[True] * 2 + [False] * 4, [True] * 6]
    assert felt[1].tolist() == [[False] * 2 + [True] * 4, [False] * 6]


@both
def test_a_share_of_samples_is_mixed_in_training_alone(module):
    net, z = generator(module, mixing=0.5), torch.randn(1, 6).repeat(400, 1)
    plain = styles.spread(net.mapping(z), net.layers)
    made = styles.styled(net.mapping, z, net.layers, net.layers, 0.5)
    same = (made == plain).all(2)
    assert same[:, 0].all(), "the first layer has the first latent"
    assert (~same).any(1).float().mean().item() == pytest.approx(0.5, abs=0.1)
    first = same.float().argmin(1)[~same.all(1)]
    assert set(first.tolist()) == {1, 2, 3, 4, 5}
    net.eval()
    quiet = styles.styled(net.mapping, z, net.layers, net.layers, 0.5)
    assert torch.equal(quiet, styles.spread(net.mapping(z), net.layers))


def test_the_mean_of_w_follows_batches():
    mapping, z = styles.Mapping(4, 4, 1), torch.randn(8, 4)
    w = mapping(z)
    assert torch.allclose(mapping.mean, 0.005 * w.mean(0), atol=1e-7)
    mapping.eval()(z)
    assert torch.allclose(mapping.mean, 0.005 * w.mean(0), atol=1e-7)


@every_style
def test_truncation_is_towards_the_mean_of_w(name):
    game, stream = start(name)
    train(game, stream, 4 * 16)
    assert isinstance(game, Maps)
    net = game.generator.eval_net
    whole = game.sample(4, seed=1)
    assert torch.equal(game.sample(4, seed=1, truncation=1.0), whole)
    w = game.map(game.latents(4, seed=1))
    assert torch.allclose(game.synthesise(w), whole, atol=1e-6)
    mean = net.mapping.mean
    half = game.synthesise(mean + 0.5 * (w - mean))
    assert torch.allclose(game.sample(4, seed=1, truncation=0.5), half, atol=1e-5)
    none = game.sample(4, seed=1, truncation=0.0)
    assert torch.allclose(none, game.synthesise(mean.expand(4, -1)), atol=1e-6)
    assert "generator.net.mapping.mean" in game.state_dict()


# -------------------------------------------------------------------------------------- StyleGAN


def test_adain_sets_each_channels_mean_and_deviation():
    x, style = 3 * torch.randn(2, 4, 8, 8) + 1, torch.randn(2, 8)
    y = stylegan.adain(x, style)
    assert torch.allclose(y.mean((2, 3)), style[:, 4:], atol=1e-5)
    deviation = y.std((2, 3), correction=0)
    assert torch.allclose(deviation, (style[:, :4] + 1).abs(), atol=1e-5)
    assert torch.allclose(stylegan.adain(5 * x, style), y, atol=1e-4)


def test_the_first_layer_begins_as_its_bias():
    """A constant of ones has no deviation: AdaIN leaves b of it."""
    net = generator(stylegan)
    layer, w = net.first[0], torch.randn(2, 6)
    y = layer(net.constant.expand(2, -1, -1, -1), w)
    shift = layer.style(w)[:, 16:, None, None]
    assert torch.allclose(y, shift.expand_as(y), atol=1e-5)


def test_the_discriminator_blurs_before_it_halves():
    net = stylegan.discriminator(16, 3, 32)
    assert len([m for m in net.modules() if isinstance(m, stylegan.Blur)]) == 2
    assert net(torch.randn(4, 3, 16, 16)).shape == (4,)


# ------------------------------------------------------------------------------------- StyleGAN2


def test_scaling_maps_equals_scaling_weights():
    """Against the paper's equations, a weight for each sample."""
    conv = stylegan2.Modulated(5, 7, 6)
    x, w = torch.randn(3, 5, 8, 8), torch.randn(3, 6)
    scaled = conv.weight * conv.scale * conv.style(w)[:, None, :, None, None]
    size = (scaled.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    each = [conv2d(a[None], b, padding=1) for a, b in zip(x, scaled / size, strict=True)]
    assert torch.allclose(conv(x, w), torch.cat(each), atol=1e-5)


@pytest.mark.parametrize("up", [False, True])
def test_outputs_have_unit_size_whatever_the_style(up):
    conv, x = stylegan2.Modulated(64, 64, 6, up=up), torch.randn(8, 64, 16, 16)
    y = conv(x, 5 * torch.randn(8, 6))[..., 2:-2, 2:-2]
    assert y.shape[1] == 64 and (up or y.std().item() == pytest.approx(1, rel=0.05))
    with torch.no_grad():
        before = conv(x, torch.zeros(8, 6))
        conv.style.bias.mul_(7)  # of w = 0, a style times a constant
        assert torch.allclose(conv(x, torch.zeros(8, 6)), before, atol=1e-4)


def test_residual_blocks_keep_the_size_of_signals():
    x = torch.randn(8, 32, 16, 16)
    y = stylegan2.Down(32, 32)(x)
    assert y.shape == (8, 32, 8, 8)
    block = stylegan2.Down(32, 32)
    long = stylegan2.LOUD * stylegan2.leaky(block.conv1(x))
    long = stylegan2.LOUD * stylegan2.leaky(block.conv2(stylegan2.blur(long, stylegan2.BILINEAR, 2)))  # fmt: skip  # noqa: E501
    both_ways = (long + block.shortcut(stylegan2.halve(x))) / 2**0.5
    assert torch.equal(block(x), both_ways)


def test_pictures_are_sums_of_every_level():
    net, z = generator(stylegan2, mixing=0.0), torch.randn(2, 6)
    whole = net(z)
    for out in net.out[1:]:
        nn.init.zeros_(out.conv.weight)
    coarse = net.out[0](net.first(net.constant.expand(2, -1, -1, -1), net.mapping(z)), net.mapping(z))  # fmt: skip  # noqa: E501
    assert torch.allclose(net(z), stylegan2.double(stylegan2.double(coarse)), atol=1e-6)
    assert not torch.allclose(net(z), whole)


def test_generators_take_any_number_of_samples_once_exported():
    net = generator(stylegan2).eval()
    program = torch.export.export(
        net, (torch.randn(2, 6),), dynamic_shapes={"z": {0: torch.export.Dim("n", min=1)}}
    )
    z = torch.randn(5, 6)
    assert torch.allclose(program.module()(z), net(z), atol=1e-5)


# --------------------------------------------------------------------------------- regularisers


class LinearNet(nn.Module):
    """A picture of 2x2 that is a matrix times the style."""

    def __init__(self, matrix):
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def synthesise(self, ws):
        return (ws[:, 0] @ self.matrix.T).view(-1, 1, 2, 2)


def test_paths_of_a_linear_generator_do_not_depend_on_the_style():
    """A = c Q, Q orthogonal: |A^T y| = c |y|, and E |y|^2 = 1."""
    net = LinearNet(3 * torch.linalg.qr(torch.randn(4, 4))[0])
    ws = torch.randn(5_000, 1, 4).requires_grad_()
    lengths = path_lengths(net, ws)
    assert lengths.square().mean().item() == pytest.approx(9, rel=0.05)
    (slope,) = torch.autograd.grad(lengths.sum(), ws, allow_unused=True)
    assert slope is None or slope.abs().max() == 0


def test_lengths_cost_what_they_differ_from_a_running_mean():
    path = PathLength(weight=2.0, rate=0.25)
    path.mean.fill_(4.0)
    cost = path(torch.tensor([8.0, 16.0]))
    assert cost.tolist() == [2 * (8 - 6) ** 2, 2 * (16 - 6) ** 2], "the mean, moved by the batch"
    assert path.mean == 4, "until the move is told"
    for _ in range(2):  # as two copies of a round do
        path.follow(torch.tensor(4.0), {"path": torch.tensor(12.0)})
    assert path.mean == 6


def test_the_mean_of_paths_is_saved_and_moves_every_fourth_round():
    game, stream = start("stylegan2")
    means = []
    for rounds in range(1, 6):
        train(game, stream, 16 * rounds)
        means.append(game.state_dict()["path.mean"].item())
    assert means[0] > 0 and means[0] == means[3] != means[4]


def test_regularisers_move_by_themselves_now_and_then():
    game, stream = start("stylegan2")
    moved = []
    for game.rounds in range(17):
        turns, told, players = game.round(stream), None, ""
        while move := _sent(turns, told):
            players += {game.generator: "g", game.discriminator: "d"}[move.player]
            told = move.log
        moved.append(players)
    assert moved == ["ddgg", *["dg", "dg", "dg", "dgg"] * 3, "dg", "dg", "dg", "ddgg"]


def _sent(turns, told):
    try:
        return turns.send(told)
    except StopIteration:
        return None


def test_a_lazy_adam_has_the_pace_and_the_memory_of_one_that_is_not():
    """Over k rounds of one gradient: k steps, or k + 1 of a corrected rate and decay."""
    ends = []
    for k, settings in ((16, {"lr": 0.01, "betas": (0.0, 0.9)}), (17, lazily(0.01, (0, 0.9), 16))):
        net = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(net.weight)
        player = Player(net, adam(), **settings)
        for _ in range(k):
            net.weight.grad = torch.full((1, 1), 2.0)
            player.step(0)
        memory = player.optimizer.state[net.weight]["exp_avg_sq"].item()
        ends.append((net.weight.item(), memory))
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)


def test_adam_is_set_for_the_moves_that_regularise():
    plain = replace(SMALL["stylegan2"], path_weight=0.0).game().generator.settings
    assert plain == {"lr": 1e-2, "betas": (0.0, 0.99)}
    players = SMALL["stylegan2"].game().players
    for name, every in (("generator", 4), ("discriminator", 16)):
        settings, c = players[name].settings, every / (every + 1)
        assert settings["lr"] == pytest.approx(1e-2 * c)
        assert settings["betas"] == pytest.approx((0.0, 0.99**c))


def test_each_loss_of_stylegan_has_its_own_price_on_slopes():
    real, fake = torch.tensor([3.0]), torch.tensor([-2.0])
    x = torch.tensor([[2.0]], requires_grad=True)

    def judge(x):
        return 3 * x.squeeze(1)

    for name, loss, price in (("non-saturating", 0.176, 0.5 * 9), ("wasserstein", -4.991, 4)):
        game = replace(SMALL["stylegan"], loss=name, gamma=1.0).fitted().game()
        judged = Judged(judge, x)
        paid = game.penalties[0](judged, judged, 0)
        assert game.loss.discriminator(real, fake).item() == pytest.approx(loss, abs=1e-3)
        assert paid.item() == pytest.approx(price)


def test_gamma_follows_the_size_and_the_batch():
    recipe = replace(SMALL["stylegan2"], gamma=0.0, size=64).suited(100)
    assert recipe.gamma == pytest.approx(2e-4 * 64**2 / 16)
