import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from analognas.spaces import NASBench201Space
from analognas.tables import AnalogNASBench

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: give --slow to run it"))


@pytest.fixture(autouse=True)
def _seeded():
    """Start torch's default generator alike, whatever ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


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
