"""What a GAN lacks: the verdict, and what models say of images."""

import pytest
import torch
from matplotlib.figure import Figure

from benchmarks.claims import gan_lacks
from benchmarks.claims.frame import CONFIRMED, REFUTED, UNDECIDED
from benchmarks.claims.gan_lacks import CODE, DENSITY, LOGIT, SEARCH, Answer


def planted(worse, area):
    """Rows of two classes a seed: by how much a GAN's log error and areas are worse."""
    blank = gan_lacks.stored(torch.zeros(2, 1, 4, 4, dtype=torch.uint8), 1)
    rows = []
    for seed in range(3):
        shift = 0.01 * (seed - 1)
        logit = {"model": "dcgan", "score": LOGIT, "detects": 0.5}
        error = torch.tensor(10.0 + 1).log().add(worse + shift).exp().item() - 1
        search = {"model": "dcgan", "score": SEARCH, "detects": 0.7, "error": error}
        others = [
            row
            for model in ("vae", "glow")
            for row in (
                {"model": model, "score": DENSITY, "detects": 0.5 + area + shift},
                {"model": model, "score": CODE, "detects": 0.6, "error": 10.0},
            )
        ]
        for odd in (seed, seed + 3):
            rows += [
                {"seed": seed, "odd": odd, "ms": 1.0, **row}
                | ({"pairs": blank} if "error" in row else {})
                for row in (logit, search, *others)
            ]
    return rows


@pytest.mark.parametrize(
    ("worse", "area", "words"),
    [(0.5, 0.2, CONFIRMED), (-0.5, 0.2, REFUTED), (0.5, -0.2, REFUTED), (0.5, 0.05, UNDECIDED)],
)
def test_gan_lacks(worse, area, words):
    rows = planted(worse, area)
    assert gan_lacks.judge(rows).words == words
    for values, expected in zip(gan_lacks.parts(rows).values(), (worse, area, area), strict=True):
        assert sum(values) / 3 == pytest.approx(expected)


def test_the_page_has_a_line_a_score_and_its_picture_all_classes():
    rows = planted(0.5, 0.2)
    heading, *lines = gan_lacks.table(rows)
    assert len(lines) == 6 and lines[0][2] == "-" and lines[2][2] == "-"
    axes = Figure().add_subplot()
    gan_lacks.draw(rows, axes)
    assert [len(line.get_xdata()) for line in axes.get_lines()][:6] == [6] * 6


def test_an_odd_image_that_is_lost_is_told_and_its_loss_not_counted():
    images = torch.full((4, 1, 2, 2), 100, dtype=torch.uint8)
    is_odd = torch.tensor([False, False, True, True])
    rebuilt = torch.full((4, 1, 2, 2), 110 / 127.5 - 1)
    rebuilt[2:] = 1
    odd = (rebuilt - (100 / 127.5 - 1)).abs().flatten(1).sum(1)
    found = gan_lacks.figures(Answer(odd, rebuilt), images, is_odd)
    assert found["detects"] == 1 and found["error"] == pytest.approx(10)


def test_each_class_is_left_out_once(monkeypatch):
    monkeypatch.setattr(gan_lacks, "left_out", lambda odd, seed: [odd])
    left = [odd for seed in gan_lacks.CLAIM.seeds for odd in gan_lacks.measure(seed, None)]
    assert sorted(left) == list(range(10))
