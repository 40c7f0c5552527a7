"""How one network tells classes apart and real from fake: functions of its outputs.

K logits l_k of classes become the law q of classes, and one logit c tells real from fake:
q_k = exp(l_k) / Z with Z = sum exp(l_k), and D = sigmoid(c). Whatever the form, -log D(x) is
softplus(-c) and -log(1 - D(x)) is softplus(c), so any adversarial loss of logits can train it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from ..game import Player
from .outputs import in_full, in_parts


class Judgement(NamedTuple):
    """What a network says of N images."""

    classes: Tensor  # [N, K] logits of the classes, given that the image is real
    real: Tensor  # [N] logit: log p(real) - log p(fake)


# Odena 2016, arXiv:1606.01583: one softmax over N + 1 classes, the last of which is FAKE.
#   p(real) / p(FAKE) = sum_k exp(l_k) / exp(l_fake)   so   c = logsumexp(l) - l_fake
def fake_class(outputs: Tensor) -> Judgement:
    """Outputs [N, K + 1] of a softmax whose last class is FAKE."""
    classes, fake = outputs[:, :-1], outputs[:, -1]
    return Judgement(classes, classes.logsumexp(1) - fake)


# Salimans et al. 2016, arXiv:1606.03498, section 5: a softmax does not change if a number is taken
# from all its logits, so that of FAKE can be fixed at 0. Then D = Z / (Z + 1), c = logsumexp(l).
def fixed_fake(outputs: Tensor) -> Judgement:
    """Outputs [N, K] of a softmax whose FAKE class has logit 0."""
    return Judgement(outputs, outputs.logsumexp(1))


def two_heads(outputs: Tensor) -> Judgement:
    """Outputs [N, K + 1]: a softmax over K classes, and a sigmoid beside it that judges."""
    return Judgement(outputs[:, :-1], outputs[:, -1])


# -log p(y | x, real) = -l_y + logsumexp(l)
def among_real(judged: Judgement, label: Tensor) -> Tensor:
    """Cross-entropy [N] of labels int64 [N] among the classes of reals."""
    return cross_entropy(judged.classes, label, reduction="none")


# -log p(y | x) = -log p(y | x, real) - log p(real | x): a softmax over N + 1 classes, split.
def among_all(judged: Judgement, label: Tensor) -> Tensor:
    """Cross-entropy [N] of labels int64 [N] among the classes of reals and FAKE."""
    return among_real(judged, label) + softplus(-judged.real)


class Form(NamedTuple):
    """A way to classify and to judge with one network of `K + more` outputs."""

    more: int
    judge: Callable[[Tensor], Judgement]
    supervised: Callable[[Judgement, Tensor], Tensor]


FORMS = {
    "fake-class": Form(1, fake_class, among_all),
    "two-heads": Form(1, two_heads, among_real),
    "fixed-fake": Form(0, fixed_fake, among_real),
}


class Seen(NamedTuple):
    """A batch as a network saw it."""

    judged: Judgement
    features: Tensor  # [N, F], before the last layer


Look = Callable[..., list[Seen]]
"""Shows a network several batches, as `apart` and `together` do."""


def apart(
    call: Callable[..., Any], judge: Callable[[Tensor], Judgement], *images: Tensor
) -> list[Seen]:
    """What a network sees in each of several batches, one after the other.

    Batch norm then has statistics of reals, or of fakes, and not of their mixture, in which much
    is lost of what tells them apart.
    """
    return [_seen(judge, *call(batch, None)) for batch in images]


def together(
    call: Callable[..., Any], judge: Callable[[Tensor], Judgement], *images: Tensor
) -> list[Seen]:
    """The same in one pass, so that batch norm has the statistics of all.

    Features whose means are to be matched want this: by its own statistics every batch has
    nearly the same means.
    """
    outputs, features = call(torch.cat(images), None)
    counts = [len(part) for part in images]
    parts = zip(outputs.split(counts), features.split(counts), strict=True)
    return [_seen(judge, *part) for part in parts]


def _seen(judge: Callable[[Tensor], Judgement], outputs: Tensor, features: Tensor) -> Seen:
    return Seen(judge(in_full(outputs)), in_full(features))


def classified(player: Player, judge: Callable[[Tensor], Judgement], x: Tensor) -> Tensor:
    """Logits [N, K] of the classes of images [N, C, H, W], in eval mode."""
    net, device = player.eval_net, player.lists.own[0].device
    return in_parts(lambda part: judge(in_full(net(part.to(device), None)[0])).classes, x)
