"""VQ-VAE: the codebook, straight-through gradients, two stages, and sampling end to end."""

import math
from dataclasses import replace

import pytest
import torch
from reliability_tools import fingerprint
from small import SMALL, start
from torch import Tensor, nn

from cardigan import checkpoint
from cardigan.data.stream import as_floats
from cardigan.game import Player
from cardigan.games import VQVAE
from cardigan.games.codebook import Codebook, Use, perplexity
from cardigan.laws import Gaussian
from cardigan.nets.vqvae import Decoder, Encoder
from cardigan.optimizers import adam
from cardigan.recipes import RECIPES
from cardigan.train import Hook, play, train


@pytest.fixture
def book():
    return Codebook(5, 3).double()


def vectors(n: int = 4) -> Tensor:
    return torch.randn(n, 3, 2, 4, dtype=torch.float64)


# -------------------------------------------------------------------------------------- codebook


def test_the_nearest_code_is_the_nearest(book):
    z = vectors()
    far = (z[:, None] - book.vectors[:, :, None, None]).square().sum(2)  # [N, K, H, W]
    assert torch.equal(book.nearest(z), far.argmin(1))


def test_codes_stay_what_they_are(book):
    codes = book.look_up(book.nearest(vectors()))
    assert torch.equal(book.look_up(book.nearest(codes)), codes)
    rows = codes.movedim(1, 3).flatten(0, 2)
    assert all((row == book.vectors).all(1).any() for row in rows)


def test_places_keep_their_own_vectors():
    """One entry at one place: who mixes places and channels up finds another."""
    book = Codebook(2, 3)
    book.vectors.copy_(torch.tensor([[0.0, 0, 0], [0, 5, 0]]))
    z = torch.zeros(1, 3, 2, 2)
    z[0, 1, 0, 1] = 5
    assert book.nearest(z).tolist() == [[[0, 1], [0, 0]]]


def test_without_memory_codes_are_means_of_what_is_nearest():
    """Decay 0: a step of k-means."""
    book, z = Codebook(3, 3, decay=0.0, least=0.0).double(), vectors(20)
    index = book.nearest(z)
    places, flat = z.movedim(1, 3).flatten(0, 2), index.flatten()
    means = torch.stack([places[flat == k].mean(0) for k in range(3)])
    book.follow(book.averages(), book.use(z, index))
    assert torch.allclose(book.vectors, means, atol=1e-5)
    assert torch.allclose(book.share, torch.bincount(flat, minlength=3).double() / len(flat))


def test_codes_that_fit_stay_where_they_are(book):
    z = book.vectors.T[None, :, None].clone()  # each code, once
    before = book.vectors.clone()
    for _ in range(50):
        book.follow(book.averages(), book.use(z, book.nearest(z)))
    assert torch.allclose(book.vectors, before, atol=1e-5)


def test_means_move_by_the_decay(book):
    z = vectors()
    use, before = book.use(z, book.nearest(z)), book.averages()
    assert use.share.sum().item() == pytest.approx(1)
    book.follow(before, use)
    assert torch.allclose(book.total, 0.99 * before.total + 0.01 * use.total)
    book.follow(before, use)  # set, and not added: rounds are played in copies
    assert torch.allclose(book.share, 0.99 * before.share + 0.01 * use.share)


def test_a_code_that_nobody_uses_is_not_divided_by_nothing():
    book = Codebook(2, 1, decay=0.0)
    book.follow(book.averages(), Use(torch.tensor([1.0, 0.0]), torch.tensor([[3.0], [0.0]])))
    assert book.vectors.isfinite().all() and book.vectors[0].item() == pytest.approx(3, abs=0.2)


def test_an_idle_code_shares_the_place_of_a_busy_one():
    book = Codebook(4, 3)
    total = torch.randn(4, 3)
    book.become(Use(torch.tensor([0.7, 0.001, 0.2, 0.099]), total))
    assert torch.allclose(book.share, torch.tensor([0.35, 0.35, 0.2, 0.099]))
    place = total[0] / 0.7
    assert torch.allclose(book.vectors[[0, 1]].mean(0), place, atol=1e-4)
    apart = (book.vectors[0] - book.vectors[1]).norm() / place.norm()
    assert 0 < apart < 0.2
    assert torch.allclose(book.vectors[2:], total[2:] / torch.tensor([[0.2], [0.099]]), atol=1e-4)


def test_codes_in_use_are_left_alone():
    book, share, total = Codebook(4, 3), torch.tensor([0.5, 0.05, 0.4, 0.05]), torch.randn(4, 3)
    book.become(Use(share, total))
    assert torch.equal(book.share, share) and torch.equal(book.total, total)


def test_a_codebook_of_which_one_code_is_in_use_spreads():
    """Four clouds and one code near them all: the others come."""
    book = Codebook(8, 2, decay=0.9)
    book.vectors += 100
    book.vectors[3] = 0
    book.become(Use(book.share, book.vectors * book.share[:, None]))
    centres = torch.tensor([[5.0, 5], [5, -5], [-5, 5], [-5, -5]])
    z = (centres[torch.arange(64) % 4] + 0.1 * torch.randn(64, 2)).T[None, :, None]
    for _ in range(200):
        use = book.use(z, book.nearest(z))
        book.follow(book.averages(), use)
    assert perplexity(use.share) > 3.9
    rebuilt = book.look_up(book.nearest(z))
    assert (rebuilt - z).square().mean() < 0.1


def test_codes_start_from_the_data(book):
    z = vectors()
    book.start_from(z)
    places = z.movedim(1, 3).flatten(0, 2)
    assert all(torch.isclose(places, row).all(1).any() for row in book.vectors)


def test_perplexity_counts_codes():
    assert perplexity(torch.full((8,), 1 / 8)).item() == pytest.approx(8)
    assert perplexity(torch.tensor([1.0, 0, 0])).item() == pytest.approx(1)


# ------------------------------------------------------------------------------------- gradients


class Kept(nn.Module):
    """Remembers what it was given."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, self.given, self.gave = net, [], []

    def forward(self, x: Tensor, label: Tensor | None = None):
        self.given.append(x)
        told = self.net(x, None)
        self.gave.append(told)
        return told


def watched(commitment: float) -> tuple[VQVAE, Tensor]:
    game, stream = start("vqvae")
    game.encoder.net, game.decoder.net = Kept(game.encoder.net), Kept(game.decoder.net)
    game.commitment = commitment
    return game, next(stream).image


def slopes(commitment: float) -> tuple[Tensor, Tensor, VQVAE]:
    """Of the first loss, by the encoder's vectors and by what the decoder was given."""
    game, x = watched(commitment)
    move = next(game.round(iter([(x, None)])))
    z, code = game.encoder.net.gave[0], game.decoder.net.given[0]
    by_z, by_code = torch.autograd.grad(move.loss.mean(), [z, code], retain_graph=True)
    return by_z, by_code, game


def test_slopes_go_straight_through_to_the_encoder():
    by_z, by_code, game = slopes(0.0)
    assert by_code.any() and torch.equal(by_z, by_code)
    assert not game.codebook.vectors.requires_grad


def test_commitment_pulls_vectors_to_their_codes():
    by_z, by_code, game = slopes(0.25)
    z = game.encoder.net.gave[0]
    code = game.codebook.look_up(game.codebook.nearest(z))
    assert torch.allclose(by_z - by_code, 0.25 * 2 * (z - code) / z.numel(), atol=1e-7)


def test_the_decoder_sees_codes():
    _, _, game = slopes(0.25)
    code = game.codebook.look_up(game.codebook.nearest(game.encoder.net.gave[0]))
    assert torch.allclose(game.decoder.net.given[0], code, atol=1e-6)


# ----------------------------------------------------------------------------------------- stages


def stages(codebook_images: int, prior_images: int):
    recipe = replace(
        SMALL["vqvae"], codebook_images=codebook_images, prior_images=prior_images
    ).checked()
    _, stream = start("vqvae")
    torch.manual_seed(0)
    return recipe.game(), stream


def test_the_prior_starts_when_the_codebook_is_done():
    game, stream = stages(32, 32)
    movers, books = [], []
    for _ in range(4):
        turns = game.round(stream)
        movers.append([next(turns).players])
        books.append(game.codebook.vectors.clone())
        turns.close()
        play(game, stream)
        game.seen += 16
        books[-1] = (books[-1], game.codebook.vectors.clone())
    codec, prior = (game.encoder, game.decoder), (game.prior,)
    assert movers == [[codec], [codec], [prior], [prior]]
    assert [torch.equal(*pair) for pair in books] == [False, False, True, True]


def test_what_the_prior_learns_from_stays_as_it_is():
    game, stream = stages(16, 16)
    train(game, stream, 16)
    before = {k: v.clone() for k, v in game.state_dict().items() if "prior" not in k}
    train(game, stream, 64)
    after = game.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())


def test_a_run_resumes_to_the_bit_across_the_stages(tmp_path):
    def save(game, log):
        checkpoint.save(tmp_path, game, "{}", {})

    game, stream = stages(48, 48)
    train(game, stream, 96, seed=5, hooks=[Hook(16, save)])
    saved = sorted(tmp_path.iterdir())
    assert len(saved) == 6
    for path in saved:
        other, stream = stages(48, 48)
        checkpoint.restore(other, path)
        train(other, stream, 96, seed=5)
        assert fingerprint(other) == fingerprint(game), path.name


def test_only_numbers_are_logged():
    game, stream = start("vqvae")
    log = play(game, stream)
    assert {"error", "commitment", "perplexity", "bits"} <= log.keys()
    assert all(not value.dim() for value in log.values())
    assert 1 <= log["perplexity"] <= 16


# ------------------------------------------------------------------------------------------- game


def test_an_untrained_prior_needs_the_logarithm_of_codes():
    game, stream = start("vqvae")
    log = play(game, stream)
    assert log["bits"].item() == pytest.approx(math.log2(16))


def test_probabilities_are_those_of_the_image_and_of_its_codes():
    game, stream = start("vqvae")
    images = stream.dataset.images[:6]
    torch.manual_seed(1)
    found = game.log_prob(images)
    with torch.no_grad():
        z = game.encoder(as_floats(images), None)
        law = game.decoder(game.codebook.look_up(game.codebook.nearest(z)), None)
        torch.manual_seed(1)
        expected = law.log_prob_of_bytes(as_floats(images)) - 4 * math.log(16)
    assert torch.allclose(found, expected, atol=1e-3)


def test_samples_are_decoded_from_what_the_prior_draws():
    game, stream = start("vqvae")
    with torch.no_grad():
        game.prior.eval_net.last.bias[7] = 50.0  # a prior that knows one code
    code = game.codebook.vectors[7].expand(2, 2, 2, -1).movedim(3, 1)
    with torch.no_grad():
        expected = game.decoder(code, None).image
    assert torch.allclose(game.sample(2, seed=0), expected, atol=1e-6)


def test_codes_are_encoded_and_rebuilt():
    game, stream = start("vqvae")
    x = next(stream).image
    codes = game.encode(x)
    assert codes.shape == (16, 4 * 2 * 2)
    with torch.no_grad():
        expected = game.decoder(codes.unflatten(1, (4, 2, 2)), None).image
    assert torch.allclose(game.reconstruct(x), expected, atol=1e-6)


def test_the_prior_draws_better_maps_than_chance():
    """Fewer bits than each code by itself would need, at its place, of a codebook that is done."""
    game, stream = stages(40 * 16, 40 * 16)
    SMALL["vqvae"].prepare(game, stream.dataset)
    train(game, stream, 40 * 16)
    images = as_floats(stream.dataset.images)
    with torch.no_grad():
        index = game.codebook.nearest(game.encoder(images, None)).flatten(1)  # [N, h w]
    shares = torch.stack([torch.bincount(place, minlength=16) for place in index.T]) / len(index)
    alone = torch.special.entr(shares).sum(1).mean() / math.log(2)
    train(game, stream, 300 * 16)
    with torch.no_grad():
        logits = game.prior(index.reshape(-1, 1, 2, 2), None)
    told = torch.nn.functional.cross_entropy(logits.flatten(2), index) / math.log(2)
    assert told < alone < math.log2(16)


def test_rebuilt_images_are_nearer_than_their_mean():
    game, stream = start("vqvae")
    SMALL["vqvae"].prepare(game, stream.dataset)
    train(game, stream, 160 * 16)
    images = as_floats(stream.dataset.images)
    rebuilt = (game.reconstruct(images) - images).square().mean()
    assert rebuilt < 0.5 * (images - images.mean(0)).square().mean()


def test_maps_are_a_quarter_of_the_picture():
    with torch.device("meta"):
        z = Encoder(3, 64, 128, 32)(torch.zeros(2, 3, 28, 28))
        law = Decoder((3, 28, 28), 64, 128, 32)(z)
    assert z.shape == (2, 64, 7, 7) and law.mean.shape == (2, 3, 28, 28)
    assert isinstance(law, Gaussian)


def test_stages_leave_no_gap():
    recipe = replace(RECIPES["vqvae"], codebook_images=10, prior_images=20)
    assert any("prior_images must not be above" in problem for problem in recipe.problems())


def test_other_networks_fit_the_game():
    make = [
        Player(net, adam(), 1e-3) for net in (Encoder(1, 2, 4, 2), Decoder((1, 8, 8), 2, 4, 2))
    ]
    game = VQVAE(*make, start("vqvae")[0].prior, Codebook(16, 2), (2, 2))
    assert game.sample(3, seed=0).shape == (3, 1, 8, 8)
