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


@pytest.mark.parametrize(
    ("module", "old", "home", "new"),
    [
        ("drift.study", "run_drift", "drift.run", "run_drift"),
        ("drift.study", "resume_drift", "drift.run", "resume_drift"),
        ("builder.folder", "run_build", "builder.run", "run_build"),
        ("builder.folder", "resume_build", "builder.run", "resume_build"),
        ("builder.additions", "start_with_tables", "builder.run", "start_with_tables"),
        ("hardware.hybrid", "LayerCosts", "hardware.hybrid", "LayerEnergies"),
        ("builder.protocol", "Task", "builder.protocol", "UnitTask"),
        ("tables.measurements", "Measurement", "tables.measurements", "MeasurementMethod"),
        ("hardware.uncertain_value", "Estimate", "hardware.uncertain_value", "UncertainValue"),
    ],
)
def test_a_name_that_moved_to_another_module_is_found_in_the_old_one(module, old, home, new):
    with pytest.warns(DeprecationWarning, match=f"use `{new}`"):
        found = getattr(importlib.import_module(f"analognas.{module}"), old)
    assert found is getattr(importlib.import_module(f"analognas.{home}"), new)


def test_an_old_module_has_its_old_names():
    with pytest.warns(DeprecationWarning, match="use `UncertainValue`|import `analognas.hardware"):
        from analognas.hardware.intervals import Estimate
    assert Estimate.__name__ == "UncertainValue"
