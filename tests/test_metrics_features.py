"""The network that the measures look through: what it knows, and that nothing sways it."""

import json
import shutil
from importlib import resources

import pytest
import torch

from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics import features
from cardigan.metrics.features import extract, fashion_classifier, grey, resized

torch.set_num_threads(1)
ASSETS = resources.files("cardigan.metrics") / "assets"


@pytest.fixture(scope="module")
def images():
    return catalogue.load("fashion-mnist-mini", "test").images[:256]


def relative(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def test_accuracy_is_what_the_table_says():
    """On all 10,000 test images where they are installed, else on the 2,000 that ship."""
    table = json.loads((ASSETS / "fashion_classifier.json").read_text())
    try:
        test, error = catalogue.load("fashion-mnist", "test"), 0.001
    except UserError:
        test, error = catalogue.load("fashion-mnist-mini", "test"), 0.015
    net = fashion_classifier()
    right = extract(net, test.images).probabilities.argmax(1) == test.labels
    assert test.classes == net.classes
    assert table["accuracy"] >= 0.925
    assert right.double().mean().item() == pytest.approx(table["accuracy"], abs=error)


@pytest.mark.parametrize("batch", [1, 7, 64, 128])
def test_the_batch_does_not_matter(images, batch):
    net = fashion_classifier()
    whole, parts = extract(net, images, len(images)), extract(net, images, batch)
    assert relative(parts.features, whole.features) < 1e-5
    assert relative(parts.probabilities, whole.probabilities) < 1e-5


def test_training_mode_does_not_last(images):
    net = fashion_classifier()
    before, state = extract(net, images), [b.clone() for b in net.net.buffers()]
    net.net.train()
    after = extract(net, images)
    assert torch.equal(before.features, after.features)
    assert not any(module.training for module in net.net.modules())
    assert all(torch.equal(a, b) for a, b in zip(state, net.net.buffers(), strict=True))


def test_neither_gradients_nor_autocast_nor_seeds_matter(images):
    net = fashion_classifier()
    expected = extract(net, images)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with torch.autocast("cpu", torch.bfloat16), torch.enable_grad():
        found = extract(net, images)
    assert torch.equal(found.features, expected.features)
    assert not found.features.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


def test_features_are_double_and_probabilities_sum_to_one(images):
    found = extract(fashion_classifier(), images)
    assert found.features.dtype == found.probabilities.dtype == torch.float64
    assert found.features.shape == (256, 128) and found.probabilities.shape == (256, 10)
    assert torch.allclose(found.probabilities.sum(1), torch.ones(256).double())


def test_colour_is_turned_grey_by_bt_601():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
    found = grey(colours.to(torch.uint8)[:, :, None, None]).flatten()
    assert found.tolist() == pytest.approx([0.299, 0.587, 0.114, 1.0])


def test_grey_pictures_stored_as_colour_look_the_same(images):
    net = fashion_classifier()
    colour = extract(net, images.expand(-1, 3, -1, -1))
    assert relative(colour.features, extract(net, images).features) < 1e-4


@pytest.mark.parametrize("factor", [2, 3])
def test_enlarged_pictures_look_much_the_same(images, factor):
    net = fashion_classifier()
    large = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    same = extract(net, large).probabilities.argmax(1) == extract(
        net, images
    ).probabilities.argmax(1)
    assert same.double().mean() > 0.85


@pytest.mark.parametrize("size", [84, 140])
def test_fine_patterns_are_averaged_away(size):
    board = (torch.arange(size)[:, None] + torch.arange(size)) % 2
    small = resized(board[None, None].float(), 28)
    assert (small - 0.5).abs().max() < 0.1


@pytest.mark.parametrize("wrong", [torch.zeros(2, 1, 28, 28), torch.zeros(2, 4, 28, 28).byte()])
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(ValueError, match="expected uint8 images"):
        extract(fashion_classifier(), wrong)


def test_a_flipped_bit_of_the_weights_is_refused(tmp_path, monkeypatch):
    shutil.copytree(str(ASSETS), tmp_path / "assets")
    weights = tmp_path / "assets/fashion_classifier.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1000] ^= 1
    weights.write_bytes(data)
    monkeypatch.setattr(features.resources, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match="SHA-256"):
        fashion_classifier.__wrapped__()
