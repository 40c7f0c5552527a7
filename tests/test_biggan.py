"""BigGAN and BigGAN-deep against what their paper and its public code state."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from small import SMALL, start, toy
from torch import nn
from torch.nn.functional import avg_pool2d, batch_norm

from cardigan import checkpoint, priors
from cardigan.errors import UserError
from cardigan.game import Player
from cardigan.games import standing_statistics
from cardigan.games.standing import settled
from cardigan.hooks import logger
from cardigan.nets import biggan, biggan_deep
from cardigan.nets.attention import SelfAttention
from cardigan.nets.conditional import GatedBatchNorm, OneHot
from cardigan.nets.orthogonal import INITIAL, both, drawn, orthogonality
from cardigan.nets.resnet import Down
from cardigan.nets.spectral import SpectralNorm, plain, singular_values, spectral
from cardigan.optimizers import adam
from cardigan.randomness import seeded
from cardigan.recipe import to_json
from cardigan.recipes import RECIPES
from cardigan.recipes.options import Restraints
from cardigan.run import COST, Run
from cardigan.subjects import check_truncation
from cardigan.train import play, train

CPU = torch.device("cpu")
NETS = {"biggan": biggan, "biggan-deep": biggan_deep}
every_family = pytest.mark.parametrize("nets", NETS.values(), ids=NETS.keys())


def count(net):
    return sum(p.numel() for p in net.parameters())


# -------------------------------------------------------------------------------------- networks

CIFAR = {"attention": False}


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (partial(biggan.Generator, 120, 128, 3, 96, 1000), 70_433_988),
        (partial(biggan.Discriminator, 128, 3, 96, 1000), 87_982_370),
        (partial(biggan.Generator, 120, 128, 3, 64, 1000), 31_978_628),
        (partial(biggan.Discriminator, 128, 3, 64, 1000), 39_448_258),
        (partial(biggan.Generator, 140, 256, 3, 96, 1000), 82_235_844),
        (partial(biggan.Discriminator, 256, 3, 96, 1000), 99_225_890),
        (
            partial(biggan.Generator, 128, 32, 3, 64, 10, shared=0, hierarchical=False, **CIFAR),
            4_304_387,
        ),
        (partial(biggan.Discriminator, 32, 3, 64, 10, **CIFAR), 4_207_361),
        (partial(biggan_deep.Generator, 128, 128, 3, 128, 1000), 50_244_484),
        (partial(biggan_deep.Discriminator, 128, 3, 128, 1000), 34_590_210),
        (partial(biggan_deep.Generator, 128, 256, 3, 128, 1000), 55_736_708),
        (partial(biggan_deep.Discriminator, 256, 3, 128, 1000), 38_247_426),
    ],
)
def test_the_papers_networks_have_as_many_parameters(net, expected):
    with torch.device("meta"):
        assert count(net()) == expected


@every_family
@pytest.mark.parametrize("size", biggan.PLANS)
def test_pictures_have_their_size_and_attention_its_place(nets, size):
    plan, (drawing, judging) = biggan.PLANS[size], ([], [])
    with torch.device("meta"):
        generator, judge = nets.Generator(9, size, 3, 4, 5), nets.Discriminator(size, 3, 4, 5)
        for net, sides in ((generator, drawing), (judge, judging)):
            for layer in net.modules():
                if isinstance(layer, SelfAttention):
                    note = lambda layer, args, sides=sides: sides.append(args[0].shape[2])  # noqa: E731
                    layer.register_forward_pre_hook(note)
        label = torch.zeros(2, dtype=torch.long)
        image = generator(torch.zeros(2, 9), label)
        assert image.shape == (2, 3, size, size) and judge(image, label).shape == (2,)
        assert nets.Discriminator(size, 3, 4).features(image).shape == (2, 4 * plan.down[-1])
    assert drawing == judging == [plan.attention]


@every_family
def test_without_classes_there_is_no_embedding_and_nothing_to_tell(nets):
    net = nets.Generator(12, 16, 1, 4)
    assert not [m for m in net.modules() if isinstance(m, nn.Embedding | OneHot)]
    assert net(torch.randn(3, 12)).shape == (3, 1, 16, 16)
    gates = [m.gain.in_features for m in net.modules() if isinstance(m, GatedBatchNorm)]
    assert {*gates} == {12 if nets is biggan_deep else 4}


def test_chunks_are_as_equal_as_can_be():
    assert biggan.chunks(120, 6) == [20] * 6 and biggan.chunks(81, 4) == [21, 20, 20, 20]
    assert biggan.chunks(3, 5) == [1, 1, 1, 0, 0] and biggan.chunks(128, 1) == [128]


def gains(net):
    """The gains of every gated norm, as they come: [N, C] each."""
    found = []
    for norm in [m for m in net.modules() if isinstance(m, GatedBatchNorm)]:
        norm.gain.register_forward_hook(lambda m, args, out: found.append(out))
    return found


def test_each_block_hears_its_own_chunk_and_no_other():
    net = biggan.Generator(12, 32, 1, 2, 3, shared=5)
    found, z = gains(net), torch.randn(2, 12, requires_grad=True)
    net(z, torch.tensor([0, 2]))
    for i, gain in enumerate(found):
        slope = torch.autograd.grad(gain.sum(), z, retain_graph=True)[0]
        chunk = 1 + i // 2  # of three numbers; a block has two norms
        own = torch.zeros(12, dtype=torch.bool).index_fill(0, torch.arange(3) + 3 * chunk, True)
        assert slope[:, own].abs().min() > 0 and not slope[:, ~own].any()
    assert len(found) == 6


def test_the_deep_one_hears_all_of_z_at_every_norm():
    net = biggan_deep.Generator(6, 16, 1, 2, 3, shared=5)
    found, z = gains(net), torch.randn(2, 6, requires_grad=True)
    net(z, torch.tensor([0, 2]))
    for gain in found:
        assert torch.autograd.grad(gain.sum(), z, retain_graph=True)[0].abs().min() > 0
    assert len(found) == 16  # two stages of two blocks of four


def test_gates_that_say_nothing_leave_the_first_chunk_alone():
    net = biggan.Generator(12, 16, 1, 2, 3).eval()
    with torch.no_grad():
        for norm in [m for m in net.modules() if isinstance(m, GatedBatchNorm)]:
            norm.gain.weight.zero_(), norm.bias.weight.zero_()
    z = torch.randn(2, 12)
    drawn_ = net(z, torch.tensor([0, 1]))
    other = torch.cat([z[:, :4], torch.randn(2, 8)], 1)
    assert torch.equal(net(other, torch.tensor([2, 2])), drawn_)
    assert not torch.allclose(net(z + torch.eye(12)[0], torch.tensor([0, 1])), drawn_)


@every_family
def test_where_norms_are_not_told_the_class_the_first_map_is(nets):
    net = nets.Generator(6, 16, 1, 4, 3, shared=5, told_norms=False).eval()
    found, z = gains(net), torch.randn(1, 6)
    images = [net(z, torch.tensor([label])) for label in (0, 1)]
    half = len(found) // 2
    assert half and all(map(torch.equal, found[:half], found[half:]))
    assert not torch.allclose(*images)


def test_a_gated_norm_is_its_equation():
    norm, x, c = GatedBatchNorm(4, 3, plain), torch.randn(5, 4, 6, 6), torch.randn(5, 3)
    normed = batch_norm(x, None, None, training=True)
    gain, bias = (c @ m.weight.T for m in (norm.gain, norm.bias))
    expected = normed * (1 + gain[:, :, None, None]) + bias[:, :, None, None]
    assert torch.allclose(norm(x, c), expected, atol=1e-6)
    nn.init.zeros_(norm.gain.weight), nn.init.zeros_(norm.bias.weight)
    assert torch.equal(norm(x, c), normed)
    assert torch.equal(GatedBatchNorm(4, 0, plain)(x), normed)


def test_rows_of_classes_are_embeddings():
    """A bias-free linear map of a one-hot vector looks a row up."""
    norm, label = GatedBatchNorm(4, 3, plain), torch.tensor([2, 0])
    norm(torch.randn(2, 4, 2, 2), OneHot(3)(label))
    assert torch.equal(norm.gain(OneHot(3)(label)), norm.gain.weight.T[label])
    unshared = biggan.Generator(6, 16, 1, 2, 3, shared=0, normalise=spectral)
    gates = [m for m in unshared.modules() if isinstance(m, GatedBatchNorm)]
    assert gates and not [m for g in gates for m in g.modules() if isinstance(m, SpectralNorm)]


@every_family
def test_everything_is_normed_but_the_shared_embedding(nets):
    makers = (partial(nets.Generator, 6), partial(nets.Discriminator))
    for make, free in zip(makers, (1, 0), strict=True):
        net = make(16, 1, 4, 3, normalise=spectral)
        layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.Embedding)]
        normed = [m for m in net.modules() if isinstance(m, SpectralNorm)]
        assert len(normed) == len(layers) - free > 5


def test_no_relu_reaches_the_shortcut():
    """Not even in place: with convolutions of zeros a block is its shortcut."""
    block, x = Down(3, 5, wide=True, normalise=plain), torch.randn(2, 3, 4, 4)
    nn.init.zeros_(block.conv2.weight), nn.init.zeros_(block.conv2.bias)
    assert torch.equal(block(x), block.shortcut(avg_pool2d(x, 2)))
    assert block.conv1.out_channels == 5 and Down(3, 5).conv1.out_channels == 3


def test_shortcuts_of_the_deep_one_keep_channels():
    norm = biggan.gated(0, 0, plain, plain)
    up, x = biggan_deep.DeepUp(8, 4, True, norm, plain), torch.randn(2, 8, 3, 3)
    down = biggan_deep.DeepDown(8, 12, 2, plain)
    for block in (up, down):
        nn.init.zeros_(block.conv4.weight), nn.init.zeros_(block.conv4.bias)
    doubled = x[:, :4].repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(up(x, x[:, :0, 0, 0]), doubled)
    x = torch.randn(2, 8, 4, 4)
    mean = avg_pool2d(x, 2)
    assert torch.equal(down(x)[:, :8], mean) and torch.equal(down(x)[:, 8:], down.more(mean))


# --------------------------------------------------------------------------------- first weights


@pytest.mark.parametrize("initial", INITIAL)
def test_first_weights(initial):
    net = nn.ModuleList([nn.Linear(40, 60), nn.Conv2d(20, 30, 3), nn.Embedding(30, 50)])
    for layer in net:
        drawn(INITIAL[initial])(layer)
    for layer in net:
        w = layer.weight.detach().flatten(1)
        gram = w @ w.T if len(w) <= w.shape[1] else w.T @ w
        orthogonal = torch.allclose(gram, torch.eye(len(gram)), atol=1e-5)
        assert orthogonal == ("orthogonal" in initial)
        assert isinstance(layer, nn.Embedding) or not layer.bias.any()
    w = net[1].weight.detach()
    deviation = {"normal": 0.02, "xavier": (2 / (9 * 50)) ** 0.5}.get(initial, w.std())
    assert w.std() == pytest.approx(float(deviation), rel=0.05)


def test_weights_are_drawn_before_they_are_normed():
    order = []
    note = lambda name: lambda layer: order.append(name) or layer  # noqa: E731
    both(note("drawn"), note("normed"))(nn.Linear(1, 1))
    assert order == ["drawn", "normed"]


@pytest.mark.parametrize("layer", [nn.Linear(5, 3), nn.Conv2d(2, 4, 3)])
def test_the_slope_of_orthogonality_has_its_closed_form(layer):
    """4 (W W^T o (1 - I)) W: the full strength."""
    orthogonality(layer).backward()
    w = layer.weight.detach().flatten(1)
    gram = w @ w.T
    expected = 4 * (gram * (1 - torch.eye(len(w)))) @ w
    assert torch.allclose(layer.weight.grad.flatten(1), expected, atol=1e-6)
    assert layer.bias.grad is None


def test_orthogonal_filters_of_any_length_cost_nothing():
    layer = nn.Linear(6, 4)
    nn.init.orthogonal_(layer.weight)
    with torch.no_grad():
        layer.weight[2] *= 5
    assert orthogonality(layer).item() == pytest.approx(0, abs=1e-8)
    with torch.no_grad():
        layer.weight[1] = layer.weight[2]  # a right angle becomes none: |5 * 5|^2, twice
    assert orthogonality(layer).item() == pytest.approx(2 * 25**2)


def test_embeddings_are_free_and_normed_weights_pay_as_they_are():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.layer = nn.Embedding(3, 4), nn.Linear(4, 3)
            self.norm = nn.BatchNorm2d(3)

    net = Net()
    before = orthogonality(net)
    assert torch.equal(before, orthogonality(net.layer))
    spectral(net.layer)
    assert torch.equal(orthogonality(net), before)


def test_the_generator_pays_and_the_other_player_does_not():
    game, stream = start("biggan")
    price = 1e-4
    free = replace(SMALL["biggan"], orthogonality=0.0)
    torch.manual_seed(0)
    other = free.game()
    real, label = game.draw(stream)
    z = game.latents(len(real))
    losses = []
    for played in (game, other):
        fake = played.generator(z, label)
        losses.append(played.generator_loss(played, real, fake, label).mean())
    assert (losses[0] - losses[1]).item() == pytest.approx(
        price * orthogonality(game.generator.net).item(), rel=1e-3, abs=1e-6
    )


# ------------------------------------------------------------------------------------ truncation


@pytest.mark.parametrize(
    ("threshold", "deviation"), [(0.04, 0.0231), (0.5, 0.2839), (1.0, 0.5396), (2.0, 0.8796)]
)
def test_truncated_latents_are_drawn_anew(threshold, deviation):
    game = SimpleNamespace(prior=priors.normal(100), device=CPU)
    z = priors.resampled(game, 1000, threshold)
    assert z.abs().max() <= threshold
    assert z.std() == pytest.approx(deviation, rel=0.01)
    assert len(z.unique()) > 0.9 * z.numel(), "nothing is clamped"


def test_ends_of_truncation():
    prior = priors.normal(5)
    game = SimpleNamespace(prior=prior, device=CPU)
    with seeded(3, CPU):
        whole = prior(4, CPU)
    with seeded(3, CPU):
        assert torch.equal(priors.resampled(game, 4, priors.RESAMPLED.whole), whole)
    assert not priors.resampled(game, 4, 0.0).any()
    for threshold in (0.001, -1.0, float("nan")):
        with pytest.raises(UserError, match=r"0\.01 or more"):
            priors.resampled(game, 4, threshold)


def test_a_threshold_may_lie_beyond_one_and_a_factor_may_not():
    big, small = start("biggan")[0], start("dcgan")[0]
    assert big.latents(500, seed=0, truncation=2.0).abs().max() > 1
    assert torch.equal(big.latents(5, seed=0), big.latents(5, seed=0, truncation=float("inf")))
    check_truncation(big, 0.5, 2.0)
    check_truncation(small, 0.5, 1.0)
    for value in (2.0, float("nan"), -1.0):
        with pytest.raises(UserError, match="from 0 to 1, got"):
            check_truncation(small, value)


# --------------------------------------------------------------------------- standing statistics


class Normed(nn.Module):
    """z [N, 2], label -> [N, 2, 1, 1], normed."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2, affine=False)
        self.halved = nn.Dropout(0.5)

    def forward(self, z, label=None):
        return self.halved(self.norm(z[:, :, None, None]))


def test_standing_statistics_are_means_of_the_batches_own():
    net, draws = Normed(), [(torch.randn(8, 2) * k + k, None) for k in (1, 2, 3)]
    before = {name: t.clone() for name, t in net.state_dict().items()}
    copy = settled(net, draws)
    for name, moment in (
        ("mean", lambda z: z.mean(0)),
        ("var", lambda z: z.var(0, correction=0)),
    ):
        expected = torch.stack([moment(z) for z, _ in draws]).mean(0)
        assert torch.allclose(getattr(copy.norm, f"running_{name}"), expected, atol=1e-6)
    backwards = settled(net, draws[::-1])
    assert torch.allclose(backwards.norm.running_var, copy.norm.running_var)
    assert not copy.training and not copy.norm.training and not copy.norm._forward_pre_hooks
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())


def test_samples_are_drawn_with_them_and_with_others_at_each_truncation():
    game, stream = start("biggan")
    train(game, stream, 3 * stream.batch)
    nets = [game.drawing(game, t) for t in (float("inf"), 0.5)]
    assert game.drawing(game, 0.5) is nets[1], "gathered once"
    variances = [net.norm.running_var for net in nets]
    assert not torch.allclose(*variances)
    assert not torch.allclose(variances[0], game.generator.eval_net.norm.running_var)
    seen = []
    nets[1].register_forward_hook(lambda *_: seen.append(True))
    game.sample(2, truncation=0.5)
    assert seen
    train(game, stream, 4 * stream.batch)
    assert game.drawing(game, 0.5) is not nets[1], "the statistics of other weights are of no use"


def test_standing_statistics_repeat_themselves_without_an_average_too():
    recipe = replace(SMALL["biggan"], ema_halflife=0.0)
    torch.manual_seed(0)
    game = recipe.game()
    first = game.drawing(game, 1.0)
    assert game.drawing(game, 1.0) is first
    again = standing_statistics(2, 16)(game, 1.0)
    assert torch.equal(again.norm.running_mean, first.norm.running_mean)


# ------------------------------------------------------------------------------- singular values


@pytest.mark.parametrize("make", [plain, spectral], ids=["plain", "normed"])
def test_singular_values_are_those_of_the_weight_that_is_moved(make):
    for layer in (nn.Linear(30, 12), nn.Conv2d(4, 20, 3), nn.Linear(5, 2)):
        expected = torch.linalg.svdvals(layer.weight.detach().flatten(1))[:3]
        with torch.no_grad():
            layer.weight *= 7
        before = torch.get_rng_state()
        found = singular_values(make(layer))
        assert torch.allclose(found[: len(expected)], 7 * expected, rtol=2e-2)
        assert found[0] == pytest.approx(7 * expected[0].item(), rel=2e-3)
        assert len(found) == 3 and not found[len(expected) :].any()
        if make is plain:
            assert torch.equal(torch.get_rng_state(), before)


class Silent:
    """Nobody's TensorBoard."""

    def scalars(self, seen, values):
        pass


@pytest.mark.parametrize("name", NETS)
def test_the_log_tells_the_singular_values_of_the_first_layers(name, tmp_path):
    game, _ = start(name)
    logger(Run(tmp_path), Silent(), 0)(game, {"generator": torch.tensor(0.5)})
    line = (tmp_path / "log.jsonl").read_text()
    for layer in ("dense", "conv1", "conv2"):
        for i in range(3):
            assert f'"generator/{layer}/sigma_{i}"' in line
    assert '"generator": 0.5' in line


# ------------------------------------------------------------------------------------ the recipe


def kinds(net, kind):
    return [m for m in net.modules() if isinstance(m, kind)]


def told_gates(game):
    return {m.gain.in_features for m in kinds(game.generator.net, GatedBatchNorm) if m.gain}


# What is left out: how, and by what it shows in a game whose generator hears 4 numbers of a class
# and has chunks of 3, 3 and 2 latents.
LEFT_OUT = {
    "attention": ({"attention": False}, lambda g: not kinds(g, SelfAttention)),
    "hinge": (
        {"loss": "non-saturating"},
        lambda g: g.loss.generator(torch.zeros(1), torch.zeros(1)) > 0.5,
    ),
    "norms told the class": ({"told_norms": False}, lambda g: told_gates(g) == {3, 2}),
    "the shared embedding": ({"shared": 0}, lambda g: told_gates(g) == {13, 12}),
    "hierarchical latents": ({"hierarchical": False}, lambda g: told_gates(g) == {4}),
    "projection": ({"projection": False}, lambda g: g.discriminator.net.head.embedding is None),
    "spectral norm of the generator": (
        {"spectral_generator": False},
        lambda g: not kinds(g.generator, SpectralNorm) and kinds(g, SpectralNorm),
    ),
    "spectral norm of the discriminator": (
        {"spectral_discriminator": False},
        lambda g: not kinds(g.discriminator, SpectralNorm) and kinds(g, SpectralNorm),
    ),
    "orthogonal first weights": (
        {"initial": "normal", "spectral_generator": False},
        lambda g: g.generator.net.out.weight.std() < 0.03,
    ),
    "orthogonal regularisation": (
        {"orthogonality": 0.0},
        lambda g: "regularised" not in g.generator_loss.__qualname__,
    ),
    "the average of weights": ({"ema_halflife": 0.0}, lambda g: g.generator.ema is None),
    "standing statistics": ({"standing": 0}, lambda g: g.drawing(g, 1.0) is g.generator.ema),
    "moves of the discriminator": (
        {"discriminator": Restraints(steps=2)},
        lambda g: sum(1 for _ in _moves(g)) == 3,
    ),
}


def _moves(game):
    turns, told = game.round(SMALL["biggan"].stream(toy(SMALL["biggan"]), CPU)), None
    while True:
        try:
            yield turns.send(told)
        except StopIteration:
            return
        told = {}


@pytest.mark.parametrize(("fields", "shows"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_each_ingredient_can_be_left_out(fields, shows):
    whole, without = SMALL["biggan"], replace(SMALL["biggan"], **fields).checked()
    torch.manual_seed(0)
    assert not shows(whole.game()) and shows(without.game())
    game, stream = without.game(), without.stream(toy(without), CPU)
    log = play(game, stream)
    assert all(value.isfinite() for value in log.values())
    assert game.sample(2, label=1).isfinite().all()


def test_the_average_of_the_papers_presets_is_that_of_their_rounds():
    for name in ("biggan-128", "biggan-deep-128"):
        recipe = RECIPES[name]
        images = recipe.training.batch * recipe.discriminator.steps
        assert 0.5 ** (images / recipe.ema_halflife) == pytest.approx(0.9999, abs=1e-6)
        assert recipe.training.copies(1) == 8, "a large batch is accumulated"


def test_bottlenecks_need_a_width():
    with pytest.raises(UserError, match="width must be at least 4, got 3"):
        replace(RECIPES["biggan-deep"], width=3).checked()


# --------------------------------------------------------------------------- before the collapse


def test_the_best_checkpoint_is_the_one_before_the_collapse(tmp_path):
    """Better and better until it is not: `best` names the last good one, whatever came after."""
    game, _ = start("biggan")
    run = Run(tmp_path / "run")
    run.path.mkdir()
    record = to_json("biggan", SMALL["biggan"], "0")
    run.record.write_text(record)
    with pytest.raises(UserError, match="no best checkpoint"):
        Run(run.path / "best")
    costs = {1000: 3.0, 2000: 2.0, 3000: 1.0, 4000: 50.0, 5000: 80.0}
    for (seen, cost), _ in pairwise([*costs.items(), (0, 0)]):
        game.seen = seen
        checkpoint.save(run.checkpoints, game, record, {})
        told = {"seen": seen, COST: cost, "best_by": "frechet_distance", "about": {"samples": 9}}
        run.append_metrics(told)
        best = run.best()
        checkpoint.prune(run.checkpoints, 1, protect=[best.name])
    assert run.load().seen == 5000 and Run(run.path / "best").load().seen == 3000
    assert Run(run.path / "best").path == run.path
    assert not Run(tmp_path / "best").exists, "nothing but a run has a best checkpoint"


def test_a_player_without_norms_has_no_statistics():
    game, _ = start("ring-gan")
    game.generator = Player(game.generator.net, adam(), 1e-3, 10)
    net = standing_statistics(1, 4)(game, 1.0)
    z = torch.randn(3, 8)
    assert torch.equal(net(z), game.generator.eval_net(z))
