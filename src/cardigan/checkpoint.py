"""Checkpoints: one folder for the whole game, committed by one rename, verified before use.

    NNNNNNNNN/  game.safetensors  optimizers.safetensors  recipe.json  state.json  manifest.json

The name is the clock. Tensors are safetensors, the rest is JSON: nothing on any path runs code.
`manifest.json` holds the SHA-256 of the other files and of itself. NNNNNNNNN.old is a checkpoint
that a later one of the same clock is about to replace, and is as good as any until then.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from . import durable, state
from .errors import UserError, printable
from .game import Game
from .state import FILES, TEXT_LIMIT, NonFinite, encode, parse

__all__ = ["Checkpoint", "Damaged", "NonFinite", "latest", "prune", "read", "restore", "save"]

FORMAT = 1
MANIFEST = "manifest.json"
NAME = re.compile(r"(\d{9,})(\.old)?")
OPTIMIZER_LIMIT = 8  # bytes of optimisers' memory per byte of the game; Adam needs two


class Damaged(UserError):
    """A checkpoint is not what was written."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds, after every byte of it was verified."""

    files: dict[str, bytes]
    manifest: dict[str, Any]  # format, seen, files: {name: {bytes, sha256}}, about

    @property
    def about(self) -> dict[str, Any]:
        """What `save` was told about the run."""
        return self.manifest["about"]


# ------------------------------------------------------------------------------------- a folder


def save(folder: Path, game: Game, recipe: str, about: Mapping[str, Any]) -> Path:
    """Writes `folder/NNNNNNNNN`, all or nothing; what is returned outlasts a power cut.

    Arguments:
        recipe: The text of recipe.json.
        about: What a later run may want to compare: fingerprints, versions, threads, processes.

    Raises:
        NonFinite: If a tensor of the game or of an optimiser holds a NaN or an infinity.
        StorageError: If the disk refuses. Earlier checkpoints are untouched.
    """
    final = folder / f"{game.seen:09d}"
    old = final.with_name(f"{final.name}.old")
    files = state.to_files(game, recipe)
    written = {n: {"bytes": len(b), "sha256": sha256(b).hexdigest()} for n, b in files.items()}
    content = {"format": FORMAT, "seen": game.seen, "files": written, "about": dict(about)}
    files[MANIFEST] = _sealed(content)
    with durable.folder(final, sum(map(len, files.values()))) as temporary:
        for name, data in files.items():
            durable.write(temporary / name, data)
        if final.exists():
            _set_aside(final, old)
    if old.exists() and _verifies(final):
        durable.remove(old)
    return final


def restore(game: Game, path: Path, optimizers: bool = True) -> None:
    """Brings a game back to a checkpoint: weights, clock and, if wanted, optimisers.

    Nothing is copied before everything is verified and fits the game.

    Raises:
        Damaged: If a byte is not what was written.
        UserError: If the checkpoint is of another game.
    """
    _refuse_giants(path, sum(t.nbytes for t in state.weights_of(game).values()))
    files = read(path).files
    with _damage(path):
        found = state.from_files(files)
    if wrong := state.misfit(found, game, optimizers):
        raise UserError(f"{path} is of another game: {wrong}: use its recipe")
    with _damage(path):
        state.put(found, game, optimizers)


def read(path: Path) -> Checkpoint:
    """Reads a checkpoint and verifies every byte.

    Raises:
        Damaged: Naming what is wrong.
        UserError: If a later version of the package wrote it.
    """
    with _damage(path):
        content = _unseal(_bytes(path / MANIFEST))
        if content["format"] > FORMAT:
            raise UserError(
                f"{path} has format {content['format']}, and this version reads up to {FORMAT}: "
                "install a newer cardigan"
            )
        if path.name.isdecimal() and int(path.name) != content["seen"]:
            raise ValueError(f"it was written as {content['seen']:09d}")
        if content["files"].keys() != set(FILES):
            raise ValueError(f"its manifest lists {', '.join(content['files'])}")
        if not isinstance(content["about"], dict):
            raise ValueError("its manifest says nothing about the run")
        files = {name: _verified(path / name, content["files"][name]) for name in FILES}
        for name in ("recipe.json", "state.json"):
            parse(files[name])
    return Checkpoint(files, content)


def latest(folder: Path) -> Path | None:
    """The newest checkpoint that verifies; every damaged one passed over is told in a line."""
    return next(filter(_verifies, _newest_first(folder)), None)


def prune(folder: Path, keep: int, protect: Collection[str] = ()) -> None:
    """Removes what is older than the `keep` newest checkpoints that verify.

    Damaged ones never count, and nothing is removed unless the newest of all verifies.

    Arguments:
        protect: Names of checkpoints that stay, such as the best one.
    """
    assert keep >= 1
    durable.clear(folder)
    kept = 0
    for i, path in enumerate(_newest_first(folder)):
        if kept == keep:
            if path.stem not in protect:
                durable.remove(path)
        elif _verifies(path):
            kept += 1
        elif i == 0:
            return


def _newest_first(folder: Path) -> list[Path]:
    named = [(m, path) for path in folder.glob("*") if (m := NAME.fullmatch(path.name))]
    named.sort(key=lambda pair: (int(pair[0][1]), not pair[0][2]), reverse=True)
    return [path for _, path in named]


def _verifies(path: Path) -> bool:
    try:
        read(path)
    except Damaged as error:
        durable.tell(f"warning: {error}")
        return False
    return True


def _set_aside(final: Path, old: Path) -> None:
    """Makes room for a checkpoint of the same clock, so that one that verifies is always there."""
    if _verifies(final):
        durable.remove(old)
        durable.rename(final, old)
    else:
        durable.remove(final)


# -------------------------------------------------------------------------------------- a file


def _verified(path: Path, written: Mapping[str, Any]) -> bytes:
    """The bytes of a file, which are those that were written."""
    data = _bytes(path, written["bytes"])
    if sha256(data).hexdigest() != written["sha256"]:
        raise ValueError(f"{path.name} does not have the checksum that was written")
    return data


def _bytes(path: Path, expected: int | None = None) -> bytes:
    """The bytes of a file, unless its length is wrong or its text is too long to be ours."""
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    size = path.stat().st_size
    if expected is not None and size != expected:
        raise ValueError(f"{path.name} has {size} bytes instead of {expected}")
    with path.open("rb") as file:
        head = int.from_bytes(file.read(8), "little")
        text = head if path.suffix == ".safetensors" else size
        if text > TEXT_LIMIT:
            raise ValueError(f"{path.name} claims {text} bytes of text; at most 1 MiB is read")
        file.seek(0)
        return file.read()


def _sealed(content: Mapping[str, Any]) -> bytes:
    """JSON that carries its own checksum. Every format to come is sealed in the same way."""
    return encode({**content, "sha256": sha256(encode(content)).hexdigest()})


def _unseal(data: bytes) -> dict[str, Any]:
    content = parse(data)
    content.pop("sha256", None)
    if data != _sealed(content):
        raise ValueError(f"{MANIFEST} does not match its own checksum")
    return content


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Tells whatever goes wrong between here and there as damage of `path`."""
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        what = printable(str(error), longest=200)
        raise Damaged(f"{path} is damaged: {what}; use an earlier checkpoint") from error


def _refuse_giants(path: Path, size: int) -> None:
    """Refuses, before a byte of it is in memory, what cannot be the state of this game."""
    for name, most in zip(FILES, (size, OPTIMIZER_LIMIT * size), strict=False):
        file = path / name
        if file.is_file() and file.stat().st_size > most + TEXT_LIMIT:
            raise UserError(f"{file} is far larger than this game: use the recipe it belongs to")
