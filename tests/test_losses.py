"""Losses: values, gradients and optima that can be worked out by hand."""

from math import log

import pytest
import torch
from torch import nn
from torch.nn.functional import kl_div, softplus

from cardigan.losses import (
    CENTRED_SQUARES,
    HINGE,
    LEAST_SQUARES,
    LOSSES,
    MINIMAX,
    NON_SATURATING,
    WASSERSTEIN,
    least_squares,
    relativistic,
    relativistic_average,
    smoothed,
)

CENTRED = least_squares(-1, 1, 0)
ALL = LOSSES | {
    "least-squares, centred": CENTRED,
    "smoothed": smoothed(NON_SATURATING, 0.9),
    "relativistic": relativistic(NON_SATURATING),
    "relativistic average": relativistic_average(NON_SATURATING),
    "relativistic average least-squares": relativistic_average(CENTRED),
    "relativistic average squares": relativistic_average(CENTRED_SQUARES),
    "relativistic average hinge": relativistic_average(HINGE),
}
every_loss = pytest.mark.parametrize("loss", ALL.values(), ids=ALL.keys())
PAIRED = [name for name, loss in ALL.items() if loss.paired]


@pytest.mark.parametrize(
    ("loss", "logit", "discriminator", "generator"),
    [
        (MINIMAX, 0.0, 2 * log(2), -log(2)),
        (NON_SATURATING, 0.0, 2 * log(2), log(2)),
        (WASSERSTEIN, 0.0, 0.0, 0.0),
        (HINGE, 0.0, 2.0, 0.0),
        (LEAST_SQUARES, 0.0, 0.5, 0.5),
        (LEAST_SQUARES, 0.5, 0.25, 0.125),
        (CENTRED, 0.0, 1.0, 0.0),
        (ALL["relativistic"], 3.0, log(2), log(2)),
        (ALL["relativistic average"], 3.0, log(2), log(2)),
        (ALL["relativistic average least-squares"], 3.0, 0.5, 0.5),  # least squares' own half
        (ALL["relativistic average squares"], 3.0, 1.0, 1.0),
        (ALL["relativistic average hinge"], 3.0, 1.0, 1.0),
    ],
)
def test_values_where_every_logit_is_the_same(loss, logit, discriminator, generator):
    logits = torch.full((5,), logit)
    assert loss.discriminator(logits, logits).tolist() == pytest.approx([discriminator] * 5)
    assert loss.generator(logits, logits).tolist() == pytest.approx([generator] * 5)


@pytest.mark.parametrize("probability", [1e-6, 0.01, 0.5, 0.99])
def test_gradients_of_the_generators_losses(probability):
    """By C: minimax -D, which vanishes while the discriminator wins; non-saturating -(1 - D)."""
    logit = torch.tensor(probability, dtype=torch.float64).logit().requires_grad_()
    for loss, slope in ((MINIMAX, -probability), (NON_SATURATING, probability - 1)):
        (gradient,) = torch.autograd.grad(loss.generator(logit, logit), logit)
        assert gradient.item() == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(("loss", "target"), [(LEAST_SQUARES, 1.0), (CENTRED, 0.0)])
def test_least_squares_never_saturates(loss, target):
    fake = torch.tensor([-10.0, -1.0, 3.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(loss.generator(fake, fake).mean(), fake)
    assert torch.allclose(gradient, (fake - target) / 3)


def test_relativistic_losses_compare_with_one_and_average_ones_with_the_mean():
    real, fake = torch.tensor([1.0, 4.0]), torch.tensor([0.5, -2.0])
    one, mean = relativistic(NON_SATURATING), relativistic_average(NON_SATURATING)
    assert torch.allclose(one.discriminator(real, fake), softplus(fake - real))
    assert torch.allclose(one.generator(real, fake), softplus(real - fake))
    judged = (softplus(fake.mean() - real) + softplus(fake - real.mean())) / 2
    turned = (softplus(real.mean() - fake) + softplus(real - fake.mean())) / 2
    assert torch.allclose(mean.discriminator(real, fake), judged)
    assert torch.allclose(mean.generator(real, fake), turned)


@pytest.mark.parametrize("name", PAIRED)
def test_the_generator_descends_what_the_discriminator_would_with_roles_exchanged(name):
    real, fake = torch.randn(2, 8)
    loss = ALL[name]
    assert torch.allclose(loss.generator(real, fake), loss.discriminator(fake, real))


@pytest.mark.parametrize("name", PAIRED)
def test_gradients_of_relativistic_losses_add_up_to_nothing(name):
    """A constant added to all logits is not seen: a mean that was held still would break this."""
    logits = torch.randn(2, 8, dtype=torch.float64, requires_grad=True)
    for pair in (ALL[name].discriminator, ALL[name].generator):
        (gradient,) = torch.autograd.grad(pair(*logits).mean(), logits)
        assert gradient.sum().item() == pytest.approx(0, abs=1e-12) and gradient[0].any()


def test_the_gradient_of_ralsgan():
    """dL_G / df_k = (f_k + mean f - 2 mean r - 2) / N."""
    real, fake = torch.randn(2, 8, dtype=torch.float64, requires_grad=True)
    loss = ALL["relativistic average squares"].generator(real, fake).mean()
    (gradient,) = torch.autograd.grad(loss, fake)
    assert torch.allclose(gradient, (fake + fake.mean() - 2 * real.mean() - 2) / 8)


def test_rasgan_and_rahinge_as_the_paper_writes_them():
    real, fake = torch.randn(2, 8, dtype=torch.float64)
    up, down = real - fake.mean(), fake - real.mean()
    for name, of_real, of_fake in (
        ("relativistic average", softplus(-up), softplus(down)),
        ("relativistic average squares", (up - 1) ** 2, (down + 1) ** 2),
        ("relativistic average hinge", (1 - up).relu(), (1 + down).relu()),
    ):
        halved = (of_real.mean() + of_fake.mean()) / 2
        assert torch.allclose(ALL[name].discriminator(real, fake).mean(), halved)


def test_of_one_pair_the_average_is_the_other():
    real, fake = torch.randn(2, 1)
    one, mean = ALL["relativistic"], ALL["relativistic average"]
    assert torch.allclose(one.discriminator(real, fake), mean.discriminator(real, fake))


def test_a_relativistic_wasserstein_loss_is_wassersteins():
    real, fake = torch.randn(2, 8)
    found = relativistic(WASSERSTEIN).discriminator(real, fake)
    assert torch.allclose(found, WASSERSTEIN.discriminator(real, fake))


@every_loss
def test_one_value_per_logit_whatever_the_shape(loss):
    real, fake = torch.randn(2, 4, 3, 2)
    assert loss.discriminator(real, fake).shape == loss.generator(real, fake).shape == real.shape


@every_loss
def test_the_order_of_the_batch_does_not_matter(loss):
    real, fake = torch.randn(2, 16, dtype=torch.float64)
    order = torch.randperm(16)
    for pair in (loss.discriminator, loss.generator):
        assert torch.allclose(pair(real[order], fake[order]), pair(real, fake)[order])


@pytest.mark.parametrize("name", ["wasserstein", *PAIRED])
def test_a_constant_added_to_the_critic_is_not_seen(name):
    real, fake = torch.randn(2, 16, dtype=torch.float64)
    pair = ALL[name].discriminator
    assert torch.allclose(pair(real + 5, fake + 5), pair(real, fake))


@every_loss
@pytest.mark.parametrize(("real", "fake"), [(1e4, -1e4), (-1e4, 1e4), (1e4, 1e4), (-1e4, -1e4)])
def test_nothing_overflows(loss, real, fake):
    logits = torch.tensor([[real] * 3, [fake] * 3], requires_grad=True)
    for pair in (loss.discriminator, loss.generator):
        values = pair(*logits)
        (gradient,) = torch.autograd.grad(values.sum(), logits)
        assert values.isfinite().all() and gradient.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_only_paired_losses_of_the_generator_look_at_reals(name):
    real, other, fake = torch.randn(3, 8)
    same = torch.equal(ALL[name].generator(real, fake), ALL[name].generator(other, fake))
    assert same != ALL[name].paired


@every_loss
def test_a_small_step_of_the_discriminator_tells_reals_from_fakes(loss):
    critic = _critic(bias=0)
    real, fake = torch.randn(2, 32, 2, dtype=torch.float64)

    def margin():
        return (critic(real).mean() - critic(fake).mean()).item()

    before = margin()
    _descend(loss.discriminator(critic(real), critic(fake)).mean(), critic)
    assert margin() > before


@every_loss
def test_a_small_step_of_the_generator_pleases_the_discriminator(loss):
    critic, generator = _critic(bias=-2), nn.Linear(2, 2).double()  # below what G pulls it to
    real, z = torch.randn(2, 32, 2, dtype=torch.float64)
    before = critic(generator(z)).mean().item()
    _descend(loss.generator(critic(real), critic(generator(z))).mean(), generator)
    assert critic(generator(z)).mean().item() > before


def _critic(bias):
    last = nn.Linear(8, 1)
    nn.init.constant_(last.bias, bias)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), last, nn.Flatten(0)).double()


def _descend(loss, net, lr=1e-3):
    with torch.no_grad():
        parameters = list(net.parameters())
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p -= lr * gradient


# ------------------------------------------------------------- optima, on seven atoms of mass p, q


@pytest.fixture
def masses():
    """The laws of the data and of the generator."""
    return torch.randn(2, 7, dtype=torch.float64).softmax(1)


def expected(pair, logits, p, q):
    """E pair(C(x), C(y)) for x ~ p and y ~ q, atom by atom."""
    real, fake = logits[:, None].expand(7, 7), logits[None].expand(7, 7)
    return torch.einsum("i,j,ij->", p, q, pair(real, fake))


def best(loss, p, q):
    """The logits that minimise the discriminator's loss, one an atom."""
    logits = torch.zeros(7, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        value = expected(loss.discriminator, logits, p, q)
        value.backward()
        return value

    optimizer.step(closure)
    return logits.detach()


def kl(p, q):
    return kl_div(q.log(), p, reduction="sum")


def jsd(p, q):
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def test_the_best_discriminator(masses):
    """D* = p / (p + q), where -loss is -ln 4 + 2 JSD."""
    p, q = masses
    logits = best(MINIMAX, p, q)
    assert torch.allclose(logits.sigmoid(), p / (p + q), atol=1e-6)
    value = -expected(MINIMAX.discriminator, logits, p, q)
    assert value.item() == pytest.approx((-log(4) + 2 * jsd(p, q)).item(), abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0, 1), (-1, 1), (0.2, 0.7)])
def test_the_best_discriminator_of_least_squares(masses, a, b):
    p, q = masses
    logits = best(least_squares(a, b, b), p, q)
    assert torch.allclose(logits, (b * p + a * q) / (p + q), atol=1e-6)


@pytest.mark.parametrize("target", [0.9, 0.75])
def test_the_best_discriminator_under_label_smoothing(masses, target):
    p, q = masses
    logits = best(smoothed(MINIMAX, target), p, q)
    assert torch.allclose(logits.sigmoid(), target * p / (p + q), atol=1e-6)


def test_label_smoothing_at_masses_of_0_3_and_0_2():
    logit = torch.tensor(0.54, dtype=torch.float64).logit().requires_grad_()
    pair = smoothed(MINIMAX, 0.9).discriminator
    zero = torch.zeros_like(logit)
    loss = 0.3 * (pair(logit, zero) - pair(zero, zero)) + 0.2 * pair(zero, logit)
    (gradient,) = torch.autograd.grad(loss, logit)
    assert gradient.item() == pytest.approx(0, abs=1e-12)


def test_label_smoothing_leaves_the_generator_alone():
    assert smoothed(NON_SATURATING).generator is NON_SATURATING.generator


@pytest.mark.parametrize(
    ("loss", "divergence"),
    [
        (MINIMAX, lambda p, q: 2 * jsd(p, q)),
        (NON_SATURATING, lambda p, q: kl(q, p) - 2 * jsd(p, q)),
    ],
    ids=["minimax: 2 JSD", "non-saturating: KL - 2 JSD"],
)
def test_what_the_generator_descends_against_the_best_discriminator(masses, loss, divergence):
    p, q = masses
    theta = q.log().requires_grad_()
    logits = (p / q).log()  # of the best discriminator, which is held still
    descended = expected(loss.generator, logits, p, theta.softmax(0))
    (gradient,) = torch.autograd.grad(descended, theta)
    (wanted,) = torch.autograd.grad(divergence(p, theta.softmax(0)), theta)
    assert wanted.abs().max() > 1e-3
    assert torch.allclose(gradient, wanted, atol=1e-12)


def test_the_centred_least_squares_game_descends_pearsons_divergence(masses):
    """With the term that the generator does not touch, 2 L_G = chi-square(p + q || 2 q)."""
    p, q = masses
    logits = best(CENTRED, p, q)
    value = expected(CENTRED.generator, logits, p, q) + (p * logits**2 / 2).sum()
    pearson = ((p + q - 2 * q) ** 2 / (p + q)).sum()
    assert 2 * value.item() == pytest.approx(pearson.item(), rel=1e-6)
