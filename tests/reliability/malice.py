"""Files that somebody made up to run code, to exhaust memory or to confuse: name to content."""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch


class Evil:
    """Runs when it is unpickled."""

    def __init__(self, call, *args):
        self.reduced = (call, args)

    def __reduce__(self):
        return self.reduced


def payloads(canary: Path) -> dict[str, bytes]:
    """Everything that would run code if some reader unpickled, compiled or evaluated it."""
    shell, code = f"touch {canary}", f"open({str(canary)!r}, 'w')"
    evils = {
        "system": Evil(os.system, shell),
        "popen": Evil(os.popen, shell),
        "eval": Evil(eval, code),
        "exec": Evil(exec, code),
    }
    files = {
        f"pickle {name}, protocol {p}": pickle.dumps({"weight": evil}, p)
        for name, evil in evils.items()
        for p in range(6)
    }
    for name, evil in evils.items():
        files[f"torch.save {name}"] = _saved(evil)
        files[f"torch.save, old, {name}"] = _saved(evil, _use_new_zipfile_serialization=False)
        files[f"TorchScript {name}"] = _script(pickle.dumps(evil), code)
        files[f"numpy {name}"] = _numpy(evil)
        files[f"numpy archive {name}"] = _numpy_archive(evil)
        files[f"nested storage {name}"] = _saved({"bytes": pickle.dumps(evil)})
        files[f"behind a header {name}"] = struct.pack("<Q", 2) + b"{}" + pickle.dumps(evil)
    for tag in ("object/apply:os.system", "object/new:os.system", "name:os.system", "module:os"):
        files[f"YAML {tag}"] = f"!!python/{tag} ['{shell}']".encode()
        files[f"YAML in JSON {tag}"] = f'{{"seen": !!python/{tag} ["{shell}"]}}'.encode()
    files["Python"] = code.encode()
    files["HDF5"] = b"\x89HDF\r\n\x1a\n" + bytes(100)
    return files


def _saved(what, **settings) -> bytes:
    file = io.BytesIO()
    torch.save(what, file, **settings)
    return file.getvalue()


def _script(data: bytes, code: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", data)
        archive.writestr("m/code/__torch__.py", code)
        archive.writestr("m/constants.pkl", data)
    return file.getvalue()


def _numpy(evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([evil], dtype=object), allow_pickle=True)
    return file.getvalue()


def _numpy_archive(evil) -> bytes:
    file = io.BytesIO()
    np.savez(file, weight=np.array([evil], dtype=object))
    return file.getvalue()


def _headed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _f32(shape: list, start: int, end: int) -> dict:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def tensors() -> dict[str, bytes]:
    """Malformed safetensors."""
    entries = {f"t{i}": _f32([0], 0, 0) for i in range(100_000)}
    return {
        "empty": b"",
        "no header": b"\x01",
        "header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
        "header beyond the end": struct.pack("<Q", 1000) + b"{}",
        "header of 100 MB": struct.pack("<Q", 10**8) + bytes(10**8),
        "100,000 tensors": _headed(entries),
        "11,000 tensors": _headed({f"{i}": _f32([0], 0, 0) for i in range(11_000)}),
        "overlap": _headed({"a": _f32([1], 0, 4), "b": _f32([1], 0, 4)}, bytes(4)),
        "hole": _headed({"a": _f32([1], 0, 4), "b": _f32([1], 8, 12)}, bytes(12)),
        "negative offset": _headed({"a": _f32([1], -4, 0)}, bytes(4)),
        "backwards": _headed({"a": _f32([1], 4, 0)}, bytes(4)),
        "offset of 2^64": _headed({"a": _f32([1], 0, 2**64)}, bytes(4)),
        "shape overflows": _headed({"a": _f32([2**32, 2**32], 0, 4)}, bytes(4)),
        "shape of nothing": _headed({"a": _f32([0, 2**62], 0, 0)}),
        "negative shape": _headed({"a": _f32([-1], 0, 4)}, bytes(4)),
        "unknown type": _headed({"a": {**_f32([1], 0, 4), "dtype": "F4"}}, bytes(4)),
        "trailing bytes": _headed({"a": _f32([1], 0, 4)}, bytes(40)),
        "deep": _headed(b"[" * 200_000),
        "list": _headed([1]),
        "no UTF-8": _headed(b"\xff\xfe{}"),
        "name with control codes": _headed({"\x1b[2J\n\x07": _f32([1], 0, 4)}, bytes(4)),
        "no tensors": _headed({}),
    }


def texts() -> dict[str, bytes]:
    """JSON that no checkpoint holds."""
    return {
        "empty": b"",
        "deep": b"[" * 200_000,
        "deep objects": b'{"a":' * 100_000,
        "long": b'{"a": "' + b"a" * 2**20 + b'"}',
        "huge number": b'{"seen": ' + b"9" * 10_000 + b"}",
        "list": b"[]",
        "word": b"null",
        "no UTF-8": b"\xff\xfe\x00{",
        "truncated": b'{"seen": 12',
    }


def states(good: dict) -> dict[str, bytes]:
    """JSON with values that nobody wrote, in the place of state.json."""
    player = next(iter(good["optimizers"]))
    one = good["optimizers"][player]
    many = good["optimizers"]

    def other(state):
        return good | {"optimizers": many | {player: one | {"state": state}}}

    wrong = {
        "nothing": {},
        "no optimisers": good | {"optimizers": {}},
        "list of optimisers": good | {"optimizers": []},
        "list of players": good | {"optimizers": {player: []}},
        "clock of a word": good | {"seen": "128"},
        "clock before the start": good | {"seen": -1},
        "clock of a list": good | {"rounds": [1]},
        "parameter that is none": other(one["state"] | {"999": {}}),
        "parameter before the first": other(one["state"] | {"-1": {}}),
        "parameter of a word": other({"x" * 9: {}}),
        "value of a word": other({"0": {"step": "import os"}}),
        "value of an object": other({"0": {"step": {"__reduce__": "os.system"}}}),
        "values of a list": other({"0": [1]}),
        "another class": good | {"optimizers": many | {player: one | {"class": "\x1b[2J" * 500}}},
    }
    return {name: json.dumps(what).encode() for name, what in wrong.items()}


def manifests(good: dict) -> list[dict]:
    """Contents of a manifest that nobody wrote."""
    files = good["files"]
    first = next(iter(files))
    return [
        {},
        {"format": 1},
        good | {"format": "1"},
        good | {"format": None},
        good | {"format": 10**9},
        good | {"files": []},
        good | {"files": {}},
        good | {"files": files | {"../../evil": files[first]}},
        good | {"files": files | {first: None}},
        good | {"files": files | {first: {}}},
        good | {"files": files | {first: {"bytes": -1, "sha256": ""}}},
        good | {"files": files | {first: {"bytes": 2**70, "sha256": []}}},
        good | {"seen": "128"},
        good | {"seen": 10**12},
    ]
