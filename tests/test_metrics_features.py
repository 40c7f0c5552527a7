"""The network that the measures look through: what it knows, and that nothing sways it."""

import json
import shutil
from copy import deepcopy
from dataclasses import replace
from importlib import resources

import pytest
import torch

from cardigan.data import catalogue
from cardigan.errors import UserError
from cardigan.metrics import features
from cardigan.metrics.features import (
    checksum,
    colour,
    digits_classifier,
    extract,
    fashion_classifier,
    grey,
    resized,
)

torch.set_num_threads(1)
ASSETS = resources.files("cardigan.metrics") / "assets"


@pytest.fixture(scope="module")
def images():
    return catalogue.load("fashion-mnist-mini", "test").images[:256]


def relative(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def accuracy(net, dataset):
    assert dataset.classes == net.classes
    guesses = extract(net, dataset.images).probabilities.argmax(1)
    return (guesses == dataset.labels).double().mean().item()


def test_accuracy_on_clothes_is_what_the_table_says():
    """On all 10,000 test images where they are installed, else on the 2,000 that ship."""
    table = json.loads((ASSETS / "fashion_classifier.json").read_text())
    try:
        test, error = catalogue.load("fashion-mnist", "test"), 0.001
    except UserError:
        test, error = catalogue.load("fashion-mnist-mini", "test"), 0.015
    assert table["accuracy"] >= 0.925
    assert accuracy(fashion_classifier(), test) == pytest.approx(table["accuracy"], abs=error)


def test_accuracy_on_digits_is_what_the_table_says():
    table = json.loads((ASSETS / "digits_classifier.json").read_text())
    assert table["accuracy"] >= 0.99
    counts = torch.tensor(table["confusion"])
    assert counts.sum() == table["test_images"] == 10_000
    assert counts.diag().sum() / counts.sum() == pytest.approx(table["accuracy"])
    try:
        test = catalogue.load("mnist", "test")
    except UserError:
        pytest.skip("MNIST is not on this machine")
    assert accuracy(digits_classifier(), test) == pytest.approx(table["accuracy"], abs=0.001)


@pytest.mark.parametrize("batch", [1, 7, 64, 128])
def test_the_batch_does_not_matter(images, batch):
    net = fashion_classifier()
    whole, parts = extract(net, images, len(images)), extract(net, images, batch)
    assert relative(parts.features, whole.features) < 1e-5
    assert relative(parts.probabilities, whole.probabilities) < 1e-5


@pytest.mark.parametrize("net", [fashion_classifier(), digits_classifier()], ids=lambda n: n.name)
def test_all_that_is_recorded_of_a_network(net):
    assert len(net.checksum) == 64 and len(net.classes) == 10
    assert net.resize == "bilinear antialiased to 28, grey"
    assert fashion_classifier().checksum != digits_classifier().checksum


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


def precisions():
    backends = torch.backends
    return backends.fp32_precision, backends.cudnn.conv.fp32_precision, (
        backends.cuda.matmul.fp32_precision, torch.get_float32_matmul_precision(),
    )  # fmt: skip


@pytest.mark.parametrize("precision", ["highest", "high"])
def test_precision_is_exact_within_and_as_it_was_after(images, precision):
    """What a GPU would use; the product's setting is what a user chose before."""
    found = []
    hook = fashion_classifier().net.register_forward_hook(lambda *_: found.append(precisions()))
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(precision)
        outside = precisions()
        extract(fashion_classifier(), images[:1])
        assert precisions() == outside
    finally:
        torch.set_float32_matmul_precision(before)
        hook.remove()
    (_, convolutions, (products, _)), *_ = found
    assert convolutions == products == "ieee"
    assert not torch.backends.cudnn.benchmark


@pytest.mark.parametrize("layer", ["head", "stem"])
def test_features_that_are_not_finite_are_refused(images, layer):
    net = replace(fashion_classifier(), net=deepcopy(fashion_classifier().net), name="mine")
    with torch.no_grad():
        next(net.net.get_submodule(layer).parameters()).view(-1)[0] = torch.nan
    with pytest.raises(UserError, match="finite features from mine, got NaN .* of 128 pictures"):
        extract(net, images, 128)


def test_the_checksum_is_of_values_not_of_layouts():
    state = {"a": torch.rand(2, 3, 4, 4), "b": torch.tensor(1)}
    other = {"b": state["b"], "a": state["a"].to(memory_format=torch.channels_last)}
    assert checksum(state) == checksum(other)
    changes = [{"a": state["a"] + 1e-6}, {"b": torch.tensor(1.0)}, {"c": torch.zeros(1)}]
    assert len({checksum(state | change) for change in [{}, *changes]}) == 4
    assert checksum({"a": torch.zeros(2, 3)}) != checksum({"a": torch.zeros(3, 2)})


def test_features_are_double_and_probabilities_sum_to_one(images):
    found = extract(fashion_classifier(), images)
    assert found.features.dtype == found.probabilities.dtype == torch.float64
    assert found.features.shape == (256, 128) and found.probabilities.shape == (256, 10)
    assert torch.allclose(found.probabilities.sum(1), torch.ones(256).double())


def test_colour_is_turned_grey_by_bt_601():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
    found = grey(colours.to(torch.uint8)[:, :, None, None]).flatten()
    assert found.tolist() == pytest.approx([0.299, 0.587, 0.114, 1.0])


def test_grey_becomes_colour():
    images = torch.tensor([[[[7]]]], dtype=torch.uint8)
    assert colour(images).flatten().tolist() == [7, 7, 7]


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


@pytest.mark.parametrize("classifier", [fashion_classifier, digits_classifier])
def test_a_flipped_bit_of_the_weights_is_refused(classifier, tmp_path, monkeypatch):
    shutil.copytree(str(ASSETS), tmp_path / "assets")
    weights = tmp_path / f"assets/{classifier.__name__}.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1000] ^= 1
    weights.write_bytes(data)
    monkeypatch.setattr(features.resources, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match="SHA-256"):
        classifier.__wrapped__()
