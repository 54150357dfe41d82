"""What a space says of itself, and that other rooms ask nothing else."""

import ast
from pathlib import Path

import numpy as np
import pytest

import analognas
from analognas.core import InvalidArgumentError
from analognas.evaluators import ChipCostEvaluator, CountEvaluator, default_evaluator
from analognas.hardware import population_costs
from analognas.optimizers.candidate_predictions import counts_alike
from analognas.spaces import (
    SPACES,
    ConfigSpace,
    Encoding,
    FBNetSpace,
    LayerCounts,
    Layers,
    NASBench201Space,
    ResNetSpace,
    Space,
    cost_encoding,
    encode_features,
    encodings_of,
    restricted,
)

PACKAGE = Path(analognas.__file__).parent


class Counted(ConfigSpace):
    """Counts one metric in its own way, and has an encoding of its own."""

    def set_hyperparameters(self):
        self.add_hyperparameter("width", "discrete", 1, 9)
        self.add_hyperparameter_range("kind", "categorical", ["a", "b"])

    def counts(self):
        return {"params": lambda population, input_shape=None, n_classes=None: population[:, 0] * 7}

    def encodings(self):
        return (Encoding("widths", lambda space, rows: rows[:, :1], lambda space: ("width",)),)


class Nameless(Space):
    def __init__(self, n_choices, **options):
        super().__init__("nameless", n_choices, **options)

    encode = decode = describe = build = None


def test_what_the_spaces_count():
    for name in SPACES.names():
        space = SPACES.get(name)()
        rows = space.sample(50, generator=np.random.default_rng(0))
        assert list(space.counts()) == ["params", "macs"]
        assert space.has_layers
        for metric in ("params", "macs"):
            counted = space.counts()[metric](rows)
            assert counted.dtype == np.int64
            layers = space.layers(rows)
            total = sum(layer.params if metric == "params" else layer.macs for layer in layers)
            total = total + (space.other_params if metric == "params" else 0)
            np.testing.assert_array_equal(counted, total)
    plain = ConfigSpace(name="plain")
    assert plain.counts() == {}
    assert not plain.has_layers


def test_nasbench201_counts_through_its_layers():
    space = NASBench201Space()
    rows = space.every()[::7]
    for shape, classes in (((3, 32, 32), 10), ((1, 13, 9), 3)):
        for metric in (LayerCounts.params, LayerCounts.macs):
            own = getattr(space, metric.__name__)(rows, shape, classes)
            np.testing.assert_array_equal(own, metric(space, rows, shape, classes))
    np.testing.assert_array_equal(
        space.params(rows, "cifar100"), space.params(rows, dataset="cifar100")
    )
    np.testing.assert_array_equal(
        space.macs(rows, "ImageNet16-120"), space.macs(rows, (3, 16, 16), 120)
    )
    # What is returned is the caller's own.
    first = space.params(rows)
    first[:] = 0
    assert (space.params(rows) > 0).all()
    some = restricted(space, rows[:20])
    np.testing.assert_array_equal(some.params(some.every()), space.params(some.every()))
    assert space.structure(rows).shape[0] == len(rows)


def test_a_users_counts_are_used_everywhere():
    space = Counted(name="mine")
    rows = space.every()
    assert CountEvaluator(space).metrics == ["params"]
    means = default_evaluator(space, "params").evaluate(rows, ["params"]).means
    assert means["params"].tolist() == (rows[:, 0] * 7).tolist()
    assert counts_alike(space, "params", rows, rows[:, 0] * 7.0)
    assert not counts_alike(space, "macs", rows, rows[:, 0] * 7.0)
    with pytest.raises(InvalidArgumentError, match="does not list the layers"):
        ChipCostEvaluator(space)
    with pytest.raises(InvalidArgumentError, match="does not define the layers"):
        population_costs(space, rows, "hermes")
    assert encodings_of(space) == ["widths", "one_hot", "raw"]
    assert encode_features(space, rows, "widths").ravel().tolist() == rows[:, 0].tolist()
    assert cost_encoding(space) == "widths"


def test_layers_alone_make_counts_costs_and_features():
    class Line(LayerCounts, ConfigSpace):
        def set_hyperparameters(self):
            self.add_hyperparameter("depth", "discrete", 1, 3)

        def layers(self, population, input_shape=None, n_classes=None):
            yield Layers(3, 8, 9, 64, repeats=population[:, 0].astype(np.int64) + 1)
            yield Layers(8, 10, 1, 1, norm=False, bias=True)

    space = Line(name="line")
    assert space.params(space.every()).tolist() == [216 + 16 + 90, 2 * 232 + 90, 3 * 232 + 90]
    assert encodings_of(space) == ["structure", "one_hot", "raw"]
    assert ChipCostEvaluator(space).evaluate(space.every(), ["aimc_tiles"]).means[
        "aimc_tiles"
    ].tolist() == [2, 3, 4]


def test_parameters_of_every_space():
    edges = NASBench201Space().parameters()
    assert [edge.name for edge in edges[:2]] == ["edge_0_1", "edge_0_2"]
    assert edges[0].value(2) == "nor_conv_3x3"
    space = ResNetSpace()
    assert [entry.name for entry in space.parameters()] == space.get_hyperparameters()
    gene = FBNetSpace().parameters()[3]
    assert (gene.name, gene.value(8), gene.n_choices, gene.ordered) == ("gene3", 8, 9, False)
    fine, many, few = Nameless([9, 200, 5], fine=[True, False, False]).parameters()
    assert (fine.ordered, many.ordered, few.ordered) == (True, True, False)
    assert (fine.value(8), many.value(199), few.value(4)) == (8, 199, 4)
    for name in SPACES.names():
        known = SPACES.get(name)()
        assert [p.n_choices for p in known.parameters()] == known.n_choices.tolist()


def test_data_sets_that_networks_can_be_counted_for():
    assert list(NASBench201Space().datasets) == ["cifar10", "cifar100", "ImageNet16-120"]
    assert FBNetSpace().datasets == {"cifar100": ((3, 32, 32), 100)}
    assert FBNetSpace("ImageNet").datasets == {"ImageNet": ((3, 224, 224), 1000)}
    assert not ResNetSpace().datasets
    for name in SPACES.names():
        space = SPACES.get(name)()
        for shape, classes in list(space.datasets.values())[:1]:
            assert (space.input_shape, space.n_classes) == (shape, classes)


def test_classes_of_equal_networks():
    space = NASBench201Space()
    assert space.isomorphism_class(space.every()).max() == 6465
    assert ResNetSpace().isomorphism_class(np.zeros((1, 22))) is None


def questions_of(source):
    """Calls that ask what a space is, or whether it has a method, instead of asking the space."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
            asked, kind = (ast.unparse(argument) for argument in node.args[:2])
            of_space = asked.rsplit(".", 1)[-1] in ("space", "full_space")
            # Only the border checks that what a person gives is a space at all, or its name.
            border = node.func.id == "isinstance" and kind in ("Space", "str", "Space | str")
            if of_space and node.func.id in ("getattr", "hasattr", "isinstance") and not border:
                yield f"line {node.lineno}: {ast.unparse(node)}"


def test_no_room_asks_a_space_what_it_is():
    for path in sorted(PACKAGE.rglob("*.py")):
        if "spaces" not in path.relative_to(PACKAGE).parts:
            assert not list(questions_of(path.read_text())), path
    asked = (
        "isinstance(self.space, NASBench201Space)\ngetattr(space, 'params', None)\n"
        "hasattr(full_space, 'layers')\nisinstance(space, Space)\nisinstance(space, str)"
    )
    assert len(list(questions_of(asked))) == 3
