"""How the process treats memory that was freed."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_LARGEST_INT = 2**31 - 1
_LARGEST_MMAP_THRESHOLD = 32 << 20  # older versions refuse more


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for reuse; return whether it does.

    By default glibc gives large blocks back to the system when they are freed, and the next tensor of that
    size pays for each of its pages anew: on the CPU that costs more than most element-wise operations. A
    process that trains or evaluates networks in a loop frees and takes the same sizes again and again. Its
    peak does not grow, but it does not shrink after the peak either. Called by ``analognas train``,
    ``analognas drift`` and ``analognas sensitivity``; elsewhere it is the user's choice, for the whole process.

    Does nothing where the C library is not glibc.

    Source: mallopt(3), ``M_MMAP_THRESHOLD`` and ``M_TRIM_THRESHOLD``.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    return bool(kept and mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT))
