"""How well groups that were found without labels agree with classes."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Matching(NamedTuple):
    """The best way to name groups by classes, each class at most once."""

    accuracy: float  # the share of items whose group is named as their class
    names: dict[int, int]  # the class of each group that has one


def matched_accuracy(groups: Tensor, labels: Tensor) -> Matching:
    """The accuracy of groups as a classifier, once each is named by another class.

    Of all one-to-one names the best, by the Hungarian algorithm. Groups at random have about
    1 / K, and a little more, as names are chosen to fit.

    Arguments:
        groups: int64 [N], of any number of groups.
        labels: int64 [N].

    Raises:
        ValueError: Not so many of one as of the other, or none.
    """
    if groups.shape != labels.shape or groups.dim() != 1 or not len(groups):
        raise ValueError(
            f"expected a group and a label for each item, got {list(groups.shape)} and "
            f"{list(labels.shape)}"
        )
    rows, columns = int(groups.max()) + 1, int(labels.max()) + 1
    pairs = torch.bincount(groups * columns + labels, minlength=rows * columns)
    counts = pairs.view(rows, columns).cpu().numpy()
    if rows <= columns:
        names = assignment(-counts)
    else:
        names = {group: name for name, group in assignment(-counts.T).items()}
    right = sum(int(counts[pair]) for pair in names.items())
    return Matching(right / len(groups), names)


def assignment(cost: np.ndarray) -> dict[int, int]:
    """The column of each row, each column once, at the least total cost [R, C], R <= C.

    The Hungarian algorithm (Kuhn 1955), with shortest augmenting paths as Jonker and Volgenant
    1987 have them: O(R^2 C).
    """
    rows, columns = cost.shape
    u, v, owner = np.zeros(rows), np.zeros(columns), np.full(columns, -1)
    for row in range(rows):
        _augment(cost, u, v, owner, row)
    return {int(row): column for column, row in enumerate(owner) if row >= 0}


# u_i + v_j <= cost_ij always, and equal where row i owns column j.
def _augment(cost: np.ndarray, u: np.ndarray, v: np.ndarray, owner: np.ndarray, new: int) -> None:
    """Gives one more row a column, along the path of columns that costs least to hand on."""
    far, before = np.full(len(v), np.inf), np.full(len(v), -1)
    done, row, column, reached = np.zeros(len(v), bool), new, -1, 0.0
    while row >= 0:  # until a column is free
        step = reached + cost[row] - u[row] - v
        nearer = ~done & (step < far)
        far[nearer], before[nearer] = step[nearer], column
        column = int(np.where(done, np.inf, far).argmin())
        done[column], reached, row = True, far[column], owner[column]
    owned = done & (owner >= 0)
    u[owner[owned]] += reached - far[owned]
    u[new] += reached
    v[done] -= reached - far[done]
    while column >= 0:
        owner[column] = owner[before[column]] if before[column] >= 0 else new
        column = before[column]
