"""The state of a game as the bytes of files, and back: tensors in safetensors, the rest in JSON.

What comes back was written by anybody: it is checked against the game before anything is copied.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor
from torch.optim import Optimizer

from .errors import UserError, printable
from .game import Game

FILES = ("game.safetensors", "optimizers.safetensors", "recipe.json", "state.json")
TEXT_LIMIT = 2**20  # bytes of a JSON file, and of the JSON that heads a safetensors file
TENSOR_LIMIT = 10_000


class NonFinite(UserError):
    """A NaN or an infinity was about to be saved."""


Memory = dict[str, dict[int, dict[str, Any]]]  # player: parameter's index: name: value


class State(NamedTuple):
    """What a game was, as its files tell."""

    seen: int
    rounds: int
    weights: dict[str, Tensor]
    optimizers: dict[str, str]  # player: class of its optimiser
    memory: Memory


def to_files(game: Game, recipe: str) -> dict[str, bytes]:
    """The content of every file but the manifest."""
    tensors, numbers = {}, {}
    for name, player in game.players.items():
        state = player.optimizer.state_dict()["state"]
        numbers[name] = {"class": type(player.optimizer).__name__, "state": {}}
        for index, values in state.items():
            rest = numbers[name]["state"][str(index)] = {}
            for key, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"{name}/{index}/{key}"] = value
                else:
                    rest[key] = _number(value)
    state = {"seen": game.seen, "rounds": game.rounds, "optimizers": numbers}
    blobs = (_pack(weights_of(game)), _pack(tensors), recipe.encode(), encode(state))
    return dict(zip(FILES, blobs, strict=True))


def weights_of(game: Game) -> dict[str, Tensor]:
    """Every tensor of the game; one that has several names comes once, under the first."""
    first: dict[Any, tuple[str, Tensor]] = {}
    for name, tensor in game.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.numel() else name
        first.setdefault(place, (name, tensor))
    return dict(first.values())


def from_files(files: Mapping[str, bytes]) -> State:
    """Reads the state. Raises ValueError, LookupError or TypeError if somebody made it up."""
    state = parse(files["state.json"])
    saved = state["optimizers"]
    return State(
        _count(state["seen"]),
        _count(state["rounds"]),
        _unpack(files["game.safetensors"]),
        {name: about["class"] for name, about in saved.items()},
        _memory(saved, _unpack(files["optimizers.safetensors"])),
    )


def misfit(state: State, game: Game, optimizers: bool) -> str:
    """Why the state is of another game, in names, shapes, dtypes or optimisers; or nothing."""
    ours = weights_of(game)
    names = sorted(ours.keys() | state.weights.keys())
    wrong = [n for n in names if _spec(ours.get(n)) != _spec(state.weights.get(n))]
    if wrong:
        there, here = _spec(state.weights.get(wrong[0])), _spec(ours.get(wrong[0]))
        name = printable(wrong[0])
        return (
            f"{len(wrong)} tensors differ, such as {name}, which is {there} there and {here} here"
        )
    here = {name: type(player.optimizer).__name__ for name, player in game.players.items()}
    if optimizers and here != state.optimizers:
        return f"it was trained by {printable(str(state.optimizers))}, this game is by {here}"
    return ""


def put(state: State, game: Game, optimizers: bool) -> None:
    """Brings the game to the state. Raises ValueError, and changes nothing, if it does not fit."""
    if optimizers:
        for name, player in game.players.items():
            _check_memory(name, player.optimizer, state.memory[name])
        for name, player in game.players.items():
            _remember(player.optimizer, state.memory[name])
    with torch.no_grad():
        for name, tensor in weights_of(game).items():
            tensor.copy_(state.weights[name])  # in place: channels-last stays channels-last
    game.seen, game.rounds = state.seen, state.rounds


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"its clock says {value!r}")
    return value


def _number(value: Any) -> int | float | None:
    """What an optimiser may remember beside tensors."""
    if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
        raise ValueError(f"an optimiser remembers {value!r:.50}, which is no finite number")
    return value


def _spec(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{tensor.dtype} {list(tensor.shape)}"


def _memory(numbers: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Memory:
    """What optimisers remember, put together from the two files that it was saved in."""
    memory: Memory = {
        player: {
            int(index): {k: _number(v) for k, v in values.items()}
            for index, values in saved["state"].items()
        }
        for player, saved in numbers.items()
    }
    for name, tensor in tensors.items():
        player, index, key = name.rsplit("/", 2)
        memory[player][int(index)][key] = tensor
    return memory


def _check_memory(name: str, optimizer: Optimizer, memory: Mapping[int, dict[str, Any]]) -> None:
    """A value is a scalar, or fits its parameter as Adafactor's rows do."""
    parameters = _parameters(optimizer)
    for index, values in memory.items():
        shape = parameters[index].shape
        tensors = [v for v in values.values() if isinstance(v, Tensor)]
        if any(torch.broadcast_shapes(t.shape, shape) != shape for t in tensors):
            raise ValueError(f"what {name} remembers does not fit parameter {index}")


def _remember(optimizer: Optimizer, memory: Mapping[int, dict[str, Any]]) -> None:
    """Fills an optimiser's memory; its settings stay, for they are functions of the clock."""
    parameters = _parameters(optimizer)
    state = {
        index: {k: _fresh(v, parameters[index]) for k, v in values.items()}
        for index, values in memory.items()
    }
    settings = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": settings})


def _fresh(value: Any, parameter: Tensor) -> Any:
    """A copy that lies in memory as its parameter does: fused optimisers walk both at once."""
    if isinstance(value, Tensor) and value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype, device="cpu").copy_(value)
    return value


def _parameters(optimizer: Optimizer) -> dict[int, Tensor]:
    return dict(enumerate(p for group in optimizer.param_groups for p in group["params"]))


def encode(content: Mapping[str, Any]) -> bytes:
    """An object as JSON."""
    data = json.dumps(content, indent=1, allow_nan=False).encode()
    assert len(data) <= TEXT_LIMIT, "what is written can be read"
    return data


def parse(data: bytes) -> dict[str, Any]:
    """The object that JSON holds. Raises ValueError if it holds something else."""
    content = json.loads(data.decode())
    if not isinstance(content, dict):
        raise ValueError("its JSON is not an object")
    return content


def _pack(tensors: Mapping[str, Tensor]) -> bytes:
    assert len(tensors) <= TENSOR_LIMIT
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise NonFinite(f"{name} holds a NaN or an infinity, so no checkpoint was written")
    data = safetensors.torch.save({n: t.cpu().contiguous() for n, t in tensors.items()})
    assert int.from_bytes(data[:8], "little") <= TEXT_LIMIT, "what is written can be read"
    return data


def _unpack(data: bytes) -> dict[str, Tensor]:
    listed = len(parse(data[8 : 8 + int.from_bytes(data[:8], "little")]))
    if listed > TENSOR_LIMIT:
        raise ValueError(f"it lists {listed} tensors; at most {TENSOR_LIMIT} are read")
    try:
        return safetensors.torch.load(data)
    except Exception as error:  # whatever a parser says to bytes that somebody made up
        raise ValueError(f"its tensors cannot be read: {error}") from None
