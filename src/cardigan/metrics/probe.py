"""What an encoder's features know of the classes: read off by a line, or by neighbours."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..progress import track
from ..randomness import generator
from .bootstrap import Interval, mean_interval

PENALTIES = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""The strongest first: each fit begins where the one before ended."""
HELD_OUT = 0.2
"""The share of train features that chooses the penalty."""


class Labelled(NamedTuple):
    """Features of N images, and what they show."""

    features: Tensor  # [N, D]
    labels: Tensor  # int64 [N]


class Probe(NamedTuple):
    """Accuracies on test features, from 0 to 1."""

    accuracy: float
    interval: Interval
    permuted: float  # of a probe that learnt permuted labels: chance
    penalty: float  # that the held-out share of train features chose
    by_class: dict[int, float]  # accuracy by label in the test set


class Linear(NamedTuple):
    """A linear classifier."""

    weight: Tensor  # [D, K]
    bias: Tensor  # [K]

    def __call__(self, features: Tensor) -> Tensor:
        """Features [N, D] to logits [N, K]."""
        return features @ self.weight + self.bias


def linear_probe(
    train: Labelled, test: Labelled, penalties: Sequence[float] = PENALTIES, seed: int = 0
) -> Probe:
    """The accuracy of logistic regression on features of a frozen encoder.

    Alain and Bengio 2016, arXiv:1610.01644; as Donahue and Simonyan 2019 (BigBiGAN),
    arXiv:1907.02544, judge encoders, without their augmentation. Features are standardised by
    train statistics. The penalty is chosen on a fifth of the train features, then all are fitted;
    test features choose nothing.

    Arguments:
        penalties: To choose from, the strongest first.
        seed: Of the split and the permutation; the global random state is left alone.

    Raises:
        ValueError: Features and labels that do not fit one another, or a single class.
    """
    classes = _classes(train, test)
    seen, asked = standardised(train.features, test.features)
    order = torch.randperm(len(seen), generator=generator(seed))
    cut = math.ceil(HELD_OUT * len(order))
    penalty = _chosen(Labelled(seen, train.labels), order[cut:], order[:cut], penalties, classes)
    model = logistic_regression(seen, train.labels, penalty, classes)
    shuffled = train.labels[torch.randperm(len(seen), generator=generator(seed, 1))]
    control = logistic_regression(seen, shuffled, penalty, classes)
    right = _right(model(asked), test.labels)
    permuted = _right(control(asked), test.labels)
    return Probe(
        accuracy=right.mean().item(),
        interval=mean_interval(right),
        permuted=permuted.mean().item(),
        penalty=penalty,
        by_class=by_class(right, test.labels),
    )


def by_class(values: Tensor, labels: Tensor) -> dict[int, float]:
    """The mean of values [N] for each label there is."""
    return {int(k): values[labels == k].double().mean().item() for k in labels.unique()}


# argmin_{W, b} mean_i CE(x_i W + b, y_i) + penalty / 2 |W|^2
def logistic_regression(
    features: Tensor,
    labels: Tensor,
    penalty: float,
    classes: int,
    start: Linear | None = None,
    tolerance: float = 1e-5,
) -> Linear:
    """Multinomial logistic regression by L-BFGS, in float64.

    Scikit-learn's `LogisticRegression(C=1 / (penalty * N))` is the same minimum.

    Arguments:
        features: [N, D]; standardised ones converge soonest.
        labels: int64 [N], below `classes`.
        start: Where to begin.
        tolerance: Of the gradient's largest entry; at most 1,000 steps are made.
    """
    x, dimensions = features.double(), features.shape[1]
    blank = Linear(x.new_zeros(dimensions, classes), x.new_zeros(classes))
    model = Linear(*(part.clone().requires_grad_() for part in start or blank))
    optimizer = torch.optim.LBFGS(
        [*model],
        max_iter=1000,
        tolerance_grad=tolerance,
        tolerance_change=1e-12,  # the gradient alone decides
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(model(x), labels) + penalty / 2 * model.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)  # pyright: ignore[reportArgumentType]
    return Linear(*(part.detach() for part in model))


def neighbour_probe(train: Labelled, test: Labelled, k: int = 1, batch: int = 1000) -> float:
    """The accuracy of `neighbours_right`."""
    return neighbours_right(train, test, k, batch).mean().item()


def neighbours_right(train: Labelled, test: Labelled, k: int = 1, batch: int = 1000) -> Tensor:
    """Whether the label is that of the majority of the k nearest train features: float64 [N].

    Distances are Euclidean. Where classes have equally many votes, the first wins. Features are
    taken as they are: see `standardised` where their scales differ.

    Raises:
        ValueError: Features and labels that do not fit one another, a single class, or fewer
            train features than k.
    """
    classes = _classes(train, test)
    if not 1 <= k <= len(train.labels):
        raise ValueError(f"expected 1 to {len(train.labels)} neighbours, got {k}")
    votes = [
        _votes(part, train, k, classes)
        for part in track(test.features.double().split(batch), "neighbours", unit="batches")
    ]
    return _right(torch.cat(votes), test.labels)


def standardised(train: Tensor, *others: Tensor) -> list[Tensor]:
    """Features in float64 with mean 0 and std 1 over the first set; what is constant becomes 0."""
    mean, std = train.double().mean(0), train.double().std(0, correction=0)
    scale = torch.where(std > 1e-12 * mean.abs(), 1 / std, 0)
    return [(features.double() - mean) * scale for features in (train, *others)]


def _chosen(
    train: Labelled, kept: Tensor, held: Tensor, penalties: Sequence[float], classes: int
) -> float:
    """The penalty with the best accuracy on what is held out; the strongest of equal ones."""
    model, scores = None, []
    for penalty in track(penalties, "linear probe", unit="penalties"):
        x, y = train.features[kept], train.labels[kept]
        model = logistic_regression(x, y, penalty, classes, model)
        scores.append(_right(model(train.features[held]), train.labels[held]).mean().item())
    return penalties[scores.index(max(scores))]


def _votes(features: Tensor, train: Labelled, k: int, classes: int) -> Tensor:
    distance = torch.cdist(features, train.features.double())
    nearest = distance.topk(k, largest=False).indices
    votes = F.one_hot(train.labels[nearest], classes).sum(1)
    return votes * classes - torch.arange(classes, device=votes.device)


def _right(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.argmax(1) == labels).double()


def _classes(train: Labelled, test: Labelled) -> int:
    for features, labels in (train, test):
        if features.dim() != 2 or len(features) != len(labels) or len(features) < 2:
            raise ValueError(
                f"expected features [N, D] and labels [N] of two images or more, got "
                f"{list(features.shape)} and {list(labels.shape)}"
            )
        if not features.isfinite().all():
            raise ValueError("expected finite features, got some that are not")
    if len(train.labels.unique()) < 2:
        raise ValueError("expected two classes or more to tell apart, got one")
    return int(max(train.labels.max(), test.labels.max())) + 1
