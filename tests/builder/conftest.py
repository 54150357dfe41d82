"""A measurement that takes a second: two small cells, 8 x 8 digits, one epoch, two chips."""

import importlib
from pathlib import Path

import pytest

from analognas.builder import MeasurementSettings, NetworkMeasurement
from analognas.spaces import SPACES

CELL = (2, 2, 0, 4, 2, 1)


def quick_settings(**changes):
    return MeasurementSettings.from_dict(
        {
            "data": "digits",
            "image_size": 8,
            "examples": {"train": 128, "test": 60},
            "network": {"channels": 4, "cells": 1},
            "digital": {"epochs": 3, "batch_size": 16, "optimizer": {"lr": 0.05}},
            "ptq": {"batch_size": 32},
            "qat": {"epochs": 1, "batch_size": 32},
            "hwa": {"epochs": 1, "batch_size": 32},
            "chips": {"n": 3, "times": [60, 86400, 2592000], "examples": 40, "calibration": 64},
            **changes,
        }
    )


@pytest.fixture
def quick():
    """Make such a measurement with some settings changed."""

    def make(**changes):
        return NetworkMeasurement(SPACES.get("nasbench201")(), quick_settings(**changes))

    return make


@pytest.fixture
def fake(monkeypatch):
    """The module of the fake measurement, under a name that other processes can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    return importlib.import_module("fake")
