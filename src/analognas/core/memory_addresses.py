"""Memory at an address as an array, within compiled code.

Passing a tensor to compiled code as an array takes some microseconds, mostly for the array object. Passing its
``data_ptr()`` and length takes a tenth of that. Neither is checked, so callers must check them.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload
from numba.np.numpy_support import carray
from numpy.typing import NDArray


def floats_at(address: int, n: int) -> NDArray[np.float32]:
    """Return ``n`` single-precision numbers at an address, not copied; within compiled code or outside.

    Example:
        >>> x = np.arange(3, dtype=np.float32)
        >>> floats_at(x.ctypes.data, 2)
        array([0., 1.], dtype=float32)
    """
    return np.ctypeslib.as_array((ctypes.c_float * n).from_address(address))


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    result: Any = types.CPointer(types.float32)  # type: ignore[no-untyped-call]
    return result(types.int64), generate


@overload(floats_at)
def _compiled_floats_at(address: Any, n: Any) -> Any:
    def view(address: Any, n: Any) -> Any:
        return carray(_pointer(address), (n,))  # type: ignore[call-arg]

    return view
