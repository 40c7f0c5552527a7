"""The stream: one order for any batch and any number of processes, and every byte comes back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cardigan import distributed
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Stream, as_bytes, as_floats, together

N = 97  # prime: no batch divides it


def numbered(n=N):
    """Points that hold their own number."""
    return Dataset("numbers", torch.arange(float(n))[:, None], labels=torch.arange(n))


def drawn(stream, batches):
    got = [next(stream) for _ in range(batches)]
    image = torch.cat([batch.image for batch in got]).flatten().long().tolist()
    assert image == torch.cat([batch.label for batch in got]).tolist(), "labels stay with images"
    return image


def run(seed, count):
    """Images of the run, one by one, as one process sees them."""
    return drawn(Stream(numbered(), 1, seed), count)


def on(monkeypatch, rank, world):
    monkeypatch.setattr(distributed, "rank", lambda: rank)
    monkeypatch.setattr(distributed, "world", lambda: world)


@pytest.mark.parametrize("batch", range(1, 65))
def test_order_does_not_depend_on_the_batch(batch):
    batches = 2 * N // batch + 2
    assert drawn(Stream(numbered(), batch, seed=3), batches) == run(3, batch * batches)


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("batch", [1, 3, 8, 64])
def test_order_does_not_depend_on_the_processes(monkeypatch, world, batch):
    """Rank by rank, round by round, the batches of all processes are the run."""
    ranks = []
    for rank in range(world):
        on(monkeypatch, rank, world)
        stream = Stream(numbered(), batch, seed=5)
        ranks.append(torch.tensor(drawn(stream, 20)).view(20, batch))
        assert stream.seen == 20 * batch * world
    on(monkeypatch, 0, 1)
    assert torch.stack(ranks, 1).flatten().tolist() == run(5, 20 * batch * world)


def test_each_image_comes_once_an_epoch():
    epochs = torch.tensor(run(0, 10 * N)).view(10, N)
    assert (epochs.sort(1).values == torch.arange(N)).all()
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 10, "each in its own order"


def test_the_seed_makes_the_order():
    assert run(1, N) == run(1, N) != run(2, N)


@given(seen=st.integers(0, 10 * N), batch=st.integers(1, 64))
def test_resuming_is_setting_the_clock(seen, batch):
    stream = Stream(numbered(), batch, seed=7)
    stream.seen = seen
    assert drawn(stream, 2) == run(7, seen + 2 * batch)[seen:]
    assert stream.seen == seen + 2 * batch


def test_a_set_smaller_than_the_batch():
    stream = Stream(numbered(3), 8)
    assert sorted(drawn(stream, 3)) == sorted(8 * [0, 1, 2])


@given(before=st.integers(0, 30))
def test_together_keeps_ratio_and_order(before):
    def streams():
        return together(Stream(numbered(), 6, 1), other=Stream(numbered(31), 2, 2))

    whole, later = streams(), streams()
    for _ in range(before):
        draw = next(whole)
        assert len(draw["first"].image) == 3 * len(draw["other"].image)
    assert whole.seen == 6 * before
    later.seen = whole.seen
    one, two = next(whole), next(later)
    assert all(one[name].image.equal(two[name].image) for name in ("first", "other"))


def test_every_byte_comes_back():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    floats = as_floats(every)
    assert floats.min() == -1 and floats.max() == 1
    assert as_bytes(floats).equal(every)
    assert as_bytes(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_images_are_channels_last_floats():
    images = torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8)
    batch = next(Stream(Dataset("noise", images), 4))
    assert batch.label is None and batch.image.dtype == torch.float32
    assert batch.image.is_contiguous(memory_format=torch.channels_last)
