"""Semi-supervised games: closed forms of their losses, their data, and that they learn."""

import math
from dataclasses import replace

import pytest
import torch
from small import SMALL, toy
from torch.nn.functional import cross_entropy, softplus

from cardigan.data.dataset import Dataset
from cardigan.data.stream import as_floats
from cardigan.data.subset import balanced, labelled, numbered
from cardigan.errors import UserError
from cardigan.game import Player
from cardigan.games import FORMS, Ensemble
from cardigan.games.ensembling import hold
from cardigan.games.heads import (
    Judgement,
    Seen,
    apart,
    classified,
    fake_class,
    fixed_fake,
    together,
)
from cardigan.games.semi_supervised import blend, feature_matching
from cardigan.nets.classifying import ConvolutionalClassifier, DenseClassifier, GaussianNoise
from cardigan.nets.dcgan import Discriminator
from cardigan.optimizers import adam
from cardigan.randomness import generator
from cardigan.recipes import RECIPES
from cardigan.schedule import rampup
from cardigan.train import Hook, train

CPU = torch.device("cpu")
K = 10
LABEL = torch.arange(K)


def outputs(more: int = 0) -> torch.Tensor:
    return 3 * torch.randn(K, K + more, dtype=torch.float64, generator=generator(7))


# ------------------------------------------------------------------------- a softmax that judges


def test_a_fake_class_at_zero_is_a_fixed_fake():
    logits = outputs()
    padded = fake_class(torch.cat([logits, torch.zeros(K, 1)], 1))
    for a, b in zip(padded, fixed_fake(logits), strict=True):
        torch.testing.assert_close(a, b)


def test_a_fake_class_is_the_softmax_over_all():
    out = outputs(more=1)
    judged, law = fake_class(out), out.softmax(1)
    form = FORMS["fake-class"]
    torch.testing.assert_close(
        form.supervised(judged, LABEL), cross_entropy(out, LABEL, reduction="none")
    )
    torch.testing.assert_close(softplus(-judged.real), -(1 - law[:, -1]).log())
    torch.testing.assert_close(softplus(judged.real), -law[:, -1].log())


def test_the_discriminator_is_z_over_z_plus_one():
    logits = outputs()
    z = logits.exp().sum(1)
    torch.testing.assert_close(fixed_fake(logits).real.sigmoid(), z / (z + 1))


@pytest.mark.parametrize(
    ("form", "supervised", "real"),
    [
        ("fake-class", math.log(K + 1), K / (K + 1)),
        ("fixed-fake", math.log(K), K / (K + 1)),
        ("two-heads", math.log(K), 1 / 2),
    ],
)
def test_outputs_of_zero_know_nothing(form, supervised, real):
    form = FORMS[form]
    judged = form.judge(torch.zeros(K, K + form.more))
    torch.testing.assert_close(form.supervised(judged, LABEL), torch.full((K,), supervised))
    torch.testing.assert_close(judged.real.sigmoid(), torch.full((K,), real))


@pytest.mark.parametrize("form", ["fake-class", "fixed-fake"])
def test_a_number_added_to_all_classes_tells_real_from_fake_and_no_class(form):
    out = outputs(FORMS[form].more)
    raised = out.clone()
    raised[:, :K] += 2
    before, after = FORMS[form].judge(out), FORMS[form].judge(raised)
    torch.testing.assert_close(after.real, before.real + 2)
    torch.testing.assert_close(after.classes.softmax(1), before.classes.softmax(1))


def test_an_unlabelled_image_pulls_at_its_likely_classes():
    """The gradient of -log(1 - p_FAKE) is -p_FAKE q_k for class k and p_FAKE for FAKE."""
    out = outputs(more=1).requires_grad_()
    judged = fake_class(out)
    softplus(-judged.real).sum().backward()
    fake = out.detach().softmax(1)[:, -1:]
    law = torch.cat([-judged.classes.detach().softmax(1), torch.ones(K, 1)], 1)
    torch.testing.assert_close(out.grad, fake * law)


def test_two_heads_teach_each_its_own_outputs():
    out = outputs(more=1).requires_grad_()
    form = FORMS["two-heads"]
    judged = form.judge(out)
    (of_class,) = torch.autograd.grad(form.supervised(judged, LABEL).sum(), out, retain_graph=True)
    (of_real,) = torch.autograd.grad(softplus(-judged.real).sum(), out)
    assert not of_class[:, -1].any() and not of_real[:, :-1].any()
    assert (of_class.gather(1, LABEL[:, None]) < 0).all() and (of_real[:, -1] < 0).all()


# ------------------------------------------------------------------------------ feature matching


def seen(features: torch.Tensor) -> Seen:
    return Seen(Judgement(features, features[:, 0]), features)


def test_feature_matching_compares_means():
    real, fake = torch.tensor([[0.0, 4.0], [2.0, 0.0]]), torch.tensor([[1.0, 5.0], [1.0, 3.0]])
    assert feature_matching(seen(real), seen(fake)).tolist() == [0.0, 4.0]
    assert feature_matching(seen(real), seen(real.flip(0))).tolist() == [0.0, 0.0]


def test_feature_matching_moves_fakes_alone_and_towards_the_reals():
    real, fake = torch.ones(4, 3, requires_grad=True), torch.zeros(4, 3, requires_grad=True)
    feature_matching(seen(real), seen(fake)).mean().backward()
    assert real.grad is None and fake.grad is not None and (fake.grad < 0).all()


# -------------------------------------------------------------------------------- distorted reals


def test_blends_lie_between_neighbours_and_harder_ones_nearer_to_the_real():
    real = torch.randn(4, 1, 2, 2)
    torch.testing.assert_close(blend(0.5)(real), (real + real.roll(1, 0)) / 2)
    torch.testing.assert_close(blend(0.1)(real), 0.9 * real + 0.1 * real.roll(1, 0))
    hard, easy = ((blend(s)(real) - real).square().sum() for s in (0.1, 0.4))
    assert easy == pytest.approx(16 * hard.item())


def test_distorted_reals_are_half_of_the_fakes():
    form, logits = FORMS["fixed-fake"], outputs()
    view = Seen(form.judge(logits), logits)
    other = Seen(form.judge(-logits), logits)
    recipe = replace(SMALL["feature-matching"], distorted=0.25)  # pyright: ignore
    game = recipe.game()
    plain, log = game.discriminator_loss([view, view, view], LABEL)  # pyright: ignore
    same, _ = game.discriminator_loss([view, view, view, view], LABEL)  # pyright: ignore
    half, more = game.discriminator_loss([view, view, view, other], LABEL)  # pyright: ignore
    torch.testing.assert_close(same, plain)
    on_fakes = [softplus(seen.judged.real) for seen in (view, other)]
    torch.testing.assert_close(half - plain, game.weight * (on_fakes[1] - on_fakes[0]) / 2)
    assert {*more} - {*log} == {"distorted"}


def test_a_distorted_real_is_a_fake_that_is_told_from_reals():
    recipe = replace(SMALL["feature-matching"], classes=4, labels=8, distorted=0.5)  # pyright: ignore
    game, data, logs = recipe.game(), corners(recipe), []
    train(
        game, recipe.stream(data, CPU), 40 * 16, hooks=[Hook(16, lambda _, log: logs.append(log))]
    )
    gap = [(log["real"] - log["distorted"]).item() for log in logs]
    assert sum(gap[-10:]) > sum(gap[:10])
    with pytest.raises(UserError, match="distorted must lie in .0, 0.5., got 0.7"):
        replace(recipe, distorted=0.7).checked()


# ----------------------------------------------------------------------------------- an ensemble


def test_targets_are_the_papers():
    """Z <- a Z + (1 - a) z over epochs, target Z / (1 - a^t)."""
    ensemble, decay = Ensemble(5, K, lambda seen: 1.0, decay=0.6), 0.6
    number, total = torch.tensor([4, 1]), torch.zeros(2, K)
    for epoch in range(4):
        logits = torch.randn(2, K)
        if epoch:
            target = total / (1 - decay**epoch)
            expected = (logits.softmax(1) - target).square().mean(1)
            torch.testing.assert_close(ensemble.loss(logits, number, 0), expected)
        ensemble.learn(*ensemble.change(logits, number))
        total = decay * total + (1 - decay) * logits.softmax(1)
    assert not ensemble.means[[0, 2, 3]].any()


def test_an_image_that_was_never_seen_costs_nothing():
    ensemble = Ensemble(3, K, lambda seen: 30.0)
    logits = torch.randn(3, K, requires_grad=True)
    loss = ensemble.loss(logits, torch.arange(3), 0)
    loss.sum().backward()
    assert not loss.any() and logits.grad is not None and not logits.grad.any()


def test_predictions_are_pulled_to_the_earlier_ones_by_a_weight_of_the_clock():
    ensemble = Ensemble(1, 2, lambda seen: float(seen))
    number = torch.tensor([0])
    ensemble.learn(*ensemble.change(torch.tensor([[5.0, -5.0]]), number))
    logits = torch.zeros(1, 2, requires_grad=True)
    one, two = (ensemble.loss(logits, number, clock) for clock in (1, 2))
    one.sum().backward()
    assert logits.grad is not None and logits.grad[0, 0] < 0 < logits.grad[0, 1]
    assert torch.equal(two, 2 * one)


def test_an_image_that_comes_twice_counts_twice():
    ensemble = Ensemble(1, 2, lambda seen: 1.0, decay=0.6)
    logits = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    ensemble.learn(*ensemble.change(logits, torch.tensor([0, 0])))
    torch.testing.assert_close(ensemble.means, torch.tensor([[0.4, 0.4]]))


def test_what_is_held_is_learnt_after_the_move_and_without_an_ensemble_nothing_is():
    ensemble = Ensemble(1, 2, lambda seen: 1.0)
    _, learn = hold(ensemble, torch.zeros(1, 2), torch.tensor([0]), 0)
    assert not ensemble.means.any()
    learn()
    assert ensemble.means.all()
    term, learn = hold(None, torch.zeros(1, 2), torch.tensor([0]), 0)
    assert term == 0 and learn() is None


def test_the_weight_rises_along_a_gaussian():
    weight = rampup(30.0, over=100)
    assert weight(0) == pytest.approx(30 * math.exp(-5))
    assert weight(50) == pytest.approx(30 * math.exp(-1.25))
    assert weight(100) == weight(10**9) == 30


# ---------------------------------------------------------------------------------------- labels


def five_classes(n: int = 100) -> Dataset:
    return Dataset("five", torch.arange(n)[:, None], torch.arange(n) % 5, tuple("abcde"))


def test_labelled_images_are_balanced_and_fixed_by_the_seed():
    data = five_classes()
    part = labelled(data, 20, seed=3)
    assert part.labels is not None and part.labels.bincount().tolist() == [4] * 5
    assert torch.equal(part.images[:, 0] % 5, part.labels) and len(part.images.unique()) == 20
    assert torch.equal(labelled(data, 20, seed=3).images, part.images)
    assert not torch.equal(labelled(data, 20, seed=4).images, part.images)
    assert labelled(data, 0) is data


def test_what_does_not_divide_goes_to_classes_that_the_seed_draws():
    data = five_classes()
    for seed in range(3):
        chosen = data.images[balanced(data.labels, 7, seed), 0] % 5  # pyright: ignore
        assert sorted(chosen.bincount().tolist()) == [1, 1, 1, 2, 2]


def test_too_few_images_or_no_labels_are_told():
    data = five_classes(10)
    with pytest.raises(UserError, match="3 images of class 0 for 15 labels, got 2"):
        labelled(data, 15)
    with pytest.raises(UserError, match="whose classes are known, got five"):
        labelled(replace(data, labels=None), 5)


def test_unlabelled_images_are_told_apart_by_number():
    data = numbered(five_classes())
    assert torch.equal(data.labels, torch.arange(100)) and not data.classes  # pyright: ignore


@pytest.mark.parametrize("name", ["sgan", "classifier"])
def test_the_stream_tells_the_labels_of_the_chosen_alone(name):
    recipe = SMALL[name]
    data = toy(recipe)
    stream = recipe.stream(data, CPU)
    part = labelled(data, recipe.labels, recipe.label_seed)  # pyright: ignore
    rows = {bytes(image.numpy().tobytes()) for image in part.images}
    for _, drawn in zip(range(4), stream, strict=False):
        first, few = drawn["first"], drawn["labelled"]  # pyright: ignore
        assert torch.equal(as_floats(data.images[first.label]), first.image)
        back = ((few.image + 1) * 127.5).round().byte().contiguous()
        assert all(bytes(image.numpy().tobytes()) in rows for image in back)
        assert len(few.image) == len(first.image)


def test_recipes_take_classes_and_images_from_the_data():
    recipe = RECIPES["temporal-ensembling"].fitted()
    assert (recipe.classes, recipe.ensemble_images) == (10, 10_000)  # pyright: ignore
    with pytest.raises(UserError, match="data with 7 classes"):
        replace(RECIPES["sgan"], classes=7).fitted()
    with pytest.raises(UserError, match="labels must be 0 or one a class, 10"):
        replace(recipe, labels=9).checked()
    short = replace(SMALL["temporal-ensembling"], ensemble_images=3)
    with pytest.raises(UserError, match="ensemble_images of 256"):
        short.stream(toy(short), CPU)


# -------------------------------------------------------------------------------------- networks

NETS = {
    "convolutional": lambda: ConvolutionalClassifier((1, 28, 28), 4, 11),
    "dense": lambda: DenseClassifier((1, 28, 28), 11),
}


@pytest.mark.parametrize(("name", "features"), [("convolutional", 64), ("dense", 250)])
def test_classifiers_give_outputs_and_features(name, features):
    out, seen = NETS[name]()(torch.randn(3, 1, 28, 28), None)
    assert out.shape == (3, 11) and seen.shape == (3, features)


def test_the_convolutional_classifier_is_dcgans_discriminator_with_more_outputs():
    mine, theirs = NETS["convolutional"](), Discriminator(28, 1, 4)
    count = [sum(p.numel() for p in net.parameters()) for net in (mine, theirs)]
    assert count[0] == count[1] + 10 * 64 + 11


def test_noise_is_for_training():
    noise, x = GaussianNoise(0.5), torch.zeros(10_000)
    assert noise(x).std() == pytest.approx(0.5, rel=0.03)
    assert torch.equal(noise.eval()(x), x)


def test_classes_do_not_depend_on_the_batch():
    player = Player(NETS["convolutional"](), adam(), 1e-3)
    images = torch.randn(300, 1, 28, 28)
    whole = classified(player, fixed_fake, images)
    assert whole.shape == (300, 11) and not whole.requires_grad
    torch.testing.assert_close(whole[255:257], classified(player, fixed_fake, images[255:257]))


# -------------------------------------------------------------------------------------- learning


def corners(recipe, n: int = 256) -> Dataset:
    """A bright square in one of four corners, on noise: its corner is its class."""
    draw, half = generator(5), recipe.size // 2
    images = torch.randint(0, 120, (n, recipe.channels, recipe.size, recipe.size), generator=draw)
    label = torch.arange(n) % 4
    for i, k in enumerate(label.tolist()):
        top, left = half * (k // 2), half * (k % 2)
        images[i, :, top : top + half, left : left + half] += 100
    return Dataset("corners", images.byte(), label, tuple("abcd"))


FEW = [name for name in SMALL if "classify" in RECIPES[name].can]


@pytest.mark.parametrize("name", FEW)
def test_few_labels_teach_to_classify(name):
    recipe = replace(SMALL[name], classes=4, labels=8)
    game, data = recipe.game(), corners(recipe)
    train(game, recipe.stream(data, CPU), 40 * 16)
    told = game.classify(as_floats(data.images)).argmax(1)  # pyright: ignore
    assert (told == data.labels).double().mean() > 0.9


def test_batch_norm_sees_each_batch_alone_or_all_of_them():
    torch.manual_seed(0)
    net = ConvolutionalClassifier((1, 16, 16), 2, 3, noise=0.0, dropout=0.0)
    real, fake = torch.randn(2, 6, 1, 16, 16) + torch.tensor([0.0, 3.0])[:, None, None, None, None]
    alone = [net(part, None)[1] for part in (real, fake)]
    mixed = net(torch.cat([real, fake]), None)[1].split(6)
    for look, features in ((apart, alone), (together, mixed)):
        seen = [seen.features for seen in look(net, fixed_fake, real, fake)]
        assert all(map(torch.equal, seen, features))
    assert not torch.allclose(alone[0], mixed[0], rtol=0.1)


@pytest.mark.parametrize(
    ("name", "look"), [("sgan", apart), ("sgan-two-heads", apart), ("feature-matching", together)]
)
def test_means_are_matched_under_common_statistics_alone(name, look):
    assert SMALL[name].game().look is look
