"""Which network looks at which data, and networks that users bring."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cardigan.data import catalogue
from cardigan.data.dataset import Dataset
from cardigan.errors import UserError
from cardigan.metrics import inception_weights, networks
from cardigan.metrics.features import digits_classifier, extract, fashion_classifier
from cardigan.metrics.looking import look_again
from cardigan.metrics.networks import (
    from_module,
    network,
    network_for,
    recognises,
    stacked_digits_classifier,
)

CLOTHES = fashion_classifier().classes
DIGITS = tuple("0123456789")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No test finds Inception's weights on its machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def clothes():
    return catalogue.load("fashion-mnist-mini", "test")


@pytest.fixture(scope="module")
def digits():
    """Handwriting that is not MNIST's: 8 by 8 pixels, brought to MNIST's 20 in a frame of 4."""
    found = pytest.importorskip("sklearn.datasets").load_digits()
    small = torch.from_numpy(found.images)[:, None].float() / 16
    large = F.interpolate(small, (20, 20), mode="bicubic", antialias=True).clamp(0, 1)
    images = F.pad(large * 255, (4, 4, 4, 4)).to(torch.uint8)
    return Dataset("mine", images, torch.from_numpy(found.target).long(), DIGITS)


def noise(n=12, channels=3, size=8):
    return torch.randint(256, (n, channels, size, size)).to(torch.uint8)


# --------------------------------------------------------------------------------------- by name


def test_clothes_and_digits_are_known_by_their_classifiers(clothes, digits):
    assert network_for(clothes) is fashion_classifier("cpu")
    assert network_for(digits) is digits_classifier("cpu")


def stacked(digits, n=60):
    draw = torch.randint(len(digits), (n, 3))
    labels = digits.labels[draw] @ torch.tensor([100, 10, 1])
    names = tuple(f"{k:03d}" for k in range(1000))
    return Dataset("stacked-digits", digits.images[draw, 0], labels, names)


def test_stacked_digits_are_looked_at_one_by_one(digits):
    data = stacked(digits)
    net, single = stacked_digits_classifier("cpu"), digits_classifier("cpu")
    assert network("digits", data) is net and net.classes == data.classes
    found = extract(net, data.images)
    parts = [extract(single, data.images[:, k : k + 1]) for k in range(3)]
    assert found.features.shape == (60, 384) and found.probabilities.shape == (60, 1000)
    assert torch.allclose(found.features, torch.cat([p.features for p in parts], 1), atol=1e-4)
    for k, (a, b, c) in ((295, (2, 9, 5)), (7, (0, 0, 7))):
        r, g, b_ = (p.probabilities[:, d] for p, d in zip(parts, (a, b, c), strict=True))
        assert torch.allclose(found.probabilities[:, k], r * g * b_, atol=1e-4)


def test_names_of_classes_are_not_enough(clothes, digits):
    """House numbers are called 0 to 9 too, and are no digits of MNIST's kind."""
    house_numbers = Dataset("svhn", clothes.images, clothes.labels, DIGITS)
    upside_down = Dataset("mine", 255 - digits.images, digits.labels, DIGITS)
    for data in (house_numbers, upside_down):
        assert not recognises(digits_classifier(), data)
        assert network_for(data) is fashion_classifier("cpu")


def test_all_of_the_set_is_asked(clothes):
    """Files lie sorted by class: the first 256 would all be of one."""
    order = clothes.labels.argsort(stable=True)
    labels = clothes.labels[order].clone()
    labels[500:] = (labels[500:] + 1) % 10
    data = Dataset("mine", clothes.images[order], labels, CLOTHES)
    assert not recognises(fashion_classifier(), data)


@pytest.mark.parametrize("labels", [None, torch.zeros(12).long()])
def test_other_data_have_a_stand_in(labels):
    data = Dataset("mine", noise(), labels, () if labels is None else ("a", "b"))
    assert network_for(data) is fashion_classifier("cpu")


def test_inception_stands_in_where_its_weights_are(clothes, monkeypatch):
    monkeypatch.setattr(inception_weights, "is_here", lambda: True)
    monkeypatch.setattr(networks, "inception", lambda device: "inception")
    assert network_for(Dataset("mine", noise())) == "inception"
    assert network_for(clothes) is fashion_classifier("cpu")


def test_names(clothes, tmp_path):
    assert network("", clothes) is network("fashion", clothes) is fashion_classifier("cpu")
    assert network("digits", clothes) is digits_classifier("cpu")
    with pytest.raises(UserError, match="expected the weights of the Inception network"):
        network("inception", clothes)
    with pytest.raises(UserError, match="expected a file of at most"):
        network(f"inception:{tmp_path / 'none'}", clothes)


@pytest.mark.parametrize("name", ["fasion", "fashion:file", "inception:", ":x", "vgg\x1b"])
def test_other_names_are_refused(name, clothes):
    with pytest.raises(UserError, match="expected a feature network .fashion, digits, inception"):
        network(name, clothes)
    if name == "fasion":
        with pytest.raises(UserError, match="did you mean fashion"):
            network(name, clothes)


# ---------------------------------------------------------------------------------- your own


class Own(nn.Module):
    """With all that training mode changes."""

    def __init__(self, classes=0):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(6, classes) if classes else None

    def forward(self, images):
        features = self.body(images)
        return features if self.head is None else (features, self.head(features))


def test_what_your_network_gives():
    own = Own(classes=4).eval()
    images = noise(size=16)
    net = from_module(own, 16, classes=("a", "b", "c", "d"))
    found = extract(net, images)
    with torch.no_grad():
        features, logits = own(images.float() / 255)
    assert torch.allclose(found.features, features.double(), atol=1e-6)
    assert torch.allclose(found.probabilities, logits.double().softmax(1), atol=1e-6)
    assert (net.name, net.resize) == ("Own", "bilinear antialiased to 16, colour")


def test_without_names_of_classes_there_are_no_probabilities():
    for own in (Own(), Own(classes=4)):
        found = extract(from_module(own, 8), noise())
        assert found.features.shape == (12, 6) and found.probabilities.shape == (12, 0)


def test_training_mode_neither_matters_nor_changes():
    own = Own().train()
    state = {name: value.clone() for name, value in own.state_dict().items()}
    images, random = noise(size=16), torch.get_rng_state()
    found = extract(from_module(own, 16), images)
    assert all(module.training for module in own.modules())
    assert all(torch.equal(value, state[name]) for name, value in own.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(found.features, extract(from_module(own.eval(), 16), images).features)


def test_training_on_changes_nothing():
    own = Own()
    net, images = from_module(own, 8), noise()
    before, checksum = extract(net, images).features, net.checksum
    with torch.no_grad():
        for value in own.parameters():
            value.mul_(2)
    assert torch.equal(extract(net, images).features, before)
    assert net.checksum == checksum != from_module(own, 8).checksum


def test_other_code_or_other_classes_are_another_network():
    """Figures of networks that see otherwise are never compared: norms alone tell too little."""
    plain, named = Gives(lambda x: x), Gives(lambda x: (x, x[:, :2]))
    others = [lambda x: 2 * x, lambda x: -x, lambda x: x.flip(1)]
    nets = [from_module(Gives(code), 8) for code in (*others, lambda x: x - 0.5)]
    nets += [from_module(Gives(lambda x: (x - 0.5).abs()), 8)]
    nets = [from_module(plain, 8), *nets, from_module(named, 8, classes="ab")]
    assert len({net.checksum for net in nets}) == len(nets)
    assert from_module(plain, 8, name="other").checksum == nets[0].checksum
    assert from_module(named, 8).checksum == nets[0].checksum


OTHER_CODE = {
    "abs": lambda x: (x - 0.5).abs(),
    "only of dark pictures": lambda x: torch.where(x.mean(1, keepdim=True) < 0.3, 1 - x, x) - 0.5,
}


@pytest.mark.parametrize("code", OTHER_CODE.values(), ids=OTHER_CODE)
def test_your_network_finds_nothing_that_another_saw(clothes, code):
    """Both have no weights, and one cache; some code differs in pictures that are no noise."""
    index = torch.arange(20)
    look_again(clothes, index, from_module(Gives(lambda x: x - 0.5), 8, channels=1))
    other = from_module(Gives(code), 8, channels=1)
    seen = look_again(clothes, index, other).features
    assert torch.equal(seen, extract(other, clothes.images[index]).features)


def test_half_precision_becomes_float32():
    own = Own().bfloat16()
    net = from_module(own, 8)
    found = extract(net, noise()).features
    assert not torch.equal(found, found.bfloat16().double())
    assert next(own.parameters()).dtype == torch.bfloat16


def test_grey_and_without_weights():
    net = from_module(nn.Flatten(), 2, channels=1, name="pixels")
    images = noise(3, 3, 2)
    grey = (images.double() * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1) / 255
    assert torch.allclose(extract(net, images).features, grey.flatten(1), atol=1e-6)


class Gives(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        return self.output(images.flatten(1))


@pytest.mark.parametrize(
    ("output", "classes", "told"),
    [
        (lambda x: x[:, :, None], (), r"give features \[4, D\], got \[\[4, 192, 1\]\]"),
        (lambda x: x[:2], (), r"got \[\[2, 192\]\]"),
        (lambda x: "x", (), r"got \['str'\]"),
        (lambda x: (), (), r"got \[\]"),
        (lambda x: x[:, 0], (), r"got \[\[4\]\]"),
        (lambda x: x, ("a",), r"and logits \[4, 1\], got \[\[4, 192\]\]"),
        (lambda x: (x, x), ("a",), r"got \[\[4, 192\], \[4, 192\]\]"),
        (lambda x: x - x.mean(0), (), "whatever lies beside it"),
        (lambda x: x * torch.rand(()), (), "is there chance in it"),
        (lambda x: x @ torch.zeros(3, 3), (), r"to take float images \[N, 3, 8, 8\]"),
    ],
)
def test_what_does_not_look_at_pictures_is_refused(output, classes, told):
    with pytest.raises(ValueError, match=told):
        from_module(Gives(output), 8, classes=classes)


def test_nan_is_refused():
    with pytest.raises(UserError, match="features from mine, got NaN or infinity for 4 of 4"):
        from_module(Gives(lambda x: x / 0), 8, name="mine")


@pytest.mark.parametrize(("size", "channels"), [(0, 3), (8, 2)])
def test_sizes_and_channels_that_no_picture_has(size, channels):
    with pytest.raises(ValueError, match="expected a size from 1 and 1 or 3 channels"):
        from_module(nn.Flatten(), size, channels)


def test_the_page_shows_what_works():
    page = Path(__file__).parent.parent / "docs" / "feature-networks.md"
    (own,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    scope: dict = {}
    exec(own, scope)
    assert scope["results"]["about"]["network"] == "mine"
