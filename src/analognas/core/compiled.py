"""Loops over arrays, compiled to machine code when they are first called."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import update_wrapper
from hashlib import sha256
from types import FunctionType
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])


class CompiledFunction:
    """A function that numba compiles at its first call, so that importing it does not load numba.

    numba keeps the machine code on disk and notices changes of the function's own file only. It does not notice
    changes of a callee in another file, so :attr:`digest` is part of the name of the machine code on disk.

    Args:
        function: The function. It may call other compiled functions, of any module.
        signature: Types of the result and the arguments, in numba's notation.
        fastmath: Flags of LLVM.
    """

    def __init__(self, function: FunctionType, signature: str, fastmath: set[str]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._signature, self._fastmath = signature, fastmath
        self._machine_code: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the machine code."""
        return (self._machine_code or self.compile())(*arguments)

    @property
    def digest(self) -> str:
        """A digest of the code, of the constants that it reads, and of all compiled functions that it calls."""
        code, names = self._function.__code__, self._function.__globals__
        parts = [code.co_code.hex(), repr(code.co_consts), repr(code.co_names), self._signature]
        parts.append(repr(sorted(self._fastmath)))
        for name in code.co_names:
            value = names.get(name)
            if isinstance(value, CompiledFunction):
                parts.append(value.digest)
            elif not callable(value):
                parts.append(repr(value))
        return sha256("\n".join(parts).encode()).hexdigest()[:16]

    def compile(self) -> Callable[..., Any]:
        """Compile the function or load its machine code from disk, unless that was done before."""
        if self._machine_code is None:
            import numba

            options: dict[str, Any] = {
                "nogil": True,
                "error_model": "numpy",
                "fastmath": self._fastmath,
            }
            function = self._linked()
            try:
                made = numba.njit(self._signature, cache=True, **options)(function)
            except RuntimeError:  # no folder for the cache is writable
                made = numba.njit(self._signature, **options)(function)
            self._machine_code = made
        return self._machine_code

    def _linked(self) -> FunctionType:
        """Return the function with its callees compiled and the digest in its name."""
        function = self._function
        names = function.__globals__
        callees = {
            name: names[name].compile()
            for name in function.__code__.co_names
            if isinstance(names.get(name), CompiledFunction)
        }
        linked = FunctionType(
            function.__code__,
            names | callees,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        linked.__qualname__ = f"{function.__qualname__}_{self.digest}"
        linked.__module__ = function.__module__
        return linked


def compiled(signature: str, *, fastmath: Collection[str] = ()) -> Callable[[_Function], _Function]:
    """Compile a function of numbers and numpy arrays when it is first called.

    The machine code is kept on disk for later processes. Where neither the package's folder nor the user's
    cache can be written, each process compiles it again. The interpreter's lock is released while the function
    runs.

    Args:
        signature: Types of the result and the arguments, in numba's notation. Arguments of other types raise a
            ``TypeError``.
        fastmath: Flags of LLVM that allow another order or other special cases of float arithmetic. None by
            default, so that NaN stays NaN.

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

    def decorate(function: _Function) -> _Function:
        assert isinstance(function, FunctionType)
        return cast(_Function, CompiledFunction(function, signature, set(fastmath)))

    return decorate
