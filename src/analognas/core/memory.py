"""Reuse of freed memory."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_LARGEST_INT = 2**31 - 1
_MMAP_THRESHOLDS = (_LARGEST_INT, 32 << 20)  # older versions refuse more than 32 MiB


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for reuse; return whether it does.

    By default, glibc returns large freed blocks to the system, and the next tensor of that size must get each
    of its pages again. On the CPU, this takes longer than most element-wise operations. Loops that train or
    evaluate networks allocate the same sizes repeatedly. The peak of memory does not grow, but memory is not
    returned after it. Builds, ``analognas train``, ``analognas drift`` and ``analognas sensitivity`` call this
    function.

    Does nothing if the C library is not glibc.

    Source: mallopt(3), ``M_MMAP_THRESHOLD`` and ``M_TRIM_THRESHOLD``.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = any(mallopt(_M_MMAP_THRESHOLD, threshold) for threshold in _MMAP_THRESHOLDS)
    return bool(kept and mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT))
