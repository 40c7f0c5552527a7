"""What a disk may hold after a power cut: all that was synced, and any part of the rest."""

import os
from collections.abc import Callable, Iterator
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

from reliability_tools import shimmed

Event = tuple  # (what, path, ...), in the order of the calls
Tree = tuple  # sorted pairs of a name and bytes or another tree


def record(work: Callable[[], Any]) -> list[Event]:
    """The operations on the disk that `work` makes."""
    events: list[Event] = []

    def around(name, real, args, kwargs):
        event = EVENTS[name](args, kwargs)
        result = real(*args, **kwargs)
        if event:
            events.append(event)
        return result

    with shimmed(around):
        work()
    return events


def _path(args, kwargs) -> str:
    folder = kwargs.get("dir_fd")
    return os.path.join(_of(folder), args[0]) if folder is not None else os.fspath(args[0])


def _of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


EVENTS = {
    "open": lambda a, k: ("create", _path(a, k)) if a[1] & os.O_CREAT else None,
    "write": lambda a, k: ("write", _of(a[0]), bytes(a[1])),
    "fsync": lambda a, k: ("fsync", _of(a[0])),
    "close": lambda a, k: None,
    "mkdir": lambda a, k: ("add", os.fspath(a[0]), "folder"),
    "rename": lambda a, k: ("rename", os.fspath(a[0]), os.fspath(a[1])),
    "unlink": lambda a, k: ("drop", _path(a, k)),
    "rmdir": lambda a, k: ("drop", _path(a, k)),
}


class File:
    def __init__(self, data: bytes = b""):
        self.data, self.pending = data, b""

    def cuts(self) -> set[bytes]:
        """Nothing, half or all of what was not synced; or its length, filled with zeros."""
        late = self.pending
        return {self.data + x for x in (b"", late[: len(late) // 2], late, bytes(len(late)))}

    def sync(self) -> None:
        self.data, self.pending = self.data + self.pending, b""


class Folder:
    """Names that are on the disk, and changes of names that may or may not be."""

    def __init__(self) -> None:
        self.synced: dict[str, Any] = {}
        self.pending: list[dict[str, Any]] = []  # each {name: node, or None if it goes}

    def now(self) -> dict[str, Any]:
        return _applied(self.synced, self.pending)

    def sync(self) -> None:
        self.synced, self.pending = self.now(), []

    def cuts(self) -> set[Tree]:
        """Every subset of the changes, each with every state of what lies within.

        Of more than three changes, those subsets that have or lack at most one.
        """
        n = len(self.pending)
        sizes = range(n + 1) if n <= 3 else (0, 1, n - 1, n)
        chosen = chain.from_iterable(combinations(self.pending, k) for k in sizes)
        trees: set[Tree] = set()
        for part in chosen:
            names = _applied(self.synced, part)
            within = [[(name, cut) for cut in node.cuts()] for name, node in sorted(names.items())]
            trees |= set(product(*within))
        return trees


def _applied(names, changes) -> dict[str, Any]:
    names = dict(names)
    for change in changes:
        names |= change
    return {name: node for name, node in names.items() if node is not None}


class Disk:
    """Files and folders under one root, as they are and as they may be found."""

    def __init__(self, root: Path):
        self.root, self.top = root, Folder()

    @classmethod
    def of(cls, root: Path) -> "Disk":
        """What is there now, all of it synced."""
        disk = cls(root)
        for path in sorted(root.rglob("*")):
            node = Folder() if path.is_dir() else File(path.read_bytes())
            disk._node(path.parent).synced[path.name] = node
        return disk

    def apply(self, event: Event) -> None:
        what, path = event[0], Path(event[1])
        if what == "write":
            self._node(path).pending += event[2]
        elif what == "fsync":
            self._node(path).sync()
        else:
            self._node(path.parent).pending.append(self._change(what, path, event))

    def _change(self, what: str, path: Path, event: Event) -> dict[str, Any]:
        if what == "rename":
            return {path.name: None, Path(event[2]).name: self._node(path)}
        return {path.name: {"create": File, "add": Folder, "drop": lambda: None}[what]()}

    def after_a_cut(self) -> Iterator[Tree]:
        yield from self.top.cuts()

    @staticmethod
    def write(tree: Tree, place: Path) -> None:
        """Puts one of the states on a real disk."""
        for name, content in tree:
            if isinstance(content, bytes):
                (place / name).write_bytes(content)
            else:
                (place / name).mkdir()
                Disk.write(content, place / name)

    def _node(self, path: Path) -> Any:
        node: Any = self.top
        for name in path.relative_to(self.root).parts:
            node = node.now()[name]
        return node
