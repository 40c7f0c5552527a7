"""Many processes train as one does: what is equal to the bit, what nearly, and what is not."""

import os
import re
from functools import cache
from pathlib import Path
from signal import SIGINT, SIGTERM, SIGUSR1

import pytest
import torch
from distributed_tools import IMAGES, at_batch, each, noting_state, sending, states, train, trained
from process_tools import forbid, lines, noting, state
from safetensors.torch import load_file, save_file
from small import PLAYED, SMALL, start, toy
from torch import nn

import cardigan
from cardigan import distributed
from cardigan.data.dataset import Dataset
from cardigan.data.stream import Stream
from cardigan.distributed import rank
from cardigan.randomness import generator
from cardigan.train import play
from cardigan.train import train as train_game

HOUSE = Path(cardigan.__file__).parent


# ------------------------------------------------------------------------------- a run is a run


def strangers():
    """Every process builds other weights."""
    for cls in {type(recipe) for recipe in SMALL.values()}:
        real = cls.game

        def game(self, real=real):
            torch.manual_seed(100 + rank())
            return real(self)

        cls.game = game


@pytest.mark.parametrize(("name", "world"), [*((name, 2) for name in PLAYED), ("dcgan", 4)])
def test_every_recipe_ends_equal_on_all_processes(tmp_path, name, world):
    trained(world, name, tmp_path, setup=[strangers, noting_state(tmp_path)])
    assert len(set(states(tmp_path, "before"))) == world, "they began from different weights"
    assert len(states(tmp_path, "after")) == world and len(set(states(tmp_path, "after"))) == 1
    rows = lines(tmp_path / "run" / "log.jsonl")
    batch = SMALL[name].training.batch
    assert len(rows) == len({row["seen"] for row in rows}) > 1, "one log"
    assert rows[-1]["seen"] >= 30 * batch > rows[-2]["seen"]
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["ranks", "run"], "one run"


def test_the_first_process_alone_speaks(tmp_path):
    first, second = trained(2, "ring-gan", tmp_path)
    assert "report" in first.out and "Traceback" not in first.err
    assert not second.out and not second.err


# ------------------------------------------------------------------------------------- gradients


def without(net: nn.Module, *kinds: type[nn.Module]) -> None:
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, kinds):
                setattr(module, name, nn.Identity())


NAMES = ["gan", "dcgan", "upsample-gan", "ring-gan"]
RANDOM = (nn.Dropout,)
STATISTICS = (nn.BatchNorm1d, nn.BatchNorm2d)
LIMIT = {torch.float64: 1e-10, torch.float32: 1e-5}


def at_rest(name: str, dtype: torch.dtype, world: int, copies: int, drop: tuple[type, ...]):
    """A game that learns at rate 0, and a stream; latents belong to the images, by number."""
    recipe, (game, _) = SMALL[name], start(name)
    without(game, *drop)
    game.to(dtype)
    data, numbers = toy(recipe, IMAGES).images, torch.arange(IMAGES)
    data = (data if data.is_floating_point() else data / 127.5 - 1).to(dtype)
    # Latents with which no unit lies on the kink of its LeakyReLU: there float32 flips its slope.
    latents = torch.randn(IMAGES, recipe.latents, generator=generator(10)).to(dtype)
    game.fake = lambda n, number: game.generator(latents[number], None)
    game.draw = next  # the numbers go on, though the game has no classes
    for player in game.players.values():
        player.settings = {"lr": 0.0}
    return game, Stream(Dataset("numbered", data, numbers), 16 // world // copies)


def gradients(name, dtype, world, copies, drop):
    """The mean gradients that the optimisers get in the first round."""
    game, stream = at_rest(name, dtype, world, copies, drop)
    got = {}
    for player_name, player in game.players.items():

        def note(optimizer, args, kwargs, player=player, player_name=player_name):
            parameters = player.net.named_parameters()
            got.update({f"{player_name}.{n}": p.grad.clone() for n, p in parameters})

        player.optimizer.register_step_pre_hook(note)
    play(game, stream, copies)
    assert len({name.split(".")[0] for name in got}) == 2 and stream.seen == 16
    return got


PLAIN = [(name, dtype, RANDOM + STATISTICS) for name in NAMES for dtype in LIMIT]
NORMED = [(name, torch.float64, RANDOM) for name in ("dcgan", "upsample-gan")]
CASES = [*PLAIN, *NORMED]


@cache
def first_gradients(folder: Path, world: int, copies: int):
    """Of every case, the gradients that every process had: [case][rank]."""
    folder = folder / f"{world}x{copies}"
    folder.mkdir()

    def work():
        for i, (name, dtype, drop) in enumerate(CASES):
            found = gradients(name, dtype, world, copies, drop)
            save_file(found, folder / f"{i}-{rank()}")

    each(world, folder, work)
    return [[load_file(folder / f"{i}-{r}") for r in range(world)] for i in range(len(CASES))]


def difference(a, b):
    """How far a player's gradient is from another, relative to its norm: the largest."""
    assert a.keys() == b.keys()
    players = {name.split(".")[0] for name in a}
    return max(
        (_joined(a, p) - _joined(b, p)).norm().item() / _joined(b, p).norm().item()
        for p in players
    )


def _joined(tensors, player):
    return torch.cat([t.flatten() for n, t in sorted(tensors.items()) if n.startswith(player)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("gradients")


@pytest.mark.parametrize(("world", "copies"), [(2, 1), (2, 4), (4, 1)])
def test_without_batch_statistics_processes_and_copies_are_one_large_batch(folder, world, copies):
    whole, parts = first_gradients(folder, 1, 1), first_gradients(folder, world, copies)
    for case, (one,), ranks in zip(CASES, whole, parts, strict=True):
        assert all(r[n].equal(ranks[0][n]) for r in ranks for n in one), "equal on all processes"
        assert case in NORMED or difference(ranks[0], one) <= LIMIT[case[1]]


def test_with_batch_statistics_a_process_is_a_copy(folder):
    """Each norms its own images, as each copy of a round on one process does."""
    whole, copied, parts = (first_gradients(folder, *how) for how in ((1, 1), (1, 2), (2, 1)))
    for case, (one,), (copy,), (first, _) in zip(CASES, whole, copied, parts, strict=True):
        assert difference(first, copy) <= LIMIT[case[1]]
        assert case in PLAIN or difference(first, one) > 1e-3, "a large batch is another thing"


def test_running_statistics_are_averaged_at_the_end_of_a_round(tmp_path):
    def work():
        kinds = {name: at_rest("dcgan", torch.float64, 2, 1, RANDOM) for name in ("own", "mean")}
        play(*kinds["own"])
        train_game(*kinds["mean"], until=16)
        for name, (game, _) in kinds.items():
            save_file(dict(game.generator.net.named_buffers()), tmp_path / f"{name}{rank()}")

    each(2, tmp_path / "ranks", work)
    own, mean = ([load_file(tmp_path / f"{n}{r}") for r in range(2)] for n in ("own", "mean"))
    running = [name for name in own[0] if "running" in name]
    assert running
    for name in running:
        assert not own[0][name].equal(own[1][name])
        assert mean[0][name].equal(mean[1][name])
        assert mean[0][name].allclose((own[0][name] + own[1][name]) / 2, rtol=1e-12)


# ------------------------------------------------------------------------------ order and resume


def order(path: Path) -> list[int]:
    """Which images the runs of a folder drew, in the order of the run."""
    found = re.findall(r"^(\d+) \[(.*)\]$", path.read_text(), re.M)
    drawn = {int(place): [*map(int, images.split(","))] for place, images in found}
    assert len(drawn) == len(found), "nothing was drawn twice"
    return [image for place in sorted(drawn) for image in drawn[place]]


def test_images_come_in_one_order_for_any_processes_even_resumed(tmp_path):
    """16 images a round; the data are gone through twice, and once more."""
    orders = {}
    for worlds in [(1,), (2,), (4,), (2, 1), (4, 2)]:
        path = tmp_path / "x".join(map(str, worlds))
        path.mkdir()
        for i, world in enumerate(worlds, 1):
            images = f"--images={3 * IMAGES * i // len(worlds)}"
            ended = trained(world, "dcgan", path, images, setup=[lambda p=path: noting(p / "n")])
            note = f"processes was {worlds[0]}, is {world}: the run is not bitwise the same"
            assert (note in ended[0].err) == (i > 1)
        orders[worlds] = order(path / "n")
    assert all(found == orders[1,] for found in orders.values())
    epochs = torch.tensor(orders[1,]).view(3, IMAGES)
    assert (epochs.sort(1).values == torch.arange(IMAGES)).all(), "each image once an epoch"


@pytest.mark.parametrize(
    ("name", "number", "who"),
    [
        ("dcgan", SIGTERM, [0]),
        ("dcgan", SIGINT, [1]),
        ("gan", SIGTERM, [0, 1]),
        ("gan", SIGUSR1, [1]),
    ],
)
def test_a_signal_stops_all_at_one_round_and_the_run_resumes_to_the_bit(
    tmp_path, name, number, who
):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained(2, name, whole)
    ended = train(2, name, halves, setup=[at_batch(7, who, sending(number))]).wait()
    codes = [128 + (number if r in who else SIGTERM) for r in range(2)]
    assert [e.code for e in ended] == codes, ended
    said = "".join(e.out + e.err for e in ended)
    assert said.count("saved after 128 images") == 1 and "Traceback" not in said
    assert [p.name for p in (halves / "run" / "checkpoints").iterdir()] == ["000000128"]
    trained(2, name, halves)
    assert state(halves / "run") == state(whole / "run")
    logs = [lines(path / "run" / "log.jsonl") for path in (halves, whole)]
    assert logs[0] == logs[1]


# ---------------------------------------------------------------------------------------- trust


def test_nothing_between_processes_is_a_pickle(tmp_path):
    """Neither in the code, nor when a run trains, saves and resumes."""
    forbidden = re.compile(
        r"(gather|broadcast|scatter|send|recv)_object|import pickle|allow_pickle=True"
        r"|(?<!safetensors\.)torch\.(load|save)\("
    )
    found = [p for p in HOUSE.rglob("*.py") if forbidden.search(p.read_text())]
    # It reads what others published, tensors alone: `weights_only=True`.
    assert [p.name for p in found] == ["inception_weights.py"]
    for images in (160, 320):
        setup = [lambda: forbid("pickle.find_class")]
        trained(4, "dcgan", tmp_path, f"--images={images}", setup=setup)


def listening() -> set[str]:
    """Addresses, in the kernel's notation, where this process listens; its store is torchrun's."""
    links = [p.readlink() for p in Path("/proc/self/fd").iterdir() if p.is_symlink()]
    own = {m[1] for link in links if (m := re.fullmatch(r"socket:\[(\d+)\]", str(link)))}
    table = "".join(Path(f"/proc/self/net/{kind}").read_text() for kind in ("tcp", "tcp6"))
    found = re.findall(r"\d+: (\w+):(\w+) \w+:\w+ 0A (?:\S+ +){5}(\d+)", table)
    store = f"{int(os.environ['MASTER_PORT']):04X}"
    return {address for address, port, inode in found if inode in own and port != store}


def test_processes_of_one_machine_listen_on_its_loopback_interface(tmp_path):
    def work():
        (tmp_path / f"{rank()}").write_text(f"{listening()}")

    each(2, tmp_path / "ranks", work)
    assert all((tmp_path / f"{rank}").read_text() == "{'0100007F'}" for rank in range(2))


@pytest.mark.parametrize(
    ("given", "local", "interface"),
    [(None, "4", "lo"), ("eth7", "4", "eth7"), (None, "2", None), (None, None, None)],
)
def test_the_interface_is_the_users_choice(monkeypatch, given, local, interface):
    told = {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": local, "GLOO_SOCKET_IFNAME": given}
    environ = {name: value for name, value in told.items() if value}
    monkeypatch.setattr(distributed.os, "environ", environ)
    distributed._stay_on_this_machine()
    assert environ.get("GLOO_SOCKET_IFNAME") == interface
