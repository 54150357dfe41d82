import copy
import json
import math
import pickle

from analognas.tables import DriftReading


def test_behaves_as_a_float_and_keeps_its_std():
    reading = DriftReading(80.25, 1.5)
    assert reading == 80.25
    assert 80 < reading < 81
    assert float(reading) + 1 == reading + 1 == 81.25
    assert math.sqrt(reading) == math.sqrt(80.25)
    assert f"{reading:.1f}" == "80.2"
    assert sorted([DriftReading(2), DriftReading(1)])[0] == 1
    assert json.dumps(reading) == "80.25"
    assert hash(reading) == hash(80.25)
    assert (reading.value, reading.uncertainty, reading.std) == (80.25, 1.5, 1.5)
    assert type(reading.value) is float
    assert str(reading) == "80.25 ± 1.5"


def test_copies_keep_the_std():
    reading = DriftReading(80.25, 1.5)
    for other in (copy.copy(reading), copy.deepcopy(reading), pickle.loads(pickle.dumps(reading))):
        assert (other, other.std) == (reading, 1.5)
