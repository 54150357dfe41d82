"""Compiled functions where their machine code can be kept, and where it cannot."""

import numba
import numpy as np
import pytest

from analognas.core import compiled as module
from analognas.core.compiled import compiled


def doubled(x):
    return 2.0 * x.sum()


def test_the_function_is_compiled():
    function = compiled("float64(float64[::1])")(doubled)
    assert len(function.signatures) == 1
    assert function(np.ones(3)) == 6.0


def test_other_types_are_refused():
    function = compiled("float64(float64[::1])")(doubled)
    with pytest.raises(TypeError, match="No matching definition"):
        function(np.ones((3, 3), dtype=np.float32))


def test_without_a_folder_for_the_cache(monkeypatch):
    tried = []

    def njit(signature, cache=False, **options):
        tried.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(signature, **options)

    real = numba.njit
    monkeypatch.setattr(module.numba, "njit", njit)
    assert compiled("float64(float64[::1])")(doubled)(np.ones(3)) == 6.0
    assert tried == [True, False]
