"""Matched accuracy against scipy's assignment and by hand."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from cardigan.metrics.matching import assignment, matched_accuracy


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 7), (10, 10), (30, 41)])
@pytest.mark.parametrize("kind", ["floats", "ties", "negative"])
def test_the_assignment_costs_what_scipys_costs(shape, kind):
    draw = np.random.default_rng(1)
    for _ in range(5):
        cost = {
            "floats": draw.random(shape),
            "ties": draw.integers(0, 3, shape).astype(float),
            "negative": draw.normal(size=shape) - 5,
        }[kind]
        found = assignment(cost)
        assert sorted(found) == [*range(shape[0])] and len({*found.values()}) == shape[0]
        total = sum(cost[row, column] for row, column in found.items())
        assert total == pytest.approx(cost[linear_sum_assignment(cost)].sum())


def test_renamed_classes_match_whole():
    labels = torch.randint(10, (500,), generator=torch.Generator().manual_seed(0))
    names = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    matching = matched_accuracy(names[labels], labels)
    assert matching.accuracy == 1
    assert all(names[label] == group for group, label in matching.names.items())


def test_two_classes_in_one_group_count_once():
    groups, labels = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 2, 2, 2])
    assert matched_accuracy(groups, labels).accuracy == pytest.approx(5 / 6)


def test_majority_may_not_name_two_groups_alike():
    groups, labels = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 0, 0, 0, 1])
    assert matched_accuracy(groups, labels).accuracy == pytest.approx(3 / 5)


@pytest.mark.parametrize(("groups", "classes"), [(3, 8), (8, 3)])
def test_there_may_be_more_groups_than_classes_or_fewer(groups, classes):
    draw = torch.Generator().manual_seed(2)
    a, b = (torch.randint(k, (400,), generator=draw) for k in (groups, classes))
    table = np.zeros((groups, classes))
    np.add.at(table, (a.numpy(), b.numpy()), 1)
    best = table[linear_sum_assignment(-table)].sum() / 400
    assert matched_accuracy(a, b).accuracy == pytest.approx(best)


@pytest.mark.parametrize(("groups", "labels"), [([], []), ([1], [1, 2])])
def test_what_does_not_fit_is_told(groups, labels):
    with pytest.raises(ValueError, match="expected a group and a label"):
        matched_accuracy(torch.tensor(groups, dtype=torch.int64), torch.tensor(labels))
