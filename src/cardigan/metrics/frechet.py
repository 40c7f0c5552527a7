"""How far two clouds of features lie apart, as Gaussians."""

from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Squared 2-Wasserstein distance between the Gaussians fitted to real and fake features.

    d^2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^{1/2}), covariances divided by N - 1
    (Heusel et al. 2017, arXiv:1706.08500). The name FID is kept for the features of
    the Inception network; figures through unlike networks are never compared.

    The figure is too large at small N, and the more so the more features there are. With l the
    eigenvalues of the true covariance, each side that is a sample of N adds about
    tr(S) / N + sum_ij l_i l_j (1 + d_ij) / (l_i + l_j) / (2 (N - 1)), so compare at one N only.

    Arguments:
        real: [N, D].
        fake: [M, D].
    """
    centre = real.double().mean(0)  # far from the origin, sums of squares would cancel
    metric = FrechetInceptionDistance(_Given(real.shape[1]))
    metric.update(real.double() - centre, real=True)
    metric.update(fake.double() - centre, real=False)
    return metric.compute().item()


class _Given(nn.Module):
    """Stands where torchmetrics wants a network: the features are computed already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features
