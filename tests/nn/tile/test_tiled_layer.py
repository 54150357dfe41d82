"""Configurations of layers live as long as the layers do."""

import copy
import gc

import pytest

from analognas.nn import AnalogConfig, AnalogLinear
from analognas.nn.tile import tiled_layer


def test_a_configuration_is_dropped_with_its_last_layer():
    gc.collect()
    before = dict(tiled_layer._CONFIGS)
    config = AnalogConfig(out_noise=0.0123)
    first = AnalogLinear(4, 3, config=config)
    second = copy.deepcopy(first)
    assert tiled_layer._CONFIGS.keys() - before.keys() == {repr(config)}
    del first
    gc.collect()
    assert repr(config) in tiled_layer._CONFIGS
    del second
    gc.collect()
    assert repr(config) not in tiled_layer._CONFIGS


def test_former_names():
    layer = AnalogLinear(4, 3)
    with pytest.warns(DeprecationWarning, match="`tiled`"):
        assert layer.plan is layer.tiled
    with pytest.warns(DeprecationWarning, match="`change_class`"):
        from analognas.nn import become
    with pytest.warns(DeprecationWarning, match="`ProgrammedDevices`"):
        from analognas.physics import Chip
    assert (become.__name__, Chip.__name__) == ("change_class", "ProgrammedDevices")
