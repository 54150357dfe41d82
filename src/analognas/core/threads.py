"""One thread for small linear algebra."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep numpy's and scipy's linear algebra on one thread within a ``with`` block.

    Matrices of some hundred rows gain nothing from more: threads that wait for each other cost as much
    processor time as they save. And sums come out alike on machines of any number of cores, so that equal
    seeds make equal searches.

    Example:
        >>> import numpy as np
        >>> with one_blas_thread():
        ...     float((np.ones((2, 2)) @ np.ones((2, 2))).sum())
        8.0
    """
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Finding the libraries takes milliseconds; scipy has its own, so it is loaded first.
    import_module("scipy.linalg")
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
