"""Which architectures a build measures."""

import numpy as np
import pytest

from analognas.builder import SampleSettings, choose_architectures
from analognas.builder.sampling import draw_further
from analognas.core import InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.spaces import ConfigSpace, FBNetSpace, NASBench201Space, ResNetSpace
from analognas.spaces.layers import STRUCTURE
from analognas.tables import AnalogNASBench

CELLS, RESNET = NASBench201Space(), ResNetSpace()


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_draws_are_distinct_within_the_constraints_and_repeatable(method):
    settings = SampleSettings(
        method=method, n=150, constraints=["params<=1e6", "macs<=3e7"], seed=3
    )
    rows = choose_architectures(RESNET, settings)
    assert rows.shape == (150, RESNET.n_genes)
    assert len(np.unique(RESNET.codes(rows))) == 150
    assert RESNET.params(rows).max() <= 1e6
    assert RESNET.macs(rows).max() <= 3e7
    assert (choose_architectures(RESNET, settings) == rows).all()
    assert (choose_architectures(RESNET, settings.replace(seed=4)) != rows).any()


def test_bounds_on_the_structure_of_networks():
    settings = SampleSettings(method="random", n=40, constraints=["layers<=20", "params<=1e5"])
    rows = choose_architectures(RESNET, settings)
    layers = RESNET.structure(rows)[:, STRUCTURE.index("layers")]
    assert len(rows) == 40
    assert layers.max() <= 20
    assert RESNET.params(rows).max() <= 1e5


def test_a_bound_on_something_unknown_names_what_may_be_bounded():
    with pytest.raises(UnknownNameError, match="layers"):
        choose_architectures(RESNET, SampleSettings(n=4, constraints=["layer<=20"]))


def test_a_latin_hypercube_runs_through_every_gene():
    rows = choose_architectures(CELLS, SampleSettings(method="latin_hypercube", n=100))
    for gene in range(6):
        counts = np.bincount(rows[:, gene], minlength=5)
        assert counts.min() >= 15  # distinct rows only: 20 but for a few that were drawn again


def test_all_are_all_in_random_order():
    rows = choose_architectures(CELLS, SampleSettings(method="all"))
    assert sorted(CELLS.codes(rows).tolist()) == list(range(15625))
    assert (np.diff(CELLS.codes(rows)) != 1).mean() > 0.9
    bounded = choose_architectures(CELLS, SampleSettings(method="all", constraints=["params<=2e5"]))
    every = CELLS.every()
    assert len(bounded) == (CELLS.params(every) <= 2e5).sum()


def test_one_of_each_isomorphism_class():
    rows = choose_architectures(CELLS, SampleSettings(method="isomorphism_classes"))
    assert len(rows) == len(np.unique(CELLS.isomorphism_class(rows))) == 6466
    assert len(choose_architectures(CELLS, SampleSettings(method="isomorphism_classes", n=7))) == 7
    with pytest.raises(InvalidArgumentError, match="isomorphism"):
        choose_architectures(RESNET, SampleSettings(method="isomorphism_classes"))


def test_quantiles_are_evenly_spread_from_the_worst_to_the_best():
    settings = SampleSettings(
        method="quantiles", n=40, table="analognasbench", metric="analog_drift_2592000"
    )
    rows = choose_architectures(CELLS, settings)
    bench = AnalogNASBench()
    every = np.sort(bench.query(CELLS.every(), [settings.metric])[settings.metric])
    found = np.sort(bench.query(rows, [settings.metric])[settings.metric])
    places = np.round(np.linspace(0, 15624, 40)).astype(int)
    assert found.tolist() == every[places].tolist()
    assert (
        np.diff(bench.query(rows, [settings.metric])[settings.metric]) < 0
    ).any()  # not in order
    with pytest.raises(InvalidArgumentError, match="nasbench201"):
        choose_architectures(RESNET, settings)
    with pytest.raises(UnknownNameError, match="analog_drift"):
        choose_architectures(CELLS, settings.replace(metric="analog_drift"))


def test_a_list_is_taken_as_it_is():
    settings = SampleSettings(method="list", architectures=["No.5780", [0, 1, 2, 3, 4, 0], 7])
    rows = choose_architectures(CELLS, settings)
    assert [CELLS.index(row) for row in rows][::2] == [5780, 7]
    with pytest.raises(InvalidArgumentError, match="twice"):
        choose_architectures(CELLS, settings.replace(architectures=["No.7", 7]))
    with pytest.raises(OutOfSpaceError):
        choose_architectures(CELLS, settings.replace(architectures=["No.99999"]))
    with pytest.raises(InvalidArgumentError, match="params<=1000"):
        choose_architectures(CELLS, settings.replace(constraints=["params<=1000"]))


def test_small_spaces_are_exhausted_and_larger_wishes_are_errors():
    space = ConfigSpace(name="small")
    space.add_hyperparameter("depth", "discrete", 1, 12)
    rows = choose_architectures(space, SampleSettings(n=12))
    assert sorted(rows[:, 0].tolist()) == list(range(12))
    with pytest.raises(InvalidArgumentError, match="only 12"):
        choose_architectures(space, SampleSettings(n=13))
    with pytest.raises(InvalidArgumentError, match="only 0"):
        choose_architectures(CELLS, SampleSettings(n=5, constraints=["params<=10"]))


def test_what_the_space_does_not_count_cannot_be_bounded():
    space = ConfigSpace(name="small")
    space.add_hyperparameter("depth", "discrete", 1, 12)
    with pytest.raises(UnknownNameError, match="params"):
        choose_architectures(space, SampleSettings(n=2, constraints=["params<=10"]))
    with pytest.raises(UnknownNameError, match="avm"):
        choose_architectures(FBNetSpace(), SampleSettings(n=2, constraints=["avm<=10"]))


def test_parts_are_disjoint_and_together_the_whole():
    whole = SampleSettings(n=10)
    parts = [choose_architectures(CELLS, whole.replace(part=f"{n}/3")) for n in (1, 2, 3)]
    assert [len(part) for part in parts] == [4, 3, 3]
    rows = choose_architectures(CELLS, whole)
    assert sorted(np.concatenate(parts).tolist()) == sorted(rows.tolist())
    for part, words in (("4/3", "3/3"), ("0/3", "part"), ("1-3", "part")):
        with pytest.raises(InvalidArgumentError, match=words):
            SampleSettings(n=10, part=part)
    with pytest.raises(InvalidArgumentError, match="only 10"):
        choose_architectures(CELLS, whole.replace(part="11/11"))


def test_further_draws_are_new():
    settings = SampleSettings(n=30, constraints=["params<=1e6"])
    rows = choose_architectures(RESNET, settings)
    more = draw_further(RESNET, settings, rows, 20)
    codes = RESNET.codes(np.concatenate([rows, more]))
    assert len(np.unique(codes)) == 50
    assert RESNET.params(more).max() <= 1e6
    listed = SampleSettings(method="list", architectures=[1, 2])
    with pytest.raises(InvalidArgumentError, match="listed"):
        draw_further(CELLS, listed, CELLS.population([1, 2]), 1)
