"""Loops over arrays, compiled to machine code."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, TypeVar, cast

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(signature: str, *, fastmath: Collection[str] = ()) -> Callable[[_Function], _Function]:
    """Compile a function of numbers and numpy arrays when it is defined.

    The machine code is kept on disk for later processes; where neither the package's folder nor the user's
    cache can be written, each process compiles anew. The interpreter's lock is released while the function
    runs.

    Args:
        signature: Types of result and arguments, in numba's words. Others are refused, not compiled for.
        fastmath: What may be changed of the order and the special cases of float arithmetic, in the words of
            LLVM; nothing by default, so that a NaN stays one.

    Example:
        >>> import numpy as np
        >>> @compiled("float64(float64[::1])")
        ... def total(x):
        ...     result = 0.0
        ...     for value in x:
        ...         result += value
        ...     return result
        >>> total(np.arange(4.0))
        6.0
    """
    compiler = partial(
        numba.njit, signature, nogil=True, error_model="numpy", fastmath=set(fastmath)
    )

    def decorate(function: _Function) -> _Function:
        try:
            made = compiler(cache=True)(function)
        except RuntimeError:  # no folder for the cache
            made = compiler()(function)
        return cast(_Function, made)

    return decorate
