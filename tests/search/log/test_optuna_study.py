import pytest

from analognas.search.log.export import study_parameters
from analognas.spaces import ConfigSpace, FBNetSpace, NASBench201Space

optuna = pytest.importorskip("optuna")


def test_hyperparameters_have_their_names_and_values():
    space = ConfigSpace()
    space.add_hyperparameter("depth", "discrete", 1, 9, 3)
    space.add_hyperparameter("rate", "continuous", 1e-4, 1e-1, log=True)
    space.add_hyperparameter_range("kernel", "categorical", [(3, 3), "none"])
    depth, rate, kernel = study_parameters(space)
    assert (depth.name, [depth.value(index) for index in range(3)]) == ("depth", [1, 4, 7])
    assert depth.distribution == optuna.distributions.IntDistribution(1, 7, step=3)
    assert (rate.name, rate.value(0), rate.value(30_000)) == ("rate", 1e-4, 1e-1)
    assert rate.distribution == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
    assert kernel.distribution.choices == ("(3, 3)", "none")
    assert kernel.value(0) == "(3, 3)"


def test_cells_are_operations_of_edges():
    parameters = study_parameters(NASBench201Space())
    names = [parameter.name for parameter in parameters]
    assert names == ["edge_0_1", "edge_0_2", "edge_0_3", "edge_1_2", "edge_1_3", "edge_2_3"]
    assert parameters[0].value(2) == "nor_conv_3x3"
    assert all(one.value(4) in one.distribution.choices for one in parameters)


def test_other_spaces_show_indices():
    first = study_parameters(FBNetSpace())[0]
    assert (first.name, first.value(3), len(first.distribution.choices)) == ("gene0", 3, 9)
