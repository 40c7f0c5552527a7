"""Networks that are told a class, a vector or a picture, and the games that tell them."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image
from small import SMALL, start, toy
from torch import nn

from cardigan.data.dataset import Attribute, Dataset
from cardigan.data.stream import as_floats
from cardigan.errors import UserError
from cardigan.nets import cgan, resnet
from cardigan.nets.conditional import BatchNorm, Projection, as_maps, as_vector
from cardigan.nets.spectral import plain
from cardigan.recipes import RECIPES
from cardigan.train import play, train

CLASSES = 4
LABELS = torch.tensor([2, 0, 1])
OTHERS = torch.tensor([3, 2, 0])

# ----------------------------------------------------------------------------------- projection


def test_two_labels_of_an_image_differ_by_their_embeddings_alone():
    """C(x, y) - C(x, y') = (e(y) - e(y')) . h(x), whatever w and b."""
    head, h = Projection(6, CLASSES, plain), torch.randn(3, 6)
    e = head.embedding.weight
    expected = ((e[LABELS] - e[OTHERS]) * h).sum(1)
    assert torch.allclose(head(h, LABELS) - head(h, OTHERS), expected, atol=1e-6)


def test_without_embeddings_it_is_unconditional():
    head, h = Projection(6, CLASSES, plain), torch.randn(3, 6)
    nn.init.zeros_(head.embedding.weight)
    assert torch.equal(head(h, LABELS), head.linear(h).squeeze(1))


def test_what_classes_are_called_is_of_no_account():
    """Rows of every table, permuted as the labels are."""
    order = torch.randperm(CLASSES)
    back = order.argsort()
    for make, x in (
        (partial(resnet.Generator, 5, 16, 1, 3), torch.randn(3, 5)),
        (partial(resnet.Discriminator, 16, 1, 3), torch.randn(3, 1, 16, 16)),
    ):
        net = make(classes=CLASSES).eval()
        _shake(net)
        before = net(x, LABELS)
        assert not torch.allclose(net(x, OTHERS), before, atol=1e-4)
        with torch.no_grad():
            for p in net.parameters():
                if p.ndim == 2 and len(p) == CLASSES:
                    p.copy_(p[order])
            for name, u in net.named_buffers():
                if name.endswith("u") and len(u) == CLASSES:
                    u.copy_(u[order])
        assert torch.allclose(net(x, back[LABELS]), before, atol=1e-5)


def _shake(net):
    """Moves what starts alike for all classes."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn_like(p))


# ------------------------------------------------------------------------------------ batch norm


def test_each_class_has_a_batch_norm_of_its_own():
    net, x = BatchNorm(5, CLASSES), torch.randn(3, 5, 4, 4)
    assert torch.equal(net(x, LABELS), net.norm(x))  # at first all scale by 1 and shift by 0
    _shake(net)
    drawn = net(x, LABELS)
    for i, label in enumerate(LABELS):
        own = nn.BatchNorm2d(5)
        own.weight.data, own.bias.data = net.scale.gain[label].data, net.scale.bias[label].data
        assert torch.allclose(own(x)[i], drawn[i], atol=1e-6)


# ---------------------------------------------------------------------------------- CGAN's inputs


def test_a_condition_is_a_vector_or_maps():
    vector, picture = torch.rand(3, 5), torch.rand(3, 2, 4, 4)
    assert torch.equal(as_vector(LABELS, CLASSES), torch.eye(CLASSES)[LABELS])
    assert torch.equal(as_vector(vector), vector)
    assert torch.equal(as_vector(picture), picture.flatten(1))
    maps = as_maps(LABELS, CLASSES, 8)
    assert maps.shape == (3, CLASSES, 8, 8) and torch.equal(maps.amax((2, 3)), maps.amin((2, 3)))
    assert torch.equal(as_maps(vector, 0, 8)[:, :, 3, 5], vector)
    assert torch.equal(as_maps(picture, 0, 8)[:, :, ::2, ::2], picture)


PAIRS = (
    "cgan", "cgan-attributes", "cgan-pictures", "sngan-projection", "sagan", "biggan",
    "biggan-deep",
)  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_what_they_are_told_matters_to_both_players(name):
    game, stream = start(name)
    train(game, stream, 3 * stream.batch)
    image, told = game.draw(stream)
    z, other = game.latents(len(image)), told.roll(1, 0)
    differ = (told != other).flatten(1).any(1) if told.ndim > 1 else told != other
    for net, x in ((game.generator.eval_net, z), (game.discriminator.eval_net, image)):
        change = (net(x, told) - net(x, other)).flatten(1 if x is z else 0).abs()
        assert ((change.amax(1) if x is z else change)[differ] > 1e-6).all()


def test_without_its_weights_a_label_is_not_heard():
    shape = (1, 8, 8)
    generator, judge = (
        cgan.Generator(5, CLASSES, shape, CLASSES),
        cgan.Discriminator(shape, CLASSES, CLASSES),
    )
    for net, x in ((generator, torch.randn(3, 5)), (judge, torch.randn(3, *shape))):
        net.eval()
        assert not torch.equal(net(x, LABELS), net(x, OTHERS))
        for p in net.told.parameters():
            nn.init.zeros_(p)
        assert torch.equal(net(x, LABELS), net(x, OTHERS))


def test_the_papers_networks_learn():
    recipe = replace(SMALL["cgan"], networks="perceptron", lr=2e-3)
    torch.manual_seed(0)
    game, stream = recipe.game(), recipe.stream(toy(recipe), torch.device("cpu"))
    real = as_floats(stream.dataset.images).mean(0)
    before = (game.sample(64, seed=0).mean(0) - real).square().mean()
    train(game, stream, 60 * stream.batch)
    assert (game.sample(64, seed=0).mean(0) - real).square().mean() < before / 4


def test_reals_and_fakes_have_the_same_labels():
    """So that who sees labels alone can tell nothing."""
    game, stream = start("cgan")
    told = []
    for player in game.players.values():
        player.net.register_forward_pre_hook(lambda net, args: told.append(args[1]))
    play(game, stream)
    drawn, on_real, on_fake, *_ = told
    assert torch.equal(drawn, on_real) and torch.equal(drawn, on_fake)


def test_who_sees_labels_alone_ends_undecided():
    game, stream = start("cgan")
    judge = nn.Embedding(CLASSES, 1)
    game.discriminator.net.forward = lambda image, label: judge(label).squeeze(1)
    optimizer = torch.optim.SGD(judge.parameters(), 1.0)
    for _ in range(100):
        real, label = game.draw(stream)
        logits = (game.discriminator.net(x, label) for x in (real, game.fake(len(real), label)))
        game.loss.discriminator(*logits).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert judge.weight.abs().max() < 0.01


# --------------------------------------------------------------------------------------- the data


@pytest.mark.parametrize("name", ["cgan", "sngan-projection", "sagan"])
def test_a_fitted_recipe_knows_the_datas_classes(name):
    recipe = RECIPES[name].fitted()
    assert recipe.classes == 10 and recipe.fitted() == recipe
    with pytest.raises(UserError, match="expected data with 3 classes, got .* which has 10"):
        replace(RECIPES[name], classes=3).fitted()


def test_a_fitted_recipe_knows_the_datas_attributes():
    recipe = RECIPES["cgan-attributes"].fitted()
    assert recipe.attributes == recipe.dataset("test").vectors.shape[1]


@pytest.mark.parametrize(
    ("name", "what"),
    [("cgan", "classes"), ("sagan", "classes"), ("cgan-attributes", "attributes")],
)
def test_data_of_which_nothing_is_known_are_refused_in_a_line(name, what, tmp_path):
    for i in range(3):
        Image.new("L", (16, 16), i).save(tmp_path / f"{i}.png")
    with pytest.raises(UserError, match=f"^expected data with known {what}, got .*$"):
        replace(RECIPES[name], data=str(tmp_path)).fitted()


def test_attributes_are_a_vector():
    known = {
        "hat": Attribute(torch.tensor([1, 0]), ("no", "yes")),
        "eyes": Attribute(torch.tensor([2, 0]), ("blue", "green", "brown")),
    }
    dataset = Dataset("two", torch.zeros(2, 1, 4, 4).byte(), attributes=known)
    assert dataset.vectors.tolist() == [[0, 1, 0, 0, 1], [1, 0, 1, 0, 0]]


@pytest.mark.parametrize("name", ["cgan-attributes", "cgan-pictures"])
def test_conditions_of_the_data_are_kept_to_sample_with(name):
    recipe, (game, _) = SMALL[name], start(name)
    dataset = toy(recipe)
    recipe.prepare(game, dataset)
    told = as_floats(recipe.conditions(dataset)).flatten(1)
    kept = game.conditions.flatten(1)
    assert torch.equal(kept.unique(dim=0), told.unique(dim=0))
    assert "conditions" in game.state_dict()
    assert torch.equal(
        game.sample(3, seed=1, label=2), game.sample(3, seed=1, label=game.conditions[[2] * 3])
    )


def test_a_small_copy_is_the_mean_of_what_lies_under_a_pixel():
    recipe = replace(SMALL["cgan-pictures"], copy=4)
    dataset = toy(recipe)
    means = dataset.images.double().unflatten(3, (4, -1)).unflatten(2, (4, -1)).mean((3, 5))
    assert (recipe.conditions(dataset) - means).abs().max() <= 0.5
