"""What ends training that has gone wrong: gradients, weights or statistics that are not finite."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .errors import UserError
from .game import Game, Player

Log = dict[str, Tensor]

STOP = "stop"  # rides with the first move's log: whether a process asks for the end
GRADIENT = "/gradient"  # ends the names under which players' gradient norms are logged


class Diverged(UserError):
    """Gradients were not finite for more rounds in a row than are tolerated."""


class Guard:
    """Tells rounds that were not finite, and ends training when they are too many.

    No player steps along a gradient that is not finite, and nothing is averaged or saved after a
    round that leaves a weight or a statistic so: batch norm in training never reads its own
    statistics, and a saturated unit hides an infinite weight from every gradient. Where such
    rounds are tolerated, the statistics that networks gathered in them are taken back as well.
    """

    def __init__(self, game: Game, tolerate: int) -> None:
        self.tolerate, self.failures = tolerate, 0
        self.players = game.players
        self.buffers = [b for player in game.players.values() for b in player.lists.buffers]
        self.before: list[Tensor] = []
        self.reader = LateReader()

    def begin(self) -> None:
        """Remembers the statistics, if they may have to come back."""
        self.before = [b.clone() for b in self.buffers] if self.tolerate else []

    def end(self, log: Log, seen: int) -> tuple[Tensor, bool]:
        """Whether the round failed, on the device, and whether a process asked for the end."""
        norms = {name: _norm(name, player, log) for name, player in self.players.items()}
        bad = ~torch.stack([*norms.values()]).isfinite().all()
        for buffer, old in zip(self.buffers, self.before, strict=False):
            buffer.copy_(torch.where(bad, old, buffer))
        failed, stopped = self.reader.read(torch.stack([bad, log.pop(STOP) > 0]))
        self._count(failed, norms, seen)
        return bad, stopped

    def finish(self, seen: int) -> None:
        """Reads what was not read yet."""
        self._count(self.reader.rest()[0], {}, seen)

    def _count(self, failed: bool, norms: Mapping[str, Tensor], seen: int) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures > self.tolerate:
            who = [name for name, norm in norms.items() if not norm.isfinite()] or [*self.players]
            raise Diverged(
                f"the gradient, weights or statistics of {' and '.join(who)} were not finite "
                f"after {seen} images, and nobody moved along them: try a lower learning rate or "
                "--training.precision float32"
            )


def _norm(name: str, player: Player, log: Log) -> Tensor:
    """A number that is finite if the player's gradients, weights and statistics are."""
    gradient = [log[key]] if (key := name + GRADIENT) in log else []
    state = torch._foreach_norm([*player.lists.own, *player.lists.buffers])
    return torch.stack([*gradient, *state]).sum()


class LateReader:
    """Reads flags without making the host wait for work under way.

    On the CPU flags are read at once; elsewhere a round late, when their copy has long arrived.
    """

    def __init__(self) -> None:
        self.waiting: tuple[Tensor, torch.Event] | None = None

    def read(self, flags: Tensor) -> list[bool]:
        """These flags, or those of the round before."""
        if flags.is_cpu:
            return flags.tolist()
        here = torch.empty(flags.shape, dtype=flags.dtype, pin_memory=flags.is_cuda)
        here.copy_(flags, non_blocking=True)
        event = torch.Event(flags.device)
        event.record()
        late = self.rest()
        self.waiting = here, event
        return late

    def rest(self) -> list[bool]:
        """The flags that wait to be read."""
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            return [False, False]
        waiting[1].synchronize()
        return waiting[0].tolist()
