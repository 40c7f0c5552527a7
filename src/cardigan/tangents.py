"""Tangent spaces of the data as a trained encoder or decoder knows them, and invariance to them.

Kumar et al. 2017, arXiv:1705.08850, section 2: a generator's samples form a manifold, whose
tangents at an image are the changes that leave it an image of the same kind.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from .abilities import Codec

Map = Callable[[Tensor], Tensor]  # in eval mode, so that each sample goes its own way
Classify = Callable[[Tensor], Tensor]  # images -> logits [N, K]


# J_E(x) = U S V^T, and the columns of V that belong to the largest of S
def encoder_tangents(encode: Map, x: Tensor, k: int) -> Tensor:
    """The k directions in which the codes of x [N, ...] change most: orthonormal [N, k, ...].

    One backward pass for each entry of a code.

    Raises:
        ValueError: Codes with fewer than k entries.
    """
    codes, pull = vjp(encode, x)[:2]
    n, d = codes.shape
    _check(k, d)
    basis = torch.eye(d, dtype=codes.dtype, device=codes.device)
    rows = vmap(lambda e: pull(e.expand(n, d))[0])(basis)  # [d, N, ...]
    jacobian = rows.transpose(0, 1).flatten(2)
    return leading(jacobian, k).unflatten(2, x.shape[1:])


# J_G(z) = U S V^T, and the columns of U that belong to the largest of S
def decoder_tangents(decode: Map, z: Tensor, k: int) -> Tensor:
    """The k directions in which samples of z [N, Z] change most: orthonormal [N, k, ...].

    One forward pass for each entry of a code.

    Raises:
        ValueError: Codes with fewer than k entries.
    """
    _check(k, z.shape[1])
    basis = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    columns = vmap(lambda e: jvp(decode, (z,), (e.expand_as(z),))[1])(basis)  # [Z, N, ...]
    return leading(columns.transpose(0, 1).flatten(2), k).unflatten(2, columns.shape[2:])


# The same of a codec at x [N, ...]: the encoder's own, or the decoder's at the codes of x.
WAYS: dict[str, Callable[[Codec, Tensor, int], Tensor]] = {
    "decoder": lambda codec, x, k: decoder_tangents(codec.decode, codec.encode(x), k),
    "encoder": lambda codec, x, k: encoder_tangents(codec.encode, x, k),
}


def leading(rows: Tensor, k: int) -> Tensor:
    """The k leading right-singular vectors of matrices [N, M, D], as rows: [N, k, D].

    Signs, and rotations among equal singular values, mean nothing: compare spans.
    """
    return torch.linalg.svd(rows, full_matrices=False).Vh[:, :k]


# sum_v |J_c(x) v|^2
def tangent_penalty(classify: Classify, x: Tensor, tangents: Tensor) -> Tensor:
    """How much logits of x [N, ...] change along tangents [N, k, ...]: [N].

    Kumar et al. 2017, section 2.2. Exact, where the paper divides finite differences: noise and
    dropout would be another at each end of a difference. One forward pass a tangent.
    """
    changes = [jvp(classify, (x,), (v,))[1] for v in tangents.unbind(1)]
    return torch.stack([change.square().sum(1) for change in changes]).sum(0)


# |J_c(x)|_F^2 = E_v |J_c(x) v|^2,  v ~ N(0, I)
def jacobian_penalty(classify: Classify, x: Tensor, directions: int = 1) -> Tensor:
    """How much logits change along any direction, estimated along random ones: [N]."""
    v = torch.randn(len(x), directions, *x.shape[1:], dtype=x.dtype, device=x.device)
    return tangent_penalty(classify, x, v) / directions


def _check(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise ValueError(f"expected 1 to {most} tangents, as many as a code has entries, got {k}")
