"""The process keeps the memory that it frees, for the next tensor."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's mallopt


def keep() -> None:
    """Tells glibc to keep what is freed, in the whole process and for good; no glibc, no change.

    By default large tensors are mapped when they are made and unmapped when they are freed, so the
    kernel clears every page of every round's tensors anew: on one core that is a third of a round
    of `r3gan`, a tenth of `upsample-gan`'s and 3 % of `dcgan`'s. The most that a process
    holds grew by 1 %.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    set_option(_MMAP_MAX, 0)
    set_option(_TRIM_THRESHOLD, -1)
