"""Costs against published counts, against each other, and against what must hold."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from analognas.core import METRICS, InvalidArgumentError, OutOfSpaceError, UnknownNameError
from analognas.hardware import (
    CHIPS,
    AIMCChip,
    NamedLayers,
    find_chip,
    network_cost,
    population_costs,
)
from analognas.hardware.cost import COMPONENTS, cost_of_layers
from analognas.models import build_model
from analognas.spaces import FBNetSpace, Layers, NASBench201Space, ResNetSpace

CORE = CHIPS.get("hermes-core")
BIG = CORE.replace(rows=512, columns=512)
FULL = AIMCChip(
    name="everything", rows=100, columns=60, mvm_latency=110.0, mvm_energy=3.0, dac_energy=0.3,
    adc_energy=1.7, add_energy=0.1, digital_energy=0.9, digital_throughput=7.0, link_energy=0.7,
    link_bandwidth=3.0, idle_power=0.2, program_energy=0.4, tile_area=0.3, digital_area=1.1,
)  # fmt: skip
CHIPS_OF_ALL_KINDS = [
    FULL,
    FULL.replace(mapping="packed", depthwise="digital"),
    FULL.replace(n_tiles=4000, replicate=True, schedule="pipelined", cut="elements"),
    FULL.replace(n_tiles=4000, replicate=True, mapping="packed"),
]


def mobilenet_v2():
    """Stem and 1 x 1 layers at 224 x 224, and the depthwise ones (Sandler et al., CVPR 2018, table 2)."""
    side, channels = 112, 32
    dense, depthwise = [Layers(3, 32, 9, side**2)], []
    for factor, width, repeats, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    ):  # fmt: skip
        for i in range(repeats):
            inner = channels * factor
            if factor != 1:
                dense.append(Layers(channels, inner, 1, side**2))
            side //= stride if i == 0 else 1
            depthwise.append(Layers(1, 1, 9, side**2, groups=inner))
            dense.append(Layers(inner, width, 1, side**2))
            channels = width
    return [*dense, Layers(320, 1280, 1, side**2)], depthwise


def resnet18():
    """All layers at 256 x 256 (He et al., CVPR 2016)."""
    layers, channels = [Layers(3, 64, 49, 128**2)], 64
    for width, side in ((64, 64), (128, 32), (256, 16), (512, 8)):
        layers += [Layers(channels, width, 9, side**2)] + 3 * [Layers(width, width, 9, side**2)]
        if channels != width:
            layers.append(Layers(channels, width, 1, side**2))
        channels = width
    return [*layers, Layers(512, 1000, 1, 1)]


def resnet32():
    """ResNet-32 for 32 x 32 with 1 x 1 convolutions where the shape changes (He et al., option B)."""
    layers, channels = [Layers(3, 16, 9, 1024)], 16
    for width, positions in ((16, 1024), (32, 256), (64, 64)):
        layers += [Layers(channels, width, 9, positions)] + 9 * [Layers(width, width, 9, positions)]
        if channels != width:
            layers.append(Layers(channels, width, 1, positions, on_path=False))
        channels = width
    return [*layers, Layers(64, 10, 1, 1)]


def drawn_t500():
    """T500 as it is drawn in AnalogNAS: three stages of two branches of two 3 x 3 convolutions, widths assumed.

    The stage that widens or halves has a 1 x 1 convolution beside it.
    """
    layers, channels = [Layers(3, 16, 9, 1024)], 16
    for width, positions in ((32, 1024), (64, 256), (192, 64)):
        layers += [
            Layers(channels, width, 9, positions, branches=2),
            Layers(width, width, 9, positions, branches=2),
            Layers(channels, width, 1, positions, on_path=False),
        ]
        channels = width
    return [*layers, Layers(192, 10, 1, 1)]


def longest_path(layers):
    """MVMs one after another where branches work at the same time."""
    return sum(layer.positions for layer in layers if layer.on_path)


def lstm():
    """The character language model of Le Gallo et al. 2023: 128 inputs, 504 units, 50 characters; one step."""
    return [Layers(128, 2016, 1, 1), Layers(504, 2016, 1, 1), Layers(504, 50, 1, 1)]


def named(layers):
    return [NamedLayers(str(i), "Conv2d", layer) for i, layer in enumerate(layers)]


def total(layers, chip):
    return cost_of_layers(named(layers), chip)


def test_published_crossbar_counts():
    dense, depthwise = mobilenet_v2()
    # 86 naive, packing bound 32.4, 34 crossbars: Garofalo et al., IEEE JETCAS 12, 2022.
    assert total(dense, CORE).tiles == 86
    assert sum(layer.weights for layer in dense) / 256**2 == pytest.approx(32.4, abs=0.05)
    assert total(dense, CORE.replace(mapping="packed")).tiles == 34
    assert total(dense + depthwise, CORE.replace(depthwise="digital")).tiles == 86
    # 201: ResNet-18 on 256 x 256, cut anywhere.
    assert total(resnet18(), CORE.replace(cut="elements")).tiles == 201
    # ResNet-32 on 512 x 512: 43 (Benmeziane et al., AnalogNAS, 2023), two of them projections.
    assert total(resnet32(), BIG).tiles == 43
    # T500: 27, and 0.249 of ResNet-32's time.
    assert total(drawn_t500(), BIG).tiles == 27
    assert longest_path(drawn_t500()) / longest_path(resnet32()) == pytest.approx(0.249, rel=0.04)
    plain = build_model("resnet-32", input_shape=(3, 32, 32), n_classes=10)
    assert network_cost(plain, BIG, input_shape=(3, 32, 32)).tiles == 41


def test_figures_of_the_page():
    page = " ".join((Path(__file__).parents[2] / "docs/cost_model.md").read_text().split())
    dense, _ = mobilenet_v2()
    mobile, small = total(dense, CORE), total(resnet32(), BIG)
    step = total(lstm(), CHIPS.get("hermes-four-phase"))
    copies = CORE.replace(cut="elements", n_tiles=512, replicate=True, schedule="pipelined")
    big, drawn = total(resnet18(), copies), total(drawn_t500(), BIG)
    operations = 20.2e12 / 3303
    for text in (
        f"| {mobile.latency:.2f} ms, {1e3 * mobile.energy:.0f} uJ |",
        f"{total(resnet18(), CORE).tiles} when cut between channels",
        f"at most {2e-12 * big.macs * big.throughput:.1f} TOPS, {big.throughput:,.0f} images/s |",
        f"20.2 TOPS are {operations / 1e9:.1f} G operations an image, of which the matrices have "
        f"{2e-9 * big.macs:.1f} |",
        f"{mobile.latency / 10.1:.2f} and {1e3 * mobile.energy / 482:.1f} times the published whole",
        f"no copies: {small.latency / 0.434:.1f} times",
        f"| {drawn.tiles}; {longest_path(drawn_t500()) / longest_path(resnet32()):.3f} along the longest path; "
        f"{small.energy / drawn.energy:.2f} times |",
        f"one after another would take {drawn.latency / small.latency:.2f} of ResNet-32's time",
        f"along the longest path they take {longest_path(drawn_t500()) / longest_path(resnet32()):.3f}.",
        f"| {small.tiles}, {small.latency:.2f} ms at 130 ns |",
        f"{longest_path(drawn_t500()) / longest_path(resnet32()):.3f} along the longest path",
        f"| {step.tiles} crossbars, {1e6 * step.latency:.0f} ns, {1e6 * step.energy:.0f} nJ |",
    ):
        assert text in page


@pytest.mark.parametrize("chip", CHIPS_OF_ALL_KINDS, ids=range(len(CHIPS_OF_ALL_KINDS)))
@pytest.mark.parametrize(
    ("space", "n"), [(NASBench201Space(), 4), (FBNetSpace(), 2), (ResNetSpace(), 3)]
)
def test_closed_form_and_traced_network_agree_exactly(space, n, chip):
    population = space.sample(n, generator=np.random.default_rng(5))
    shape = getattr(space, "input_shape", (3, 32, 32))
    if "packed" in chip.mapping or chip.n_tiles:
        chip = chip.replace(rows=512, columns=512)
    if chip.n_tiles:
        chip = chip.replace(n_tiles=200_000)
    costs = population_costs(space, population, chip)
    assert set(costs) <= set(METRICS)
    for i, row in enumerate(population):
        found = network_cost(space.build(space.decode(row)), chip, input_shape=shape).metrics
        assert found == {name: values[i] for name, values in costs.items()}


def test_closed_form_layers_give_the_published_macs():
    space = NASBench201Space()
    every = space.every()
    macs = sum(layer.macs for layer in space.layers(every))
    np.testing.assert_array_equal(macs, space.macs(every))
    params = sum(layer.params for layer in space.layers(every))
    # Beside its layers the network has one batch norm of 64 channels before the classifier.
    np.testing.assert_array_equal(params + 2 * 64, space.params(every))


def test_every_cell_has_its_costs():
    space = NASBench201Space()
    every, chip = space.every(), CHIPS.get("hermes").replace(n_tiles=None)
    costs = population_costs(space, every, chip)
    assert np.isfinite(costs["aimc_latency"]).all()


def test_edges_that_lead_nowhere_are_charged():
    # They are in the built network, which runs them: see docs/cost_model.md.
    space = NASBench201Space()
    dead, none = (1, 1, 1, 2, 2, 2), (1,) * 6
    assert not space.reaches_output(space.population([dead])).any()
    tiles = population_costs(space, [dead, none], CORE)["aimc_tiles"]
    assert tiles.tolist() == [102, 12]
    assert network_cost(space.build(dead), CORE, input_shape=(3, 32, 32)).tiles == 102


def test_a_linear_layer_by_hand():
    chip = FULL.replace(rows=256, columns=256)
    cost = network_cost(nn.Linear(300, 500), chip, input_shape=(300,))
    # 2 x 2 crossbars, one MVM of each; 500 bytes of two partial sums each.
    assert cost.tiles == 4
    beside = 2 * 500 / 3.0
    assert cost.latency == pytest.approx((110.0 + beside) * 1e-6, rel=1e-12)
    parts = {
        "mvm": 4 * 3.0, "dac": 300 * 2 * 0.3e-3, "adc": 500 * 2 * 1.7e-3, "adds": 500 * 0.1e-3,
        "digital": 0.0, "operations": 0.0, "links": 1000 * 0.7e-3, "idle": 4 * 0.2e-3 * (110.0 + beside),
    }  # fmt: skip
    assert tuple(parts) == COMPONENTS
    for name, value in parts.items():
        assert cost.components[name] == pytest.approx(value * 1e-6, rel=1e-12)
    assert cost.energy == pytest.approx(sum(parts.values()) * 1e-6, rel=1e-12)
    assert cost.area == pytest.approx(4 * 0.3 + 1.1)
    assert cost.program_energy == pytest.approx(150_000 * 0.4e-6)
    assert cost.utilisation == 150_000 / (4 * 256**2)
    assert cost.macs == 150_000


# A convolution on 2 x 5 crossbars of 100 x 60 (11 channels of 9 fit one), a depthwise one that is digital, and a
# 1 x 1 convolution on one crossbar.
THREE = [Layers(16, 300, 9, 100), Layers(1, 1, 9, 400, groups=64), Layers(64, 40, 1, 50)]


@pytest.mark.parametrize("speed", [1.0, 100.0])
@pytest.mark.parametrize("schedule", ["layer_by_layer", "pipelined"])
def test_a_digital_layer_and_a_pipeline_by_hand(schedule, speed):
    chip = FULL.replace(depthwise="digital", schedule=schedule, digital_throughput=7.0 * speed,
        link_bandwidth=3.0 * speed, activation_bits=16,
    )  # fmt: skip
    cost = total(THREE, chip)
    assert cost.tiles == 10 + 1
    macs = 400 * 64 * 9
    moved = 2 * (100 * 300 * 2 + 400 * 64 + 50 * 40)  # two bytes each
    beside = macs / (7.0 * speed) + moved / (3.0 * speed)
    latency = (100 + 50) * 110.0 + beside
    # Slow digital units and links bound a pipeline; otherwise the longest analog layer does.
    interval = max(100 * 110.0, beside) if schedule == "pipelined" else latency
    assert (beside > 100 * 110.0) == (speed == 1.0)
    assert cost.latency == pytest.approx(latency * 1e-6, rel=1e-12)
    assert cost.interval == pytest.approx(interval * 1e-6, rel=1e-12)
    assert cost.throughput == pytest.approx(1e9 / interval, rel=1e-12)
    parts = {
        "mvm": (100 * 10 + 50) * 3.0,
        "dac": (100 * 144 * 5 + 50 * 64) * 0.3e-3,
        "adc": (100 * 300 * 2 + 50 * 40) * 1.7e-3,
        "adds": 100 * 300 * 0.1e-3,
        "digital": macs * 0.9e-3,
        "links": moved * 0.7e-3,
        "idle": 11 * 0.2e-3 * interval,
    }
    for name, value in parts.items():
        assert cost.components[name] == pytest.approx(value * 1e-6, rel=1e-12)
    assert cost.energy == pytest.approx(sum(parts.values()) * 1e-6, rel=1e-12)
    # Weights of digital layers are not written to crossbars, their multiply-accumulates count.
    cells = 144 * 300 + 64 * 40
    assert cost.program_energy == pytest.approx(cells * 0.4e-6, rel=1e-12)
    assert cost.utilisation == cells / (11 * 100 * 60)
    assert cost.macs == 100 * 144 * 300 + macs + 50 * 64 * 40
    rows = {row.name: row for row in cost.layers}
    assert [row.tiles for row in cost.layers] == [10, 0, 1]
    depthwise = macs * 0.9e-3 + 2 * 400 * 64 * 0.7e-3
    assert rows["1"].energy == pytest.approx(depthwise * 1e-6, rel=1e-12)
    digital_time = macs / (7.0 * speed) + 2 * 400 * 64 / (3.0 * speed)
    assert rows["1"].latency == pytest.approx(digital_time * 1e-6, rel=1e-12)


@pytest.mark.parametrize("schedule", ["layer_by_layer", "pipelined"])
def test_copies_by_hand(schedule):
    # One crossbar used at 100 positions and two at 30; six there are, so that the first is there four times.
    layers = [Layers(60, 60, 1, 100), Layers(100, 120, 1, 30)]
    chip = FULL.replace(n_tiles=6, replicate=True, schedule=schedule)
    cost = total(layers, chip)
    assert [(row.tiles, row.copies) for row in cost.layers] == [(4, 4), (2, 1)]
    assert cost.tiles == 6
    assert cost.area == pytest.approx(6 * 0.3 + 1.1, rel=1e-12)
    cells = 4 * 60 * 60 + 100 * 120
    assert cost.program_energy == pytest.approx(cells * 0.4e-6, rel=1e-12)
    assert cost.utilisation == cells / (6 * 100 * 60)
    assert [row.utilisation for row in cost.layers] == [0.6, 1.0]
    links = [100 * 60 / 3.0, 30 * 120 / 3.0]
    times = [25 * 110.0 + links[0], 30 * 110.0 + links[1]]
    assert [row.latency for row in cost.layers] == pytest.approx([t * 1e-6 for t in times])
    assert [row.latency_share for row in cost.layers] == pytest.approx(
        [t / sum(times) for t in times]
    )
    assert cost.latency == pytest.approx(sum(times) * 1e-6, rel=1e-12)
    interval = max(30 * 110.0, sum(links)) if schedule == "pipelined" else sum(times)
    assert cost.interval == pytest.approx(interval * 1e-6, rel=1e-12)
    # Copies share the work: no MVM more than without them, but all crossbars draw power.
    assert cost.components["mvm"] == pytest.approx((100 + 30 * 2) * 3.0e-6, rel=1e-12)
    assert cost.components["idle"] == pytest.approx(6 * 0.2e-9 * interval, rel=1e-12)
    energies = [
        100 * 3.0 + 100 * 60 * (0.3 + 1.7 + 0.7) * 1e-3,
        30 * 2 * 3.0 + 30 * (100 * 2 * 0.3 + 120 * (1.7 + 0.7)) * 1e-3,
    ]
    assert [row.energy for row in cost.layers] == pytest.approx([e * 1e-6 for e in energies])


@pytest.mark.parametrize(("mapping", "crossbars"), [("naive", 8), ("packed", 4)])
def test_a_grouped_layer_by_hand(mapping, crossbars):
    # Eight groups of 36 x 6; two lie on the diagonal of 100 x 60, and pieces of one layer share no crossbar.
    cost = total([Layers(4, 6, 9, 50, groups=8)], FULL.replace(mapping=mapping))
    assert cost.tiles == cost.layers[0].tiles == crossbars
    assert cost.components["mvm"] == pytest.approx(50 * crossbars * 3.0e-6, rel=1e-12)
    assert cost.components["dac"] == pytest.approx(50 * 8 * 36 * 0.3e-9, rel=1e-12)
    assert cost.components["adc"] == pytest.approx(50 * 8 * 6 * 1.7e-9, rel=1e-12)
    assert cost.latency == pytest.approx((50 * 110.0 + 50 * 48 / 3.0) * 1e-6, rel=1e-12)


SIZES = st.integers(1, 400)


@given(SIZES, SIZES, st.sampled_from([1, 9, 25, 49]), st.integers(1, 2000))
def test_what_must_hold_of_any_layer(channels, outputs, kernel, positions):
    chip = FULL.replace(digital_throughput=None, link_bandwidth=None)
    once = total([Layers(channels, outputs, kernel, positions)], chip)
    twice = total([Layers(channels, outputs, kernel, 2 * positions)], chip)
    assert twice.components["mvm"] == 2 * once.components["mvm"]
    assert twice.latency == pytest.approx(2 * once.latency, rel=1e-12)
    assert twice.area == once.area
    two = total(2 * [Layers(channels, outputs, kernel, positions)], chip)
    assert two.area > once.area
    packed = total(
        2 * [Layers(channels, outputs, kernel, positions)], chip.replace(mapping="packed")
    )
    assert packed.tiles <= two.tiles
    assert packed.tiles * 6000 >= 2 * channels * outputs * kernel
    assert 0 < once.utilisation <= 1


@given(
    st.lists(st.tuples(SIZES, SIZES, st.integers(1, 3000)), min_size=1, max_size=6),
    st.integers(0, 80),
)
def test_copies_are_as_short_as_the_crossbars_allow(shapes, spare):
    layers = [Layers(channels, outputs, 1, positions) for channels, outputs, positions in shapes]
    single = total(layers, CORE)
    budget = single.tiles + spare
    chip = CORE.replace(n_tiles=budget, replicate=True, schedule="pipelined")
    cost = total(layers, chip)
    assert cost.tiles <= budget
    assert cost.interval <= single.latency * (1 + 1e-12)
    assert cost.energy == single.energy
    # One step less and the copies would not fit.
    longest = round(cost.interval / (CORE.mvm_latency * 1e-6))
    tiles = [int(layer.tiles(256, 256)) for layer in layers]
    if longest > 1:
        needed = sum(
            t * -(-layer.positions // (longest - 1)) for t, layer in zip(tiles, layers, strict=True)
        )
        assert needed > budget
    assert sum(row.tiles for row in cost.layers) == cost.tiles


def test_shares_and_tables_add_up():
    space = NASBench201Space()
    cost = network_cost(space.build((2, 2, 0, 4, 2, 1)), FULL, input_shape=(3, 32, 32))
    assert sum(layer.latency_share for layer in cost.layers) == pytest.approx(1)
    assert sum(layer.energy_share for layer in cost.layers) == pytest.approx(1)
    assert sum(layer.tiles for layer in cost.layers) == cost.tiles
    assert sum(layer.latency for layer in cost.layers) == pytest.approx(cost.latency, rel=1e-12)
    all_but_idle = cost.energy - cost.components["idle"]
    assert sum(layer.energy for layer in cost.layers) == pytest.approx(all_but_idle, rel=1e-12)
    text = str(cost)
    assert f"{cost.tiles} crossbars" in text
    shown = text.splitlines()[2:]
    assert len(shown) == 13
    others = int(shown[-1].split()[0])
    assert shown[-1].split()[1:3] == ["other", "layers"]
    assert others + 12 == len(cost.layers)
    assert (
        sum(int(line.split()[-6 if line is not shown[-1] else -3]) for line in shown) == cost.tiles
    )


def test_a_chip_too_small_says_how_many_are_missing():
    space = NASBench201Space()
    rows = space.population([(2, 2, 2, 2, 2, 2), (0, 1, 1, 1, 1, 1)])
    hermes = find_chip("hermes")
    with pytest.raises(
        InvalidArgumentError, match=r"needs 192 .* 'hermes' has 64: 128 are missing"
    ):
        network_cost(space.build(space.decode(rows[0])), hermes, input_shape=(3, 32, 32))
    costs = population_costs(space, rows, hermes)
    assert np.isnan(costs["aimc_latency"]).tolist() == [True, False]
    assert np.isnan(costs["aimc_energy"]).tolist() == [True, False]
    assert costs["aimc_tiles"][0] == 192
    # Copies do not hide it.
    copied = population_costs(space, rows, hermes.replace(replicate=True))
    assert copied["aimc_tiles"][0] == 192
    assert copied["aimc_tiles"][1] <= 64


def test_what_is_not_known_is_nan():
    cost = network_cost(nn.Linear(3, 4), find_chip("ambrogio2023"), input_shape=(3,))
    assert np.isnan(cost.area)
    assert cost.latency == pytest.approx(2100e-6)
    assert cost.energy == pytest.approx(42.28e-6, rel=1e-3)


@pytest.mark.parametrize("name", CHIPS.names())
def test_no_preset_calls_free_what_is_not_known(name):
    plain = {"operation_energy": 0.0, "operation_throughput": None}
    chip = CHIPS.get(name).replace(n_tiles=None, **plain)
    dense, depthwise = [Layers(64, 64, 1, 256)], [Layers(1, 1, 9, 256, groups=64)]
    analog = total(dense + depthwise, chip)
    assert np.isfinite(analog.energy)
    assert np.isnan(analog.program_energy)
    digital = total(dense + depthwise, chip.replace(depthwise="digital"))
    assert np.isnan([digital.energy, digital.latency, digital.interval]).all()
    assert np.isnan(digital.components["digital"])
    assert np.isnan(digital.layers[1].energy)
    # What does not need the unknown stays.
    alone = total(dense, chip.replace(depthwise="digital"))
    assert (digital.tiles, digital.components["mvm"]) == (alone.tiles, alone.components["mvm"])
    assert digital.layers[0].energy == alone.energy == total(dense, chip).energy
    assert digital.area == alone.area or chip.tile_area is None
    given = chip.replace(depthwise="digital", digital_energy=0.3, digital_throughput=1000.0)
    extra = total(dense + depthwise, given)
    macs = 256 * 64 * 9
    assert extra.energy == pytest.approx(alone.energy + macs * 0.3e-9, rel=1e-12)
    if chip.mvm_latency is not None:
        assert extra.latency == pytest.approx(alone.latency + macs / 1000.0 * 1e-6, rel=1e-12)
    free = chip.replace(program_energy=0.0)
    assert total(dense, free).program_energy == 0.0


def test_unknown_digital_costs_in_a_population():
    space = FBNetSpace()
    chip = CORE.replace(depthwise="digital")
    costs = population_costs(space, [[0] * 22, [8] * 22], chip)
    # Skips are projections at most.
    for name in ("aimc_energy", "aimc_latency"):
        assert np.isnan(costs[name]).tolist() == [True, False]
    assert np.isfinite(costs["aimc_tiles"]).all()
    assert np.isfinite(costs["aimc_area"]).all()


@pytest.mark.parametrize(
    ("space", "population", "message"),
    [
        (NASBench201Space(), [[9] * 6], "9 at position 0"),
        (NASBench201Space(), np.full((1, 6), 9), r"9 at position 0 .*of \(9, 9, 9, 9, 9, 9\)"),
        (NASBench201Space(), [[0] * 5], "6 operations, but got 5"),
        (NASBench201Space(), ["No.x"], "Cannot read the architecture"),
        (NASBench201Space(), 3, "matrix of genotypes or a sequence"),
        (FBNetSpace(), np.full((1, 22), 9), "number from 0 to 8 .* but got 9"),
        (ResNetSpace(), [[0] * 3], "22 indices of a genotype"),
    ],
)
def test_populations_are_checked(space, population, message):
    with pytest.raises(OutOfSpaceError, match=message):
        population_costs(space, population, "hermes")


def test_architectures_in_any_form_and_chips_by_name():
    space = NASBench201Space()
    cell = space.from_indices([7])
    by_name = population_costs(space, [7], "hermes-core")
    direct = population_costs(space, cell, CORE)
    assert all((by_name[name] == values).all() for name, values in direct.items())
    model = nn.Linear(3, 4)
    cost = network_cost(model, "hermes", input_shape=(3,))
    assert cost.chip == find_chip("hermes")
    with pytest.raises(UnknownNameError, match="Did you mean 'hermes'"):
        network_cost(model, "herms", input_shape=(3,))
    with pytest.raises(InvalidArgumentError, match="`chip` must be an AIMCChip, the name"):
        population_costs(space, cell, 3)


def test_a_network_without_matrices():
    with pytest.raises(InvalidArgumentError, match="no matrix layer"):
        network_cost(nn.ReLU(), CORE, input_shape=(3,))
