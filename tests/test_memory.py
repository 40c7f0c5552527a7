"""Freed memory stays with the process."""

import platform
import subprocess
import sys

import pytest

from cardigan import memory
from cardigan.memory import keep  # before the tests' set-up takes it out of the module

COUNT = """
import resource, sys, torch
from cardigan import memory
if sys.argv[1:]: memory.keep()
def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use(): return [torch.ones(n * 2**20) for n in (1, 4, 2, 8)]
for _ in range(10): use()
before = faults()
for _ in range(20): use()
print(faults() - before)
"""


def _faults(*words):
    """How often the kernel hands out a page while large tensors are made and freed, 20 times."""
    command = [sys.executable, "-c", COUNT, *words]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others have no such setting")
def test_tensors_are_made_where_others_were():
    assert _faults("keep") < 0.1 * _faults()


def test_where_nothing_can_be_set_nothing_is(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    keep()
