"""``analognas doctor``: versions, devices, optional parts, data, and a self-test."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..core import AnalogNASError, dump_json
from ..core.text_tables import hanging, wrapped
from ..core.user_data import DATA_VARIABLE, user_data_folder
from ..version import version_text
from .exits import EXIT_FAILED
from .options import Json

__all__ = ["doctor"]

_NEEDED = ("numpy", "scipy", "numba", "torch", "pyarrow", "scikit-learn", "pymoo", "matplotlib")
_OPTIONAL = {
    "ray": ("evaluations on a cluster", "pip install 'analognas[ray]'"),
    "optuna": ("the optimizer optuna", "pip install 'analognas[optuna]'"),
    "transformers": ("networks of Hugging Face", "pip install 'analognas[hf]'"),
    "tensorboard": ("train --tensorboard", "pip install 'analognas[tensorboard]'"),
    "pandas": ("to_pandas()", "pip install pandas"),
}
_TABLES = ("hw-nas-bench", "nas-bench-201")
_MOST_SHOWN = 8


@dataclass(frozen=True)
class Check:
    """A part of the self-test.

    Attributes:
        name: What is checked.
        problem: What is wrong; empty if nothing is.
        seconds: How long it took, s.
    """

    name: str
    problem: str
    seconds: float


def doctor(as_json: Json = False) -> int:
    """Check the installation: versions, devices, optional parts, data, and a self-test of some seconds.

    The exit code is 0 if the self-test passes, and 1 otherwise.

    Example: analognas doctor
    """
    facts: dict[str, Any] = {
        "analognas": version_text(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _NEEDED},
        "devices": _devices(),
        "optional": {name: _version(name) for name in _OPTIONAL},
        "data": _data(),
    }
    if not as_json:
        _print(facts)
    checks = []
    for name, work in _SELF_TEST.items():
        checks.append(_checked(name, work))
        if not as_json:
            done = checks[-1]
            state = f"failed: {done.problem}" if done.problem else f"ok, {done.seconds:.1f} s"
            print(f"  {name:<42}{state}", flush=True)
    failed = [check.name for check in checks if check.problem]
    if as_json:
        tests = [{"name": one.name, "problem": one.problem or None} for one in checks]
        print(dump_json({**facts, "self_test": tests}))
    elif failed:
        print(f"\n{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}")
    else:
        print("\nEverything works.")
    return EXIT_FAILED if failed else 0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _devices() -> list[str]:
    """Where networks can be trained and evaluated, as ``--device`` names them."""
    import torch

    found = [f"cpu: {os.cpu_count()} cores, {torch.get_num_threads()} threads of torch"]
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        found.append(f"cuda:{number}: {about.name}, {about.total_memory / 2**30:.0f} GiB")
    if torch.backends.mps.is_available():
        found.append("mps: the graphics processor of this Mac")
    return found


def _data() -> dict[str, Any]:
    """The folder of data sets and tables, and what is in it."""
    folder = user_data_folder()
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    added = {
        name: (folder / name).is_dir() and any((folder / name).glob("*.parquet"))
        for name in _TABLES
    }
    return {
        "folder": str(folder),
        "exists": folder.is_dir(),
        "tables": added,
        "other": [name for name in names if name not in _TABLES and not name.startswith(".")],
    }


def _checked(name: str, work: Callable[[], None]) -> Check:
    start = time.perf_counter()
    try:
        work()
    except Exception as error:  # whatever is broken
        kind = "" if isinstance(error, AnalogNASError) else f"{type(error).__name__}: "
        return Check(name, f"{kind}{error}" or type(error).__name__, time.perf_counter() - start)
    return Check(name, "", time.perf_counter() - start)


def _table() -> None:
    from ..tables import AnalogNASBench

    bench = AnalogNASBench()  # which compares the checksum
    found = float(bench.query_metric("0,0,0,4,3,2", "analog_drift_2592000"))
    _expect("accuracy in the shipped table", found, 84.48, 0.005)


def _search() -> None:
    from ..search import Search, SearchSettings

    settings = SearchSettings.from_dict({"budget": 30, "runs": 1, "optimizer": "random_search"})
    with tempfile.TemporaryDirectory() as folder:
        result = Search(settings).run(Path(folder) / "search")
    if not result.feasible:
        raise AnalogNASError("A search of 30 architectures found none.")


def _chip() -> None:
    """Program a layer on PCM, wait a day, and compare its outputs with the digital product."""
    import torch
    from torch import nn

    from ..nn import AnalogConfig, at_time, calibrate, program, to_analog

    generator = torch.Generator().manual_seed(0)
    digital = nn.Linear(256, 64)
    nn.init.normal_(digital.weight, std=0.1, generator=generator)
    x = torch.randn(32, 256, generator=generator)
    analog = to_analog(nn.Sequential(digital), AnalogConfig()).eval()
    with torch.no_grad():
        calibrate(analog, [x])
        program(analog, generator=generator)
        at_time(analog, 86400.0)
        error = (analog(x) - digital(x)).std() / digital(x).std()
    _expect("relative error of a layer on PCM after 1 day", float(error), 0.2, 0.2)


def _training() -> None:
    import torch
    from torch import nn

    model = nn.Linear(4, 1)
    loss = model(torch.ones(2, 4)).sum()
    loss.backward()
    if model.weight.grad is None or not bool(torch.isfinite(model.weight.grad).all()):
        raise AnalogNASError("torch computes no gradient.")


def _figure() -> None:
    from ..hardware import CHIPS, architecture_cost
    from ..report import save_figure
    from ..report.cost import cost_figure
    from ..spaces import NASBench201Space

    found = architecture_cost(NASBench201Space(), "0,0,0,4,3,2", CHIPS.get("hermes"))
    with tempfile.TemporaryDirectory() as folder:
        save_figure(cost_figure(found), Path(folder) / "cost.png")


_SELF_TEST: dict[str, Callable[[], None]] = {
    "look up a network in the shipped table": _table,
    "search 30 networks, with a log": _search,
    "program a layer on a chip and wait a day": _chip,
    "compute a gradient": _training,
    "draw the cost of a network": _figure,
}


def _expect(what: str, found: float, wanted: float, tolerance: float) -> None:
    if not abs(found - wanted) <= tolerance:
        raise AnalogNASError(f"The {what} must be {wanted:g} ± {tolerance:g}, but is {found:.4g}.")


def _print(facts: dict[str, Any]) -> None:
    print(f"analognas {facts['analognas']}\nPython {facts['python']} on {facts['system']}")
    print("\npackages")
    for name, found in facts["packages"].items():
        print(f"  {name:<14}{found or 'not installed'}")
    print("\ndevices")
    for text in facts["devices"]:
        print(wrapped(f"  {text}"))
    print("\noptional parts")
    for name, (purpose, command) in _OPTIONAL.items():
        found = facts["optional"][name]
        print(hanging(f"  {name}", found or f"not installed; for {purpose}: {command}", 16))
    data = facts["data"]
    print(f"\ndata in {data['folder']}{'' if data['exists'] else ' (does not exist)'}")
    for name, added in data["tables"].items():
        absent = f"not added: analognas data add {name} FILE"
        print(hanging(f"  {name}", "added" if added else absent, 16))
    for name in data["other"][:_MOST_SHOWN]:
        print(f"  {name}")
    if len(data["other"]) > _MOST_SHOWN:
        print(f"  and {len(data['other']) - _MOST_SHOWN} more")
    print(f"  {DATA_VARIABLE} names another folder")
    print("\n" + wrapped("self-test, about 5 s; longer the first time, when kernels are compiled"))
