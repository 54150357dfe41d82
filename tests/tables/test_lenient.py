import pytest

from analognas import AnalogNASBench
from analognas.core import OutOfSpaceError, UnknownNameError


@pytest.fixture(scope="module")
def bench():
    return AnalogNASBench()


@pytest.mark.parametrize("arch", [(0, 0, 0, 4, 3, 5), (0, 0), (9, 0, 0, 0, 0, 0)])
def test_texts_for_what_does_not_exist(bench, arch):
    """The texts are those of analog-nasbench 0.1.3."""
    ours = bench.lenient()
    assert ours.query_metric(arch, "analog_accuracy") == "architecture not found"
    assert ours.get_architecture_details(arch) == "Architecture not found."
    with pytest.raises(OutOfSpaceError):
        bench.query_metric(arch, "analog_accuracy")


def test_what_exists_is_unchanged(bench):
    arch, ours = (0, 0, 0, 4, 3, 2), bench.lenient()
    assert ours.query_metric(arch, "analog_accuracy") == bench.query_metric(arch, "analog_accuracy")
    assert ours.get_architecture_details(arch) == bench.get_architecture_details(arch)
    assert len(ours.list_available_architectures()) == 15625
    with pytest.raises(UnknownNameError):
        ours.query_metric((9,), "no_such_metric")


def test_an_evolution_that_proposes_operation_5(bench):
    """As the package's example does: it takes the text for a worse network."""
    table = bench.lenient()
    found = [table.query_metric((op, 0, 0, 4, 3, 2), "analog_accuracy") for op in range(6)]
    assert [isinstance(value, str) for value in found] == [False] * 5 + [True]
