"""The training loop. It knows games, players and moves, and no method by name."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from . import distributed
from .errors import UserError
from .game import Game, Move, Round, backward
from .guard import GRADIENT, STOP, Guard, Log
from .randomness import mix, seed_all

Precision = Callable[[], AbstractContextManager[Any]]


class Hook(NamedTuple):
    """What happens beside training, each time that the clock passes a multiple of `every`."""

    every: int  # images
    call: Callable[[Game, Log], None]
    at_end: bool = False  # and when training ends, wherever the clock stands
    waits: bool = False  # and may be left out where `stop` ended it: somebody wants to be gone


def train(
    game: Game,
    stream: Any,
    until: int,
    *,
    seed: int = 0,
    accumulate: int = 1,
    precision: Precision = nullcontext,
    tolerate: int = 0,
    hooks: Sequence[Hook] = (),
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Plays rounds until the game has seen `until` images; false if `stop` ended it before.

    Arguments:
        accumulate: Copies of a round that are played in lockstep; their gradients are averaged.
        precision: Makes the context that rounds are played in, such as autocast.
        tolerate: Rounds in a row that may hold a gradient that is not finite, and so moves
            nobody; one more raises `Diverged`.
        stop: Asked before each round on every process; one that says yes stops them all after it,
            together. A process that is alone is asked after each round as well.

    Raises:
        UserError: If the game cannot accumulate.
        Diverged: See `tolerate`.
    """
    if accumulate > 1 and not game.accumulates:
        raise UserError(
            f"this game chooses within a round and cannot accumulate, got {accumulate} copies: "
            "leave --training.microbatch out"
        )
    distributed.broadcast_(game)
    stream.seen = game.seen
    guard, message = Guard(game, tolerate), distributed.Message()
    ended = game.seen >= until
    while not ended:
        before = game.seen
        # Seeding by the clock makes a resumed run repeat the run that it resumes, bit for bit.
        seed_all(mix(seed, distributed.rank(), before), game.device)
        guard.begin()
        stopping = torch.full((), float(stop()), device=game.device)
        log = play(game, stream, accumulate, precision, {STOP: stopping})
        message.mean_(guard.buffers)
        bad, stopped = guard.end(log, before)
        for player in game.players.values():
            player.average(stream.seen - before, stream.seen, unless=bad)
        game.seen, game.rounds = stream.seen, game.rounds + 1
        stopped = stopped or (distributed.world() == 1 and stop())
        ended = stopped or game.seen >= until
        if ended:
            guard.finish(before)
        for hook in hooks:
            due = before // hook.every < game.seen // hook.every or (ended and hook.at_end)
            if due and not (stopped and hook.waits):
                hook.call(game, log)
    return game.seen >= until


def play(
    game: Game,
    stream: Any,
    accumulate: int = 1,
    precision: Precision = nullcontext,
    riders: Mapping[str, Tensor] | None = None,
) -> Log:
    """Plays one round: its players move, and what they told is returned.

    With `accumulate` > 1 that many copies of the round run in lockstep, each on batches of its
    own: all add their gradients at the same weights before the player steps once.

    Arguments:
        riders: What travels beside the first move's log.
    """
    names = {player: name for name, player in game.players.items()}
    copies = [game.round(stream) for _ in range(accumulate)]
    log: Log = dict(riders or {})
    sending, told = dict(log), None
    while moves := [m for copy in copies if (m := _turn(copy, told, precision, accumulate))]:
        assert len(moves) == accumulate, "copies of a round yield the same moves"
        assert all(move.players == moves[0].players for move in moves)
        logs = [move.log for move in moves]
        sending |= {k: torch.stack([log[k].detach() for log in logs]).mean(0) for k in logs[0]}
        told = {}
        for player in moves[0].players:
            told |= player.step(game.seen, sending)
            key, norm = names[player] + GRADIENT, told.pop("gradient")
            log[key] = torch.maximum(log[key], norm) if key in log else norm  # of moves, the worst
            sending = {}
        log |= {name: value for name, value in told.items() if not value.dim()}
        told = {name: told[name] for name in logs[0]}  # riders are none of the round's business
    return log


def _turn(copy: Round, told: Log | None, precision: Precision, copies: int) -> Move | None:
    """Lets a round go on to its next move and adds that move's gradient; None at its end."""
    try:
        with precision():
            move = copy.send(told)  # pyright: ignore[reportArgumentType]  # None starts a round
    except StopIteration:
        return None
    assert torch.is_grad_enabled(), "a round yielded inside no_grad"
    backward(move.loss.mean() / copies, *move.players)
    return move._replace(loss=move.loss.detach())
