"""Compiled functions where their machine code can be kept, and where it cannot."""

import os
import subprocess
import sys

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


CALLEE = """
from analognas.core.compiled import compiled

@compiled("float64(float64)")
def scaled(x):
    return {factor} * x
"""
CALLER = """
from analognas.core.compiled import compiled
from callee import scaled

@compiled("float64(float64)")
def shifted(x):
    return scaled(x) + 1.0

print(shifted(2.0))
"""


def test_a_changed_callee_in_another_file_is_noticed(tmp_path):
    (tmp_path / "caller.py").write_text(CALLER)
    results = []
    for factor in ("3.0", "3.0", "5.0"):
        (tmp_path / "callee.py").write_text(CALLEE.format(factor=factor))
        run = subprocess.run(
            [sys.executable, "-B", "-c", "import caller"],
            cwd=tmp_path,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=True,
        )
        results.append(float(run.stdout))
    assert results == [7.0, 7.0, 11.0]


@compiled("float64(float64)")
def with_constant(x):
    return x + CONSTANT


CONSTANT = 1.0


def test_the_digest_follows_constants_and_signatures(monkeypatch):
    before = with_constant.digest
    assert (
        with_constant.digest
        == before
        != compiled("float64(float32)")(with_constant.__wrapped__).digest
    )
    monkeypatch.setitem(globals(), "CONSTANT", 2.0)
    assert with_constant.digest != before
