"""Old names of rooms keep working, with a warning that names the new one."""

import importlib
import subprocess
import sys

import pytest

from analognas.renamed_rooms import RENAMED


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_room_is_the_new_one_with_a_warning(old, new):
    code = (
        f"import warnings, importlib; warnings.simplefilter('error'); import {new} as new\n"
        "warnings.simplefilter('always')\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        f"    from {old} import *\n"
        f"    import {old} as again\n"
        "assert [w.category for w in said] == [DeprecationWarning], said\n"
        f"assert {new!r} in str(said[0].message) and said[0].filename == '<string>', said[0]\n"
        "assert all(getattr(again, name) is getattr(new, name) for name in new.__all__)\n"
        f"assert new.__name__ == {new!r} == new.__spec__.name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_unknown_names_are_still_unknown():
    with pytest.raises(ModuleNotFoundError, match="analognas.workers"):
        __import__("analognas.workers")


@pytest.mark.parametrize(
    ("room", "old", "new"),
    [
        ("search", "Progress", "SearchProgress"),
        ("search", "Estimate", "PosteriorEstimate"),
        ("builder", "Comparison", "TableComparison"),
        ("builder", "default_workers", "make_workers"),
        ("tables", "Measurement", "MeasurementMethod"),
    ],
)
def test_an_old_class_is_the_new_one_with_a_warning(room, old, new):
    module = importlib.import_module(f"analognas.{room}")
    with pytest.warns(DeprecationWarning, match=f"`{old}` of .*; use `{new}`"):
        assert getattr(module, old) is getattr(module, new)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        module.Nothing  # noqa: B018
