"""Figures that ask the game: stand-ins whose answers are known."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cardigan.data import catalogue
from cardigan.data.stream import as_bytes
from cardigan.errors import UserError
from cardigan.metrics.density import pixel_histogram
from cardigan.metrics.measure import chosen, measure
from cardigan.metrics.sets import drawn

TRAIN = catalogue.load("fashion-mnist-mini")
TEST = catalogue.load("fashion-mnist-mini", "test")
SAMPLES = TEST.images[::20]
TEST_PAIRS = TEST.images, [] if TEST.labels is None else TEST.labels.tolist()


def told(game, *names):
    figures = chosen(TRAIN, names, game=game)
    return measure(SAMPLES, TRAIN, TEST, figures=figures, game=game)


class Decoder:
    """Every latent becomes the same grey picture, or a brightness."""

    def __init__(self, slope: float):
        self.slope = slope

    def latents(self, n: int, seed: int | None = None, truncation: float = 1.0) -> Tensor:
        draw = torch.Generator().manual_seed(seed or 0)
        return torch.randn(n, 4, generator=draw)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return (self.slope * z[:, 0]).tanh()[:, None, None, None].expand(-1, 1, 28, 28)


class Mapper(Decoder):
    def map(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return z

    def synthesise(self, w: Tensor) -> Tensor:
        return self.decode(w)


def test_a_generator_that_says_one_thing_has_paths_of_no_length():
    found = told(Decoder(0.0), "ppl")["path_length"]
    assert found["value"] == found["at_ends"] == 0 and found["floor"] is None
    assert found["paths"] == len(SAMPLES) and found["better"] == "lower"


def test_paths_are_longer_where_pictures_change_faster():
    slow, fast = (told(Decoder(slope), "path_length")["path_length"] for slope in (0.05, 0.2))
    assert 0 < slow["low"] <= slow["value"] <= slow["high"] < fast["value"]


def test_a_space_that_is_mapped_has_paths_of_its_own():
    found = told(Mapper(0.1), "path_length", "path_length_w")
    assert found["path_length_w"]["value"] > 0
    assert found["path_length_w"]["value"] != found["path_length"]["value"]


class Rebuilder:
    def reconstruct(self, x: Tensor) -> Tensor:
        return x


class Forgetter:
    def reconstruct(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def test_what_is_rebuilt_to_the_bit_has_no_error():
    found = told(Rebuilder(), "reconstruction")["reconstruction"]
    assert found["value"] == 0 < found["floor"] < found["mean_image"]
    assert found["ssim"] == found["agreement"] == pytest.approx(1)
    assert found["cosine"] == pytest.approx(1)


def test_what_forgets_everything_is_worse_than_the_mean_image():
    found = told(Forgetter(), "reconstruction")["reconstruction"]
    assert found["value"] > found["mean_image"] > found["floor"]


class Density:
    """The model that a game with a density has to beat."""

    device, levels = torch.device("cpu"), 256

    def __init__(self, train: Tensor):
        self.histogram = pixel_histogram(train)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.histogram.log_prob(x)


class Uniform:
    device, levels = torch.device("cpu"), 16

    def log_prob(self, x: Tensor) -> Tensor:
        return x.new_full((len(x),), -x[0].numel(), dtype=torch.float64) * torch.log(
            torch.tensor(256.0, dtype=torch.float64)
        )


def test_bits_of_a_uniform_model_are_eight():
    found = told(Uniform(), "bits_per_dimension")["bits_per_dimension"]
    assert found["value"] == pytest.approx(8) and 0 < found["floor"] < 8
    assert found["levels"] == 16 and found["at_levels"] == pytest.approx(4)


def test_bits_of_the_baseline_are_the_floor():
    found = told(Density(TRAIN.images), "bits_per_dimension")["bits_per_dimension"]
    assert found["value"] == pytest.approx(found["floor"], rel=0.05)
    assert found["low"] < found["value"] < found["high"]


class Pixels:
    """An encoder that keeps every fourth pixel, or forgets all."""

    def __init__(self, scale: float):
        self.scale = scale

    def encode(self, x: Tensor) -> Tensor:
        return self.scale * x[:, :, ::4, ::4].flatten(1)


def test_codes_are_probed_beside_the_networks_features():
    found = told(Pixels(1.0), "linear_probe", "neighbour_probe")
    for figure in (found["linear_probe"], found["neighbour_probe"]):
        assert 0.5 < figure["value"] < figure["floor"] <= 1
        assert figure["low"] < figure["value"] < figure["high"]
    assert found["linear_probe"]["permuted"] < 0.25


def test_each_class_is_probed_and_rebuilt_by_itself_too():
    class Both(Pixels):
        def reconstruct(self, x: Tensor) -> Tensor:
            return 0.5 * x

    game, names = Both(1.0), ("linear_probe", "neighbour_probe", "reconstruction")
    found = measure(
        SAMPLES, TRAIN, TEST, figures=chosen(TRAIN, names, game=game), game=game, by_class=True
    )
    shares = torch.bincount(_labels_of_held_out(len(SAMPLES)), minlength=10) / len(SAMPLES)
    for name in names:
        told = [inner[name] for inner in found["classes"].values()]
        assert len(told) == 10 and {one["better"] for one in told} == {found[name]["better"]}
        for key in ("value", "floor"):
            means = torch.tensor([one[key] for one in told])
            assert (shares @ means).item() == pytest.approx(found[name][key], rel=1e-5)


def _labels_of_held_out(count: int) -> Tensor:
    assert TEST.labels is not None
    return TEST.labels[drawn(len(TEST), count, 0, 1)]


def test_codes_that_hold_nothing_are_at_chance():
    assert told(Pixels(0.0), "neighbour_probe")["neighbour_probe"]["value"] < 0.3


class Teller:
    """Tells another code for each class, and one for classes 8 and 9 together."""

    def tell(self, x: Tensor) -> Tensor:
        label = {image.numpy().tobytes(): k for image, k in zip(*TEST_PAIRS, strict=True)}
        codes = [7 * min(label[image.numpy().tobytes()], 8) % 10 for image in as_bytes(x)]
        return one_hot(torch.tensor(codes), 10).float()

    def traversal(self, rows: int, seed: int | None = None) -> Tensor:
        return torch.zeros(rows, 10, 1, 28, 28)


def test_codes_are_named_by_the_classes_that_they_find():
    found = told(Teller(), "matched_accuracy")["matched_accuracy"]
    held_out = len(SAMPLES)
    assert (
        found["value"] == pytest.approx(0.9, abs=3 / held_out**0.5) and found["better"] == "higher"
    )
    assert found["low"] < found["value"] < found["high"]
    assert 0.1 <= found["floor"] < 0.4, "chance, and more for few: names are chosen to fit"


def test_nobody_is_asked_for_what_it_cannot_do():
    for name in ("path_length", "reconstruction", "bits_per_dimension", "linear_probe"):
        with pytest.raises(UserError, match=f"got {name}"):
            chosen(TRAIN, [name])


class Classes:
    """Tells the truth for all pictures but those that it gets wrong; it draws no samples."""

    def __init__(self, wrong: int):
        self.truth = {image.numpy().tobytes(): k for image, k in zip(*_test(), strict=True)}
        self.wrong = wrong

    def classify(self, x: Tensor) -> Tensor:
        told = [self.truth[image.numpy().tobytes()] for image in as_bytes(x)]
        for i in range(self.wrong):
            told[i] = (told[i] + 1) % 10
        return torch.nn.functional.one_hot(torch.tensor(told), 10).float()


def _test():
    return TEST.images, TEST.labels.tolist()


def test_accuracy_is_the_share_of_held_out_images_and_needs_no_samples():
    game = Classes(wrong=20)
    figures = chosen(TRAIN, game=game)
    assert [*figures] == ["test_accuracy"]
    told = measure(200, TRAIN, TEST, figures=figures, game=game)
    figure = told["test_accuracy"]
    assert figure["value"] == pytest.approx(0.9)
    assert figure["low"] < 0.9 < figure["high"] and 0.85 < figure["floor"] < 1
    shares = figure["by_class"].values()
    assert len(shares) == 10 and all(0 <= share <= 1 for share in shares)
    assert told["about"]["samples"] == 0 and told["about"]["reals"] == 200
    assert not [note for note in told["about"]["notes"] if "of 200 samples" in note]


def test_a_game_that_numbers_classes_otherwise_is_understood():
    """As where a run is measured against a folder, whose classes lie in the order of names."""
    order = torch.tensor([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    names = tuple(TRAIN.classes[k] for k in order.argsort().tolist())  # class k is called order[k]
    game = Classes(wrong=20)
    classify = game.classify
    game.classify = lambda x: classify(x)[:, order.argsort()]
    figures = chosen(TRAIN, ["test_accuracy"], game=game)
    told = measure(200, TRAIN, TEST, figures=figures, game=game, classes=names)
    assert told["test_accuracy"]["value"] == pytest.approx(0.9)
    with pytest.raises(UserError, match="expected classes out of .*, got 'T-shirt/top'"):
        measure(200, TRAIN, TEST, figures=figures, game=game, classes=tuple("0123456789"))


def test_what_draws_samples_is_measured_by_them_as_well():
    game = Classes(wrong=0)
    game.sample = lambda *_: SAMPLES  # pyright: ignore[reportAttributeAccessIssue]
    assert {"test_accuracy", "frechet_distance"} <= chosen(TRAIN, game=game).keys()
    with pytest.raises(UserError, match="got test_accuracy"):
        chosen(TRAIN, ["test_accuracy"])
