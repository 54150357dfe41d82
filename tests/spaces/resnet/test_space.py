import numpy as np
import pytest
import torch

from analognas import ConfigSpace
from analognas.core import InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.data.audio import make_features
from analognas.spaces import SPACES, STRUCTURE, ResNetSpace
from analognas.spaces.resnet import FEATURES, TARGETS
from analognas.testing import SpaceConformance
from analognas.testing.spaces import check_network

ARCH = {
    "out_channel0": 12, "M": 2,
    "R1": 3, "convblock1": 1, "widenfact1": 0.5, "B1": 4,
    "R2": 1, "convblock2": 2, "widenfact2": 0.72, "B2": 1,
}  # fmt: skip
PUBLISHED_ORDER = (
    "out_channel0", "M", "R1", "R2", "R3", "R4", "R5",
    "convblock1", "widenfact1", "B1", "convblock2", "widenfact2", "B2", "convblock3", "widenfact3", "B3",
    "convblock4", "widenfact4", "B4", "convblock5", "widenfact5", "B5",
)  # fmt: skip


class TestConformance(SpaceConformance):
    input_shape = (3, 8, 8)

    def make_space(self):
        return ResNetSpace()


class TestConformanceWithKernels(SpaceConformance):
    input_shape, n_classes, n_networks = (2, 9, 9), 3, 1

    def make_space(self):
        return ResNetSpace(
            "KWS", input_shape=(2, 9, 9), n_classes=3, kernels=(3, 5), layout="imagenet"
        )


@pytest.mark.parametrize(
    ("name", "dataset"), [("resnet", "CIFAR-10"), ("resnet_vww", "VWW"), ("resnet_kws", "KWS")]
)
def test_names_targets_and_registry(name, dataset):
    for space in (SPACES.get(name)(), ConfigSpace(dataset), ResNetSpace(dataset.lower())):
        assert type(space) is ResNetSpace
        assert space.name == name
        assert (space.input_shape, space.n_classes) == TARGETS[dataset]
        assert space.build(ARCH)(torch.zeros(2, *space.input_shape)).shape == (2, space.n_classes)


def test_size_counts_every_architecture_once():
    block = 16 * 2 * 30_001 * 4
    assert ResNetSpace().compute_cs_size() == 6 * sum(block**blocks for blocks in range(1, 6))


def test_every_end_is_reached():
    space = ResNetSpace()
    features = space.features(space.sample(60_000, generator=np.random.default_rng(0)))
    assert FEATURES == space.feature_names() == PUBLISHED_ORDER
    found = {name: np.unique(column) for name, column in zip(FEATURES, features.T, strict=True)}
    assert found["out_channel0"].tolist() == [8, 12, 16, 32, 48, 64]
    assert found["M"].tolist() == [1, 2, 3, 4, 5]
    for block in range(1, 6):
        absent = [0] if block > 1 else []
        assert found[f"R{block}"].tolist() == [*absent, *range(1, 17)]
        assert found[f"convblock{block}"].tolist() == [*absent, 1, 2]
        assert found[f"B{block}"].tolist() == [*absent, 1, 2, 3, 4]
        factors = found[f"widenfact{block}"][len(absent) :]
        assert 0.5 <= factors.min() < 0.501 < 0.799 < factors.max() <= 0.8
    for end in (0.5, 0.8):
        assert space.decode(space.encode({**ARCH, "widenfact1": end}))["widenfact1"] == end


def test_features_are_the_values_in_the_published_order():
    space = ResNetSpace()
    row = space.population([ARCH])
    expected = [12, 2, 3, 1, 0, 0, 0, 1, 0.5, 4, 2, 0.72, 1] + [0] * 9
    np.testing.assert_array_equal(space.features(row), [expected])
    population = space.sample(300, generator=np.random.default_rng(1))
    dictionaries = [[arch[name] for name in FEATURES] for arch in space.decode_all(population)]
    np.testing.assert_array_equal(space.features(population), dictionaries)


def test_kernels_are_genes_where_there_is_a_choice():
    space = ResNetSpace(kernels=(3, 5))
    arch = {**ARCH, "kernel1": 5, "kernel2": 3}
    network = space.build(arch)
    assert [main[0].branches[0][1][1].kernel_size[0] for main in network.body] == [5, 3]
    assert space.feature_names() == (*FEATURES, *(f"kernel{block}" for block in range(1, 6)))
    assert space.features(space.population([arch]))[0, 22:].tolist() == [5, 3, 0, 0, 0]
    fixed = ResNetSpace(kernels=[5])
    assert fixed.get_hyperparameters() == ResNetSpace().get_hyperparameters()
    assert fixed.build(ARCH).body[1][0].branches[0][1][1].kernel_size == (5, 5)
    assert fixed.params(fixed.population([ARCH])) > ResNetSpace().params(fixed.population([ARCH]))


def test_hyperparameters_may_be_added_removed_and_fixed():
    space = ResNetSpace()
    space.add_hyperparameter("learning_rate", "continuous", 1e-4, 1e-1, log=True)
    space.add_hyperparameter_range("scheme", "categorical", ["hwa", "qat"])
    arch = {**ARCH, "learning_rate": 0.01, "scheme": "qat"}
    assert space.feature_names()[22:] == ("learning_rate", "scheme")
    row = space.population([arch])
    np.testing.assert_allclose(space.features(row)[0, 22:], [0.01, 1], rtol=1e-3)
    plain = ResNetSpace()
    assert space.params(row) == plain.params(plain.population([ARCH]))
    space.remove_hyperparameter("B1")
    with pytest.raises(
        InvalidArgumentError, match="need `B1`, which was removed; to keep it constant, add it with"
    ):
        space.params(space.sample(1, generator=np.random.default_rng(0)))
    space.add_hyperparameter_range("B1", "discrete", [4])
    assert space.params(space.population([{**arch, "B1": 4}])) == plain.params(
        plain.population([ARCH])
    )
    assert len(space.build({**arch, "B1": 4}).body[0][0].branches) == 4


def test_definition_is_kept():
    space = ResNetSpace(
        "KWS", input_shape=(2, 40, 30), n_classes=3, kernels=(1, 5), layout="imagenet"
    )
    space.remove_hyperparameter("B2")
    space.add_hyperparameter_range("B2", "discrete", [2])
    for cls in (ConfigSpace, ResNetSpace):
        again = cls.from_yaml(space.to_yaml())
        assert type(again) is ResNetSpace
        assert again.definition() == space.definition()
        assert again.settings() == space.settings()
        rows = space.sample(20, generator=np.random.default_rng(0))
        np.testing.assert_array_equal(again.macs(rows), space.macs(rows))
    prints = {ResNetSpace(**change).fingerprint() for change in (
        {}, {"n_classes": 11}, {"input_shape": (3, 64, 64)}, {"kernels": [5]}, {"layout": "imagenet"}
    )}  # fmt: skip
    assert len(prints) == 5


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("settings: {n_classes: 3}", InvalidArgumentError, "`settings` are those of a space"),
        (
            "dataset: VWW\nsettings: {classes: 3}",
            UnknownNameError,
            "entry of set of settings 'classes'.*'n_classes'",
        ),
        (
            "dataset: VWW\nsettings: 7",
            InvalidArgumentError,
            "set of settings must be a mapping, but got 7",
        ),
        ("dataset: VWW\nsettings: {n_classes: 0}", InvalidArgumentError, "`n_classes`"),
    ],
)
def test_definitions_with_other_settings_are_refused(text, error, message):
    with pytest.raises(error, match=message):
        ConfigSpace.from_yaml(text)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("convblock1", [1, 3], r"1 \(basic\) or 2 \(bottleneck\)"),
        ("B1", [0, 1], "integers of at least 1"),
        ("R1", [1.5], "integers of at least 1"),
        ("widenfact1", [0.5, 2.0], "numbers above 0 and at most 1"),
        ("widenfact1", ["half"], "numbers above 0 and at most 1"),
        ("out_channel0", [1], "integers of at least 2"),
        ("kernel1", [2, 3], "odd integers"),
    ],
)
def test_values_that_mean_nothing(name, values, expected):
    space = ResNetSpace()
    if name in space.get_hyperparameters():
        space.remove_hyperparameter(name)
    space.add_hyperparameter_range(name, "discrete", values)
    row = space.sample(1, generator=np.random.default_rng(0))
    for use in (space.params, space.features, lambda rows: space.build(rows[0])):
        with pytest.raises(
            InvalidArgumentError, match=f"The values of `{name}` must be {expected}"
        ):
            use(row)


@pytest.mark.parametrize("zero", [0, 0.0, np.int64(0)])
def test_no_residual_blocks_in_a_present_block_are_one(zero):
    space = ResNetSpace()
    # AnalogNAS draws R = 0, and its builder then makes one residual block.
    assert space.decode(space.encode({**ARCH, "R1": zero})) == space.decode(
        space.encode({**ARCH, "R1": 1})
    )
    assert len(space.build({**ARCH, "R2": zero}).body[1]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R1": -1}, "R1"),
        ({"R1": False}, "R1"),
        ({"R1": 17}, "R1"),
        ({"M": 6}, "M"),
        ({"M": 3}, "'R3' is missing"),
        ({"out_channel0": 10}, "out_channel0"),
        ({"convblock2": 3}, "convblock2"),
        ({"widenfact1": 0.81}, "widenfact1"),
        ({"B2": 5}, "B2"),
        ({"depth": 3}, "no hyperparameter 'depth'"),
    ],
)
def test_what_is_no_architecture(change, message):
    with pytest.raises(OutOfSpaceError, match=message):
        ResNetSpace().build({**ARCH, **change})


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"dataset": "MNIST"}, UnknownNameError, "Unknown data set 'MNIST'.*CIFAR-10, VWW, KWS"),
        ({"layout": "vgg"}, UnknownNameError, "Unknown layout 'vgg'"),
        ({"input_shape": (3, 0, 32)}, InvalidArgumentError, "`input_shape`"),
        ({"input_shape": (32, 32)}, InvalidArgumentError, "`input_shape`"),
        ({"n_classes": 0}, InvalidArgumentError, "`n_classes`"),
        ({"kernels": (3, 4)}, InvalidArgumentError, "`kernels` must be odd.*got 4"),
        ({"kernels": ()}, InvalidArgumentError, "`kernels`"),
        ({"kernels": 3}, InvalidArgumentError, "`kernels`"),
        (
            {"input_shape": (3, 2, 2), "layout": "imagenet"},
            InvalidArgumentError,
            "at least 3 pixels .* halves its feature map 2 times, but got 2 x 2",
        ),
    ],
)
def test_bad_settings(settings, error, message):
    with pytest.raises(error, match=message):
        ResNetSpace(**settings)


def test_an_input_that_is_too_small_for_an_architecture():
    space = ResNetSpace()
    deep = {**ARCH, "M": 3, "R3": 1, "convblock3": 1, "widenfact3": 0.5, "B3": 1}
    assert space.build(deep, (3, 3, 3))(torch.zeros(2, 3, 3, 3)).shape == (2, 10)
    with pytest.raises(InvalidArgumentError, match="at least 3 pixels .* halves .* 2 times"):
        space.build(deep, (3, 8, 2))
    with pytest.raises(InvalidArgumentError, match="at least 3 pixels"):
        space.macs(space.population([ARCH, deep]), (3, 8, 2))
    assert space.macs(space.population([ARCH]), (3, 8, 2)) > 0


@pytest.mark.parametrize(
    ("side", "most"), [(3, 1), (4, 1), (5, 2), (8, 2), (9, 3), (16, 3), (17, 5), (224, 5)]
)
def test_the_space_has_only_what_its_input_allows(side, most):
    space = ResNetSpace(input_shape=(1, side, side), layout="imagenet")
    population = space.sample(200, generator=np.random.default_rng(0))
    features = space.features(population)
    assert features.shape == (200, 22)
    assert features[:, 1].max() == most
    assert (space.params(population) > 0).all()


def check(space, architectures):
    """Build, run forward and backward, convert, and run again, on the space's own input."""
    generator = np.random.default_rng(0)
    for arch in architectures:
        check_network(space, arch, space.input_shape, space.n_classes, generator)


def small(space, n, seed):
    """Random architectures of at most a million parameters and 60 layers."""
    population = space.sample(40 * n, generator=np.random.default_rng(seed))
    few = space.structure(population)[:, STRUCTURE.index("layers")] <= 60
    return population[few & (space.params(population) < 1e6)][:n]


@pytest.mark.parametrize(
    "settings",
    [
        {"input_shape": (3, 8, 8)},
        {"input_shape": (1, 9, 14), "kernels": (1, 3, 7)},
        {"input_shape": (16, 17, 17), "n_classes": 2, "layout": "imagenet"},
        {"dataset": "KWS"},
    ],
)
def test_networks_run_and_convert(settings):
    space = ResNetSpace(**settings)
    architectures = small(space, 8, seed=3)
    assert len(architectures) == 8
    check(space, architectures)


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("layout", ["cifar", "imagenet"])
def test_large_inputs(channels, layout):
    space = ResNetSpace(input_shape=(channels, 224, 224), layout=layout)
    check(space, [{**ARCH, "out_channel0": 8, "R1": 1, "B1": 1}])


def test_the_keyword_space_is_for_the_packages_own_features():
    """Costs are those of the network that is trained: cepstral coefficients of a second, 12 classes."""
    frames, coefficients = make_features("mfcc", 16_000)(torch.zeros(1, 16_000)).shape[-2:]
    space = ConfigSpace("KWS")
    assert (space.input_shape, space.n_classes) == ((1, frames, coefficients), 12)
    assert space.input_shape == (1, 98, 10)
