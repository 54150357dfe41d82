import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # one core for each worker
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "200"  # texts do not depend on the terminal that the tests run in

# Blocks connections here, and in processes that tests start, through `sitecustomize`.
sys.path.insert(0, str(Path(__file__).with_name("no_network")))
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (sys.path[0], os.environ.get("PYTHONPATH")))
)

import numpy as np
import pytest
from hypothesis import settings

import no_network
from analognas.spaces import NASBench201Space
from analognas.tables import AnalogNASBench

# Processes that tests start find modules compiled, as those of users do.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each worker tests of whole files, whose fixtures it then makes once, and let idle workers take over."""
    from xdist.scheduler import WorkStealingScheduling

    plain = config.getoption("dist") == "load"  # the default of -n
    return WorkStealingScheduling(config, log) if plain else None


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: give --slow to run it"))


@pytest.fixture
def rewrite_log():
    """Change the trial log in a folder by SQL, checksums included, as no accident does."""
    from analognas.search.log.content import seal_again

    def rewrite(folder, *statements):
        with closing(sqlite3.connect(Path(folder) / "trials.sqlite")) as connection:
            for statement in statements:
                connection.execute(statement)
            if not any("user_version" in statement for statement in statements):
                with closing(connection.cursor()) as cursor:
                    seal_again(cursor)
            connection.commit()

    return rewrite


@pytest.fixture(autouse=True)
def _network(request, monkeypatch):
    """Let tests marked `network` connect; `no_network` blocks all others."""
    if "network" in request.keywords:
        monkeypatch.setenv(no_network.ALLOW, "1")


@pytest.fixture(autouse=True)
def _seeded():
    """Start torch's default generator alike, whatever ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def one_pixel(monkeypatch):
    """Figures are made as always, but written as one pixel: matplotlib takes half a second to draw one."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from PIL import Image

    def save(figure, file, **options):
        Image.new("RGB", (1, 1)).save(file, format="png")

    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: None)
    monkeypatch.setattr(Figure, "savefig", save)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Finished results, as a user has them: the examples of docstrings read them, and commands show them.

    The folder holds ``my-search``, ``my-build``, ``my-training``, ``my-drift``, ``my-analysis`` and
    ``my-table.parquet``.
    """
    from analognas import Worker
    from analognas.builder import BuildSettings, SerialWorkers, run_build
    from analognas.drift import DriftSettings, run_drift
    from analognas.training import RunConfig, train_run

    place = tmp_path_factory.mktemp("finished")
    for name in ("my-analysis", "my-training", "my-drift"):
        (place / name).mkdir()
    experiments = Path(__file__).parents[1] / "experiments"
    shutil.copy(experiments / "robust_cells" / "analysis.json", place / "my-analysis")
    table = experiments / "tables" / "resnet-cifar10-partial.parquet"
    shutil.copy(table, place / "my-table.parquet")
    Worker(optimizer="random_search", budget=20, runs=2, out=place / "my-search").search()
    quick = {"epochs": 1, "batch_size": 16}
    measurement = {
        "data": "digits",
        "image_size": 8,
        "examples": {"train": 64, "test": 40},
        "conditions": ["digital"],
        "network": {"channels": 2, "cells": 1},
        "digital": quick,
    }
    settings = BuildSettings(
        name="six-cells", sample={"n": 6}, repeats={"n": 3, "seeds": 1}, measurement=measurement
    )
    run_build(settings, place / "my-build", SerialWorkers())
    config = RunConfig(
        model="cnn-4",
        data="digits",
        data_options={"size": 8},
        subset={"train": 200, "validation": 40, "test": 100},
        recipe={"kind": "hwa", **quick},
        digital=quick,
    )
    train_run(config, place / "my-training")
    hwa = place / "my-training"
    study = DriftSettings(
        checkpoint=str(hwa), direct=str(hwa / "digital"), times=(60, 86400), chips=3
    )
    run_drift(study, place / "my-drift")
    return place


@pytest.fixture(scope="session")
def shared():
    """Folder of the development data, which is not part of the product."""
    folder = os.environ.get("ANALOGNAS_SHARED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the development data; set ANALOGNAS_SHARED to its folder")
    return Path(folder)


@pytest.fixture(scope="session")
def bench():
    return AnalogNASBench()


@pytest.fixture(scope="session")
def space():
    return NASBench201Space()


@pytest.fixture(scope="session")
def every_cell(space):
    """All 15,625 genotypes in code order."""
    return space.from_codes(np.arange(space.size))
