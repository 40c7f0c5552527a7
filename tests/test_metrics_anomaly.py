"""Anomaly scores, the area under their ROC curve, and flips of attributes."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from cardigan.metrics.anomaly import anogan_score, auroc
from cardigan.metrics.bootstrap import Interval
from cardigan.metrics.flips import Flips, aim, flips


@pytest.mark.parametrize("levels", [0, 5])
def test_the_area_is_scikit_learns(levels):
    """With ties as well: of scores rounded to few levels."""
    normal, odd = torch.randn(200).double(), torch.randn(70).double() + 0.7
    if levels:
        normal, odd = ((x * levels / 4).round() for x in (normal, odd))
    truth = [0] * 200 + [1] * 70
    assert auroc(normal, odd).value == pytest.approx(
        roc_auc_score(truth, torch.cat([normal, odd]))
    )


def test_ideal_and_useless_scores():
    low, high = torch.arange(10), torch.arange(10) + 20
    assert auroc(low, high).value == 1 and auroc(high, low).value == 0
    assert auroc(low, low).value == 0.5 and auroc(torch.zeros(5), torch.zeros(9)).value == 0.5


def test_a_score_in_any_unit_is_the_same():
    normal, odd = torch.randn(30), torch.randn(30) + 1
    assert auroc(normal, odd) == auroc(normal.exp(), odd.exp())


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """For normals of unit variance a deviation apart: Phi(1 / sqrt 2)."""
    truth = torch.distributions.Normal(0, 1).cdf(torch.tensor(0.5**0.5)).item()
    inside = 0
    for _ in range(400):
        found = auroc(torch.randn(60), torch.randn(40) + 1).interval
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.98


@pytest.mark.parametrize("normal", [[1.0], [1.0, float("nan")], []])
def test_too_few_scores_are_refused(normal):
    with pytest.raises(ValueError, match="two finite scores"):
        auroc(torch.tensor(normal), torch.ones(3))


def test_the_score_weighs_residuals_and_features():
    x, y = torch.tensor([[[[1.0, -1.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    f, g = torch.tensor([[2.0, 0.0]]), torch.tensor([[-3.0, 1.0]])
    assert anogan_score(x, y, f, g).item() == pytest.approx(0.9 * 3 + 0.1 * 6)
    assert anogan_score(x, y, f, g, weight=1).item() == 6
    assert anogan_score(x, x, f, f).item() == 0


def test_flips_are_counted_by_attribute():
    before = torch.zeros(10, 1, 2, 2, dtype=torch.uint8)
    after = before.clone()
    after[:3, 0, 0, 0] = 255

    def judge(y, x):
        return lambda images: torch.stack([255 - images[:, 0, y, x], images[:, 0, y, x]], 1)

    found = flips(before, after, {"a": judge(0, 0), "b": judge(1, 1)})
    assert found["a"].share == pytest.approx(0.3) and found["b"].share == 0
    assert found["a"].interval.low < 0.3 < found["a"].interval.high


def test_what_flips_most_is_what_a_direction_is_for():
    shares = {"hat": 0.1, "skin": 0.7, "hair": 0.3}
    found = {name: Flips(share, Interval(0, 1)) for name, share in shares.items()}
    assert aim(found) == ("skin", 0.7, pytest.approx(0.2), 0.3)
    assert aim({"hat": found["hat"]}) == ("hat", 0.1, None, None)
