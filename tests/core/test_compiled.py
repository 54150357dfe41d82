"""Compiled functions where their machine code can be kept, and where it cannot."""

import numba
import numpy as np
import pytest

from analognas.core.compiled import compiled


def doubled(x):
    return 2.0 * x.sum()


def test_the_function_is_compiled():
    function = compiled("float64(float64[::1])")(doubled)
    assert function(np.ones(3)) == 6.0
    assert len(function.compile().signatures) == 1


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
    monkeypatch.setattr(numba, "njit", njit)
    assert compiled("float64(float64[::1])")(doubled)(np.ones(3)) == 6.0
    assert tried == [True, False]


@compiled("float64(float64[::1])")
def total(x):
    return x.sum()


@compiled("float64(float64[::1])")
def mean(x):
    return total(x) / len(x)


def test_compiled_functions_call_each_other():
    assert mean(np.arange(4.0)) == 1.5
    assert total(np.arange(4.0)) == 6.0


def test_names_and_docstrings_are_those_of_the_function():
    assert (mean.__name__, mean.__wrapped__.__name__) == ("mean", "mean")
