"""What slopes cost: closed forms, who pays, when, and in which precision."""

import cmath
import math

import pytest
import torch
from small import SMALL, start
from torch import nn
from torch.optim import SGD

from cardigan import games, penalties
from cardigan.augment import instance_noise, unchanged
from cardigan.data.stream import Batch
from cardigan.device import bfloat16
from cardigan.game import Player, backward
from cardigan.games.gan import feature_matching
from cardigan.games.turns import discriminator_loss
from cardigan.losses import MINIMAX, WASSERSTEIN, AdversarialLoss, relativistic
from cardigan.nets.layers import MinibatchDeviation
from cardigan.penalties import PENALTIES, Judged, dragan, r1, r2, roth, slopes, unit_slope
from cardigan.schedule import constant, exponential, linear
from cardigan.train import play

N, D = 5, 6
every_penalty = pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES.keys())
ON_SLOPE_ONE = pytest.mark.parametrize("make", [unit_slope, dragan])
CPU = torch.device("cpu")


def samples():
    return torch.randn(2, N, 2, 3, dtype=torch.float64)


def paid(penalty, judge, real, fake, seen=0):
    return penalty(Judged(judge, real), Judged(judge, fake), seen)


@pytest.fixture
def w():
    return torch.randn(D, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def linear_judge(w):
    return lambda x: x.flatten(1) @ w + 0.3


# ---------------------------------------------------------------------------------- closed forms


@ON_SLOPE_ONE
def test_a_linear_discriminator_pays_what_its_norm_differs_from_one(make, w, linear_judge):
    """(|w| - 1)^2 for any data, of gradient 2 lambda (|w| - 1) w / |w|."""
    cost = paid(make(7.0), linear_judge, *samples())
    assert torch.allclose(cost, (7 * (w.norm() - 1) ** 2).expand(N))
    (gradient,) = torch.autograd.grad(cost.mean(), w)
    assert torch.allclose(gradient, 14 * (w.norm() - 1) * w / w.norm())


@pytest.mark.parametrize("make", [r1, r2])
def test_a_linear_discriminator_pays_half_gamma_times_its_squared_norm(make, w, linear_judge):
    cost = paid(make(7.0), linear_judge, *samples())
    assert torch.allclose(cost, (3.5 * w.square().sum()).expand(N))
    (gradient,) = torch.autograd.grad(cost.mean(), w)
    assert torch.allclose(gradient, 7 * w)


@pytest.mark.parametrize(("make", "which"), [(r1, 0), (r2, 1)])
def test_a_quadratic_discriminator_pays_where_it_should(make, which):
    """C = x'Ax / 2 with A symmetric: gamma / 2 |Ax|^2, of reals for R1 and of fakes for R2."""
    half = torch.randn(D, D, dtype=torch.float64)
    a, x = half + half.T, samples()

    def judge(x):
        return ((x.flatten(1) @ a) * x.flatten(1)).sum(1) / 2

    cost = paid(make(3.0), judge, *x)
    assert torch.allclose(cost, 1.5 * (x[which].flatten(1) @ a).square().sum(1))
    assert torch.allclose(cost, paid(make(3.0), lambda x: judge(x) + 4, *x))


def test_roth_weighs_slopes_by_how_wrong_the_discriminator_is(w):
    """(1 - D(x))^2 |w|^2 + D(G(z))^2 |w|^2, and D is part of what is descended."""
    real, fake = samples()

    def judge(x):
        return x.flatten(1) @ w

    cost = paid(roth(3.0), judge, real, fake)
    squares = (1 - judge(real).sigmoid()) ** 2 + judge(fake).sigmoid() ** 2
    explicit = 1.5 * squares * w.square().sum()
    assert torch.allclose(cost, explicit)
    gradients = (torch.autograd.grad(c.mean(), w, retain_graph=True)[0] for c in (cost, explicit))
    assert torch.allclose(*gradients)


def test_roth_where_the_discriminator_does_not_know_and_where_it_does(w):
    """At logits of 0: |w|^2 / 2, a quarter of R1 and R2; sure of itself, it pays nothing."""
    flat = torch.zeros(N, D, dtype=torch.float64)
    at_zero = paid(roth(2.0), lambda x: x @ w, flat, flat)
    assert torch.allclose(at_zero, (w.square().sum() / 2).expand(N))
    both = paid(r1(2.0), lambda x: x @ w, flat, flat) + paid(r2(2.0), lambda x: x @ w, flat, flat)
    assert torch.allclose(at_zero, both / 4)
    sure = w.detach() / w.norm().item() ** 2 * 60
    assert (paid(roth(2.0), lambda x: x @ w, flat + sure, flat - sure) < 1e-40).all()


def test_roth_of_a_discriminator_that_says_the_same_of_all_is_nothing():
    cost = paid(roth(), lambda x: x.flatten(1).sum(1) * 0 + 3, *samples())
    assert not cost.any()


def test_a_probability_would_pay_less_than_its_logit():
    """With logits of 0 the slope of D = sigmoid(C) is |w| / 4: penalties are for logits."""
    w, flat = torch.ones(4), torch.zeros(3, 4)
    on_logits = paid(dragan(1.0), lambda x: x @ w * 4 * (x == x).all(), flat, flat)
    on_shares = paid(dragan(1.0), lambda x: (x @ w * 4).sigmoid(), flat, flat)
    assert torch.allclose(on_logits, torch.full((3,), 49.0))
    assert torch.allclose(on_shares, torch.full((3,), 1.0))


@every_penalty
def test_each_sample_has_a_norm_of_its_own(make):
    """Over all its values, and not over the channels alone or over the batch."""
    slope = torch.tensor([1.0, 2.0, 0.0, 5.0], dtype=torch.float64)

    def judge(x):  # sample i has slope[i] in each of its six values
        return (slope * x.flatten(1).sum(1)) * 1.0

    x = torch.zeros(2, 4, 2, 3, dtype=torch.float64)
    cost = paid(make(1.0), judge, *x)
    norms = slope * math.sqrt(6)
    expected = {
        unit_slope: (norms - 1) ** 2, dragan: (norms - 1) ** 2,
        r1: norms**2 / 2, r2: norms**2 / 2, roth: norms**2 / 4,
    }[make]  # fmt: skip
    assert torch.allclose(cost, expected)


@ON_SLOPE_ONE
def test_where_the_slope_is_nothing_the_gradient_is_finite(make):
    w = torch.zeros(D, dtype=torch.float64, requires_grad=True)
    cost = paid(make(1.0), lambda x: x.flatten(1) @ w, *samples())
    (gradient,) = torch.autograd.grad(cost.mean(), w)
    assert torch.allclose(cost, torch.ones_like(cost)) and gradient.isfinite().all()


def test_the_best_linear_critic_of_wgan_gp():
    """w = (1 + |m| / (2 lambda)) m / |m|, the loss -|m| - |m|^2 / (4 lambda), m their distance."""
    apart, weight = torch.tensor([0.6, -0.8], dtype=torch.float64), 0.5
    fake = torch.randn(64, 2, dtype=torch.float64)
    w = torch.tensor([0.3, 0.3], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.02)
    for _ in range(600):
        optimizer.zero_grad()
        loss = (-(apart @ w) + paid(unit_slope(weight), lambda x: x @ w, fake, fake)).mean()
        loss.backward()
        optimizer.step()
    assert torch.allclose(w, 2 * apart, atol=1e-3)
    assert loss.item() == pytest.approx(-1 - 1 / (4 * weight), abs=1e-4)


def test_a_linear_critics_bias_costs_nothing_and_so_do_the_biases_of_a_relu_critic():
    net = nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0)).double()
    cost = paid(unit_slope(), net, *torch.randn(2, N, D, dtype=torch.float64)).mean()
    grads = torch.autograd.grad(cost, list(net.parameters()), allow_unused=True)
    felt = {
        name: g is not None and bool(g.any())
        for (name, _), g in zip(net.named_parameters(), grads, strict=True)
    }
    assert felt == {"0.weight": True, "0.bias": False, "2.weight": True, "2.bias": False}


# ------------------------------------------------------------------------------------- where


def points(make, real, fake):
    """Where a penalty takes the slope."""
    seen = []

    def judge(x):
        seen.append(x.detach())
        return x.flatten(1).sum(1)

    make(1.0)(Judged(judge, real), Judged(judge, fake), 0)
    return seen


def test_interpolates_lie_between_a_real_and_its_fake_at_one_place_a_sample():
    real, fake = samples()
    (between,) = points(unit_slope, real, fake)
    share = (between - fake) / (real - fake)
    assert torch.allclose(share, share[:, :1, :1].expand_as(share)) and (share.std(0) > 0).all()
    assert (share >= 0).all() and (share <= 1).all()


def test_dragan_looks_near_reals_and_never_at_fakes():
    real, fake = samples()
    torch.manual_seed(1)
    (near,) = points(dragan, real, fake)
    torch.manual_seed(1)
    assert torch.equal(points(dragan, real, fake * 9)[0], near)
    assert (near >= real).all() and (near <= real + real.std() / 2).all() and (near > real).any()


@pytest.mark.parametrize("make", [r1, r2, roth])
def test_what_was_judged_is_not_judged_again(make):
    real, fake = samples()
    asked = []

    def judge(x):
        asked.append(x)
        return x.flatten(1).square().sum(1)

    reals, fakes = Judged(judge, real), Judged(judge, fake)
    make(1.0)(reals, fakes, 0)
    assert reals.logits.shape == fakes.logits.shape == (N,) and len(asked) == 2


def test_judging_reaches_nobody_who_made_the_sample():
    made = torch.randn(3, 2, requires_grad=True)
    on = Judged(lambda x: x.square().sum(1), made * 2)
    assert on.x.is_leaf and torch.allclose(slopes(on), 4 * made)


@every_penalty
def test_weights_may_fall_with_the_images_seen(make, linear_judge):
    x = samples()
    torch.manual_seed(0)
    now = paid(make(8.0), linear_judge, *x)
    for seen, share in ((0, 1), (100, 1 / 2), (300, 1 / 8)):
        torch.manual_seed(0)
        later = paid(make(exponential(8.0, 100)), linear_judge, *x, seen)
        assert torch.allclose(later, share * now)


# --------------------------------------------------------------------------------- in the game


class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))

    def forward(self, x, label=None):
        return self.net(x).squeeze(1) if self.net[2].out_features == 1 else self.net(x)

    def features(self, x):
        return self.net[:2](x)


def gan(**settings):
    torch.manual_seed(3)
    return games.GAN(
        Player(Net(3, 2), SGD, 0.01),
        Player(Net(2, 1), SGD, 0.02),
        lambda n, device: torch.randn(n, 3),
        **settings,
    )


def batch():
    return torch.randn(4, 2), torch.randn(4, 2)


@every_penalty
def test_a_penalty_reaches_every_weight_of_the_discriminator_and_none_of_the_generator(make):
    game = gan(penalties=[make()], loss=AdversarialLoss(lambda r, f: 0 * r, lambda r, f: f))
    real, fake = torch.randn(4, 2), game.generator(torch.randn(4, 3))
    loss, log = discriminator_loss(game, real, fake, None)
    loss.mean().backward()
    assert all(p.grad is None for p in game.generator.parameters())
    for name, p in game.discriminator.net.named_parameters():
        slope = p.grad is not None and bool(p.grad.any())
        assert slope == (name != "net.2.bias" or make is roth), name
    assert torch.equal(log["penalty"], loss.mean())


@every_penalty
def test_paying_every_third_round_three_times_is_paying_once_a_round(make):
    real, fake = batch()
    often, seldom = gan(penalties=[make()]), gan(penalties=[make()], penalty_every=3)
    plain, _ = discriminator_loss(gan(), real, fake, None)
    torch.manual_seed(0)
    once, log = discriminator_loss(often, real, fake, None)
    bills = []
    for seldom.rounds in range(6):
        torch.manual_seed(0)
        loss, seldom_log = discriminator_loss(seldom, real, fake, None)
        bills.append(loss - plain)
        assert ("penalty" in seldom_log) == (seldom.rounds % 3 == 0)
    assert torch.allclose(torch.stack(bills).mean(0), once - plain, atol=1e-6)
    assert torch.allclose(log["discriminator"] + log["penalty"], once.mean())


def test_several_penalties_add_up():
    real, fake = batch()
    plain, one, two, both = (
        discriminator_loss(gan(penalties=p), real, fake, None)[0]
        for p in ([], [r1(1.0)], [r2(1.0)], [r1(1.0), r2(1.0)])
    )
    assert torch.allclose(both - plain, (one - plain) + (two - plain), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "judged", "paid"), [("wgan-gp", 3, 1), ("r1-gan", 2, 1), ("roth-gan", 2, 2)]
)
def test_slopes_are_taken_in_the_rounds_precision_and_told_in_full(
    name, judged, paid, monkeypatch
):
    """WGAN-GP's at interpolates, R1's at reals, Roth's at reals and fakes."""
    game, stream = start(name)
    seen, told = [], []
    game.discriminator.net.net[-1].register_forward_hook(
        lambda net, x, out: seen.append(out.dtype)
    )
    monkeypatch.setattr(
        penalties, "slopes", lambda judged: told.append(slopes(judged)) or told[-1]
    )
    with bfloat16(CPU)():
        move = next(game.round(stream))
    assert seen == [torch.bfloat16] * judged
    assert [slope.dtype for slope in told] == [torch.float32] * paid
    backward(move.loss.mean(), *move.players)


def test_the_penalty_never_passes_through_a_compiled_network(monkeypatch):
    game = gan(penalties=[r1()])
    monkeypatch.setattr(game.discriminator.net, "_compiled_call_impl", None)
    called = []
    game.discriminator.net.register_forward_pre_hook(lambda *_: called.append(1))
    discriminator_loss(game, *batch(), None)
    assert not called


def test_players_that_move_at_once_pay_no_penalty():
    game = gan(penalties=[r1()], turns=games.simultaneous)
    with pytest.raises(AssertionError, match="ascend"):
        next(game.round(iter([Batch(torch.randn(4, 2))])))


# ------------------------------------------------------------------------------- view, constraint


@pytest.mark.parametrize("loss", [WASSERSTEIN, relativistic(MINIMAX)])
@pytest.mark.parametrize("penalties", [[], [r1()]])
def test_a_view_is_laid_on_reals_and_fakes_in_both_moves(loss, penalties):
    seen, looked = [], []

    def view(x, images):
        looked.append(x.detach())
        return x + images

    game = gan(loss=loss, view=view, penalties=penalties)
    game.discriminator.net.net.register_forward_pre_hook(lambda net, args: seen.append(args[0]))
    game.seen = 100
    real = torch.randn(4, 2)
    play(game, iter([Batch(real)]))
    assert len(seen) == len(looked) == (4 if loss.paired else 3)
    assert all(torch.equal(s, x + 100) for s, x in zip(seen, looked, strict=True))
    assert sum(torch.equal(x, real) for x in looked) == (2 if loss.paired else 1)
    assert game.sample(50, seed=0).abs().max() < 50


def test_feature_matching_looks_through_the_view_as_well():
    game = gan(view=lambda x, seen: x * 0, generator_loss=feature_matching)
    real, fake = batch()
    assert (game.generator_loss(game, real, fake, None) == 0).all()


def test_noise_of_deviation_s_is_new_each_time_and_ends():
    view, x = instance_noise(linear(0.5, 0, over=100)), torch.zeros(10_000)
    for seen, std in ((0, 0.5), (50, 0.25), (90, 0.05)):
        assert view(x, seen).std().item() == pytest.approx(std, rel=0.05)
    assert not torch.equal(view(x, 0), view(x, 0))
    before = torch.get_rng_state()
    assert view(x, 100) is x and unchanged(x, 0) is x
    assert torch.equal(torch.get_rng_state(), before)


def test_without_noise_a_round_is_bitwise_the_plain_one():
    real = torch.randn(4, 2)
    states = []
    for view in (unchanged, instance_noise(constant(0)), instance_noise(constant(0.1))):
        game = gan(view=view)
        torch.manual_seed(0)
        play(game, iter([Batch(real)]))
        states.append(torch.cat([p.flatten() for p in game.parameters()]))
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])


def test_weights_are_clipped_after_each_move_of_the_discriminator_and_of_nobody_else():
    game = gan(constraint=games.clip(0.01), turns=games.alternating(2), loss=WASSERSTEIN)
    turns, free = game.round(iter([Batch(torch.randn(4, 2))] * 2)), [*game.generator.parameters()]
    move, told = next(turns), {}
    for _ in range(2):
        backward(move.loss.mean(), *move.players)
        move.player.step(0)
        move = turns.send(told)
        weights = torch.cat([p.detach().flatten() for p in game.discriminator.parameters()])
        assert weights.abs().max().item() == pytest.approx(0.01)
    assert move.player is game.generator and max(p.abs().max() for p in free) > 0.1


def test_a_clipped_linear_critic_ends_at_the_bound():
    """N(0, 1) against N(theta, 1): w = -sign(theta) c, and the loss tells c |theta|."""
    critic = Player(nn.Linear(1, 1, bias=False).double(), SGD, 0.05)
    fake = torch.randn(64, 1, dtype=torch.float64)
    for theta in (-2.0, 3.0):
        for _ in range(20):
            loss = WASSERSTEIN.discriminator(critic(fake), critic(fake + theta)).mean()
            critic.backward(loss)
            critic.step(0)
            games.clip(0.1)(critic.net)
        loss = WASSERSTEIN.discriminator(critic(fake), critic(fake + theta)).mean()
        assert critic.net.weight.item() == pytest.approx(-math.copysign(0.1, theta))
        assert -loss.item() == pytest.approx(0.1 * abs(theta))


def test_the_critic_of_wgan_moves_more_often_at_first_and_every_500th_round():
    steps = games.warmed_up(5, 100)
    assert [steps(n) for n in (0, 24, 25, 26, 499, 500, 501, 1000)] == [
        100, 100, 5, 5, 5, 100, 5, 100,
    ]  # fmt: skip
    game, moved = gan(turns=games.alternating(games.warmed_up(1, 3, over=2, again=4))), []
    step = game.discriminator.step
    game.discriminator.step = lambda *a: moved.append(game.rounds) or step(*a)
    for game.rounds in range(6):
        play(game, iter([Batch(torch.randn(4, 2))] * 3))
    assert [moved.count(n) for n in range(6)] == [3, 3, 1, 1, 3, 1]


# ---------------------------------------------------------------------------- feature matching


def test_feature_matching_compares_means_and_moves_the_generator_alone():
    game = gan(generator_loss=feature_matching)
    z, real = torch.randn(4, 3), torch.randn(6, 2)
    fake, net = game.generator(z), game.discriminator.net
    loss = game.generator_loss(game, real, fake, None).mean()
    explicit = (net.features(real).mean(0) - net.features(fake).mean(0)).square().mean()
    assert torch.allclose(loss, explicit)
    weights = list(game.generator.net.parameters())
    found = torch.autograd.grad(loss, weights, retain_graph=True)
    assert all(map(torch.allclose, found, torch.autograd.grad(explicit, weights)))


def test_feature_matching_is_content_with_the_same_images_in_another_order():
    game, real = gan(generator_loss=feature_matching), torch.randn(6, 2)
    assert game.generator_loss(game, real, real.flip(0), None).max() < 1e-12


# -------------------------------------------------------------------------------- the Dirac GAN


def dirac(penalty=None, noise=0.0):
    """Eigenvalues of the field that simultaneous steps follow: reals at 0, fakes at theta.

    C(x) = psi x, both players play the minimax game, and noise is one of +-s, which has the
    moments that count (Mescheder et al. 2018, arXiv:1801.04406).
    """

    def field(state):
        theta, psi = state.unbind()
        e = noise * torch.tensor([-1.0, 1.0], dtype=torch.float64)
        loss = MINIMAX.discriminator(psi * e, psi * (theta + e)).mean()
        reals, fakes = (Judged(lambda x: psi * x.sum(1), x.view(1, 1)) for x in (0 * theta, theta))
        bill = penalty(reals, fakes, 0).sum() if penalty else 0
        (to_theta,) = torch.autograd.grad(loss, theta, create_graph=True)
        (to_psi,) = torch.autograd.grad(loss + bill, psi, create_graph=True)
        return torch.stack([to_theta, -to_psi])

    at = torch.zeros(2, dtype=torch.float64)
    return torch.linalg.eigvals(torch.autograd.functional.jacobian(field, at))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("make", [r1, r2])
def test_the_dirac_gan_converges_where_slopes_are_paid_for(make, gamma):
    """-gamma / 2 +- sqrt(gamma^2 / 4 - 1 / 4): gamma = 1 is the quickest."""
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
    assert _sorted(dirac(make(gamma))) == _near([-gamma / 2 - root, -gamma / 2 + root])


@pytest.mark.parametrize("s", [0.5, 1.0, 2.0])
def test_the_dirac_gan_converges_under_noise(s):
    """-s^2 / 4 +- sqrt(s^4 / 16 - 1 / 4)."""
    root = cmath.sqrt(s**4 / 16 - 1 / 4)
    assert _sorted(dirac(noise=s)) == _near([-(s**2) / 4 - root, -(s**2) / 4 + root])


def test_the_dirac_gan_circles_without_either():
    assert _sorted(dirac()) == _near([-0.5j, 0.5j])


def _near(values):
    return pytest.approx(_sorted(torch.tensor(values)), abs=1e-6)


def _sorted(values):
    return sorted(values.to(torch.complex128).tolist(), key=lambda v: (v.imag, v.real))


# ------------------------------------------------------------------------------------ the recipes


@pytest.mark.parametrize("name", [n for n, r in SMALL.items() if "discriminator" in vars(r)])
def test_every_discriminator_that_pays_keeps_samples_apart(name):
    """No sample changes another's logit, or its slope would not be its own."""
    game = SMALL[name].game()
    if not game.penalties:
        return
    x = torch.randn(2, *start(name)[1].dataset.images.shape[1:])
    net = game.discriminator.net
    for layer in net.modules():
        if isinstance(layer, MinibatchDeviation):
            layer.group = 1  # the one statistic of the batch that its paper has under a penalty
    assert torch.allclose(net(x)[:1], net(x[:1]), atol=1e-5)
