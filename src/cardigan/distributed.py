"""Many processes, each with a whole copy of the game. With one process, nothing happens here."""

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta
from hashlib import sha256
from traceback import clear_frames
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .errors import UserError


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
        assert 0 < seconds < 1e7
    except (ValueError, AssertionError):
        raise UserError(f"expected seconds as CARDIGAN_TIMEOUT, got {text!r}") from None
    return seconds


# For a process that hangs; one that dies is noticed at once.
TIMEOUT = timedelta(seconds=_seconds(os.environ.get("CARDIGAN_TIMEOUT", "300")))
# Times as long as that, all wait for what the first does alone, such as measuring. One that dies
# meanwhile is noticed at once here as well.
PATIENCE = 12
_PATIENT: ContextVar[Any] = ContextVar("patient", default=None)
_ALONE: ContextVar[bool] = ContextVar("alone", default=False)
GRACE = 1.0  # seconds within which all that are left have noticed that one is not


class Lost(UserError):
    """Another process ended, or did not answer in time."""


def rank() -> int:
    """Which of the processes this is; before and after the group, what torchrun called it."""
    if _ALONE.get():
        return 0
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", 0))


def world() -> int:
    """How many processes there are."""
    if _ALONE.get():
        return 1
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process works as if there were no others, who wait for it meanwhile."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


@contextmanager
def group(device: torch.device) -> Iterator[None]:
    """Joins the processes that torchrun started, if it did, and leaves them together.

    Of processes that fail together the first raises; the others end silently, with status 2.
    """
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield
        return
    _stay_on_this_machine()
    with _together():
        store, here, count = _meet()
        # Keys of a run that died would mislead the one that takes its place.
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = dist.PrefixStore(f"cardigan/{attempt}", store)
        dist.init_process_group(
            {"cuda": "nccl"}.get(device.type, "gloo"),
            store=store,
            rank=here,
            world_size=count,
            timeout=TIMEOUT,
            device_id={"cuda": device}.get(device.type),
        )
        token = _PATIENT.set(dist.new_group(timeout=PATIENCE * TIMEOUT, backend="gloo"))
    try:
        with _one_voice(store):
            yield
            with _together():
                dist.barrier()
    finally:
        _PATIENT.reset(token)
        _leave()


def _meet() -> tuple[dist.Store, int, int]:
    try:
        return next(dist.rendezvous("env://", timeout=TIMEOUT))
    except ValueError as error:
        raise UserError(f"{error}: start the processes with torchrun") from None


def broadcast_(module: nn.Module) -> None:
    """Gives every process the weights and buffers of the first."""
    if world() > 1:
        with _together():
            for tensor in (*module.parameters(), *module.buffers()):
                dist.broadcast(tensor.detach(), src=0)


def wait_for_all() -> None:
    """Waits until all are here, for as long as what the first does alone may take."""
    if world() > 1:
        with _together(PATIENCE):
            dist.barrier(_PATIENT.get())


class Message:
    """The mean of many tensors over all processes, in one flat message through a kept buffer."""

    def __init__(self) -> None:
        self.flat: Tensor | None = None

    @torch.no_grad()
    def mean_(self, tensors: Iterable[Tensor]) -> None:
        """Replaces each float tensor by its mean over all processes."""
        tensors = list(tensors)
        if world() == 1 or not tensors:
            return
        flat, parts = self._buffer(tensors)
        torch._foreach_copy_(parts, tensors)
        with _together():
            dist.all_reduce(flat)
        flat /= world()
        torch._foreach_copy_(tensors, parts)

    def _buffer(self, tensors: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The kept buffer, and views of it in the tensors' shapes."""
        sizes, first = [t.numel() for t in tensors], tensors[0]
        if self.flat is None or self.flat.numel() < sum(sizes):
            self.flat = torch.empty(sum(sizes), device=first.device, dtype=first.dtype)
        flat = self.flat[: sum(sizes)]
        parts = flat.split(sizes)
        return flat, [p.view(t.shape) for p, t in zip(parts, tensors, strict=True)]


def interleaved(mine: Tensor, total: int) -> Tensor:
    """Puts rows together of which process r holds r, r + world, ...: [n, ...] to [total, ...].

    All processes get the whole, which is the same to the bit on each.
    """
    if world() == 1:
        return mine
    most = -(-total // world())
    padded = mine.new_zeros((most, *mine.shape[1:]))
    padded[: len(mine)] = mine
    parts = [torch.empty_like(padded) for _ in range(world())]
    with _together():
        dist.all_gather(parts, padded)
    return torch.stack(parts, 1).flatten(0, 1)[:total]


def all_true(mine: bool, device: torch.device) -> bool:
    """Whether it is true on every process."""
    told = torch.tensor(float(mine), device=device)
    Message().mean_([told])
    return told.item() == 1


def compare(parts: Mapping[str, Iterable[Tensor | str]], device: torch.device) -> None:
    """Compares every bit of what must be equal on all processes; two cannot tell who is right.

    Raises:
        UserError: On all processes, naming a part and the ranks that differ from most.
    """
    if world() == 1:
        return
    mine = torch.tensor([_digest(part) for part in parts.values()], device=device)
    theirs = [torch.empty_like(mine) for _ in range(world())]
    with _together():
        dist.all_gather(theirs, mine)
    digests = torch.stack(theirs).cpu()
    odd = digests != digests.mode(0).values
    for name, column in zip(parts, odd.T.tolist(), strict=True):
        if any(column):
            who = _named(i for i, differs in enumerate(column) if differs)
            raise UserError(
                f"{name} differs between processes, and {who} stands out: see that all read the "
                "same folders and that no memory is faulty, then run the same command again"
            )


def _digest(part: Iterable[Tensor | str]) -> int:
    digest = sha256()
    for item in part:
        digest.update(item.encode() if isinstance(item, str) else _raw(item))
    return int.from_bytes(digest.digest()[:8], "little", signed=True)


def _raw(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data


def _named(ranks: Iterable[int]) -> str:
    return " and ".join(f"rank {r}" for r in ranks)


# -------------------------------------------------------------------------------------- failures


@contextmanager
def _together(times: int = 1) -> Iterator[None]:
    """Tells whatever goes wrong between processes as the loss of one.

    Arguments:
        times: How often the usual time is waited.
    """
    try:
        yield
    except RuntimeError as error:
        clear_frames(error.__traceback__)  # they would hold on to the group when this one leaves
        reason = str(error).splitlines()[0][:200]
        raise Lost(_lost(f"another process, by what this one heard ({reason}),", times)) from error


def _lost(who: str, times: int = 1) -> str:
    return (
        f"{who} ended, or did not answer for {times * TIMEOUT.total_seconds():g} s: "
        "the same command goes on from the last checkpoint"
    )


@contextmanager
def _one_voice(store: dist.Store) -> Iterator[None]:
    """Of processes that fail together, the first says why, and the others end silently."""
    try:
        yield
    except Exception as error:
        gone = _gone(store) if isinstance(error, Lost) else ""
        if not _first_to_fail(store) and isinstance(error, UserError):
            raise SystemExit(2) from None
        if gone:
            raise Lost(_lost(gone)) from error
        raise


def _first_to_fail(store: dist.Store) -> bool:
    try:
        return store.add("failed", 1) == 1
    except RuntimeError:  # the store went with the process that kept it
        return True


def _gone(store: dist.Store) -> str:
    """The ranks that do not say within a moment that they are there."""
    count = world()
    with suppress(RuntimeError):
        store.set(f"here/{rank()}", "")
        _leave()  # so that those notice, too, that talk to this process alone
        if store.add("failed", 0) == 0:
            time.sleep(GRACE)
        return _named(r for r in range(count) if not store.check([f"here/{r}"]))
    return ""


def _leave() -> None:
    """Closes all connections: of a group that somebody still holds they would stay open."""
    _PATIENT.set(None)
    if dist.is_initialized():
        dist.destroy_process_group()


def _stay_on_this_machine() -> None:
    """Processes of one machine talk over its loopback interface, unless the user names another."""
    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ.get("WORLD_SIZE"):
        for backend in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{backend}_SOCKET_IFNAME", socket.if_indextoname(1))
