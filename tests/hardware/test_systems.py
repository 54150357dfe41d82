import copy
import importlib.util
import json
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from analognas.core import InvalidArgumentError
from analognas.hardware import (
    CHIPS,
    AIMCChip,
    MeasuredPoint,
    MVMUnit,
    Programming,
    architecture_cost,
    calibrate,
    find_chip,
    load_chip,
    mvm_cost,
    network_cost,
    population_costs,
    programming_cost,
    recalibration_cost,
    save_chip,
    unit_chip,
)
from analognas.hardware.chip import NETWORK_FACTOR
from analognas.hardware.cost import cost_of_layers
from analognas.hardware.dataflow import Use
from analognas.hardware.mixed_chips import mixed_cost
from analognas.hardware.mvm_coefficients import coefficients
from analognas.hardware.silicon.points import operating_points
from analognas.hardware.trace import trace_network
from analognas.hardware.uncertain_value import UncertainValue
from analognas.spaces import FBNetSpace, Layers, NamedLayers, NASBench201Space, ResNetSpace

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PLAIN = AIMCChip(name="plain", rows=64, columns=64, mvm_latency=100.0, mvm_energy=2.0)
SYSTEM = PLAIN.replace(name="system", fixed_share=0.25, operation_energy=1.5, operation_throughput=2.0, branches="parallel",
    tile_area=0.3, link_energy=0.5, link_hops=3.0, buffer_energy=0.1,
)  # fmt: skip


def named(*layers):
    return [NamedLayers(str(i), "Conv2d", layer) for i, layer in enumerate(layers)]


@pytest.fixture(scope="module")
def systems():
    spec = importlib.util.spec_from_file_location("silicon_systems", BENCHMARKS / "silicon_systems.py")  # fmt: skip
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_published_systems_are_met_within_the_stated_ratios(systems):
    ratios = {f"{row.name} {row.unit}": row.ratio for row in systems.rows()}
    far = {name: ratio for name, ratio in ratios.items() if not 0.5 <= ratio <= 2.0}
    assert not far
    assert len(ratios) == 11
    assert ratios["ResNet-9 layer input, 64-core PCM uJ"] == pytest.approx(1.0, abs=0.02)


def test_the_page_shows_the_tables(systems):
    page = (BENCHMARKS.parent / "docs/cost_model.md").read_text()
    for row in systems.rows():
        assert f"| {row.predicted:,.4g} {row.unit} | {row.ratio:.2f} |" in page, row.name
    for name, error in coefficients().errors.items():
        figures = f"{error.factor:.2f} | {error.low:.2f} to {error.high:.2f}"
        figures += f" | {error.within:.0%} | {error.wide:.1f} | {error.bias:.2f}"
        assert f"| {name} | {figures} | {error.chips} | {error.points} |" in page, name


def test_energy_follows_active_cells():
    layer = Layers(32, 16, 1, 10)
    whole = cost_of_layers(named(layer), PLAIN).energy
    none = cost_of_layers(named(layer), PLAIN.replace(fixed_share=0.0)).energy
    half = cost_of_layers(named(layer), PLAIN.replace(fixed_share=0.5)).energy
    assert none == pytest.approx(whole * 32 * 16 / 64**2)
    assert half == pytest.approx((whole + none) / 2)


def test_operations_links_and_buffers_by_hand():
    # 2 crossbars one below the other; 10 outputs, 3 operations and one addition each.
    cost = cost_of_layers(named(Layers(100, 10, 1, 5)), SYSTEM)
    assert cost.tiles == 2
    operations = 5 * 10 * (3 + 1)
    assert cost.components["operations"] == pytest.approx(operations * 1.5e-9)
    assert cost.latency == pytest.approx(5 * (100 + 20 / 2.0) * 1e-6)  # crossbars share operations
    assert cost.components["links"] == pytest.approx(5 * 2 * 10 * (3 * 0.5 + 0.1) * 1e-9)
    share = 0.25 + 0.75 * 1000 / (2 * 64**2)
    assert cost.components["mvm"] == pytest.approx(10 * share * 2.0 * 1e-6)


def test_a_batch_follows_in_the_interval():
    layers = named(Layers(64, 64, 1, 8), Layers(64, 64, 1, 4))
    one = cost_of_layers(layers, PLAIN.replace(schedule="pipelined"))
    assert one.batch_latency(1) == one.latency
    assert one.batch_latency(16) == pytest.approx((12 + 15 * 8) * 100e-6)
    with pytest.raises(InvalidArgumentError, match="`batch` must be"):
        one.batch_latency(0)


def test_digital_units_count_in_a_pipeline():
    fast = PLAIN.replace(schedule="pipelined", operation_throughput=1e6)
    slow = fast.replace(operation_throughput=1.0)
    # the short layer has more operations: it is the longest with a slow digital unit
    layers = named(Layers(4, 4, 1, 20), Layers(64, 64, 1, 15))
    assert cost_of_layers(layers, fast).interval == pytest.approx(20 * 100e-6, rel=1e-4)
    assert cost_of_layers(layers, slow).interval == pytest.approx(15 * (100 + 192) * 1e-6)


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.long = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))
        self.short = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = functional.relu(self.first(x))
        side = self.short(x)
        side += self.long(x)
        return side


def test_time_follows_the_longest_path():
    parallel = PLAIN.replace(branches="parallel", rows=128)
    apart = network_cost(Branches(), parallel.replace(branches="sequential"), input_shape=(3, 4, 4))  # fmt: skip
    beside = network_cost(Branches(), parallel, input_shape=(3, 4, 4))
    assert apart.latency == pytest.approx(4 * 16 * 100e-6)
    assert beside.latency == pytest.approx(3 * 16 * 100e-6)
    assert beside.energy == apart.energy


def test_matrices_of_one_layer_work_at_the_same_time():
    uses = (Use(((0, 1), (1, 1)), ()), Use(((2, 1),), (0,)))
    layers = named(*[Layers(8, 8, 1, 1)] * 3)
    cost = cost_of_layers(layers, PLAIN.replace(branches="parallel"), uses=uses)
    assert cost.latency == pytest.approx(2 * 100e-6)
    lstm = network_cost(nn.LSTM(8, 8), PLAIN.replace(branches="parallel"), input_shape=(5, 8))
    assert lstm.latency == pytest.approx(5 * 100e-6)


@pytest.mark.parametrize(
    ("space", "n"), [(NASBench201Space(), 4), (FBNetSpace(), 2), (ResNetSpace(), 3)]
)
@pytest.mark.parametrize("replicate", [False, True])
def test_closed_form_and_traced_network_agree_exactly(space, n, replicate):
    chip = SYSTEM.replace(rows=512, columns=512)
    if replicate:
        chip = chip.replace(replicate=True, n_tiles=200_000, schedule="pipelined")
    population = space.sample(n, generator=np.random.default_rng(3))
    costs = population_costs(space, population, chip)
    shape = getattr(space, "input_shape", (3, 32, 32))
    for i, row in enumerate(population):
        arch = space.decode(row)
        traced = network_cost(space.build(arch), chip, input_shape=shape)
        closed = {name: values[i] for name, values in costs.items()}
        assert traced.metrics == closed
        assert architecture_cost(space, arch, chip).metrics == closed


def test_every_cell_with_digital_parts_takes_half_a_second_at_most():
    space = NASBench201Space()
    everything = space.every()
    population_costs(space, everything[:10], SYSTEM)
    start = time.process_time()
    costs = population_costs(space, everything, SYSTEM)
    assert time.process_time() - start < 0.5
    assert np.isfinite(costs["aimc_latency"]).all()
    assert len(costs["aimc_energy"]) == 15625


def test_attention_products_and_softmax_are_counted():
    tokens, size, heads = 7, 16, 4
    expected = heads * tokens * tokens * (4 * size // heads + 5)

    class Plain(nn.Module):
        def __init__(self, fused):
            super().__init__()
            self.parts = nn.ModuleList(nn.Linear(size, size) for _ in range(3))
            self.fused = fused

        def forward(self, x):
            q, k, v = (
                p(x).view(1, tokens, heads, size // heads).transpose(1, 2) for p in self.parts
            )
            if self.fused:
                return functional.scaled_dot_product_attention(q, k, v)
            return functional.softmax(q @ k.transpose(-1, -2), dim=-1) @ v

    for fused in (False, True):
        assert trace_network(Plain(fused), input_shape=(tokens, size)).operations == expected

    class Layered(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(size, heads, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    assert trace_network(Layered(), input_shape=(tokens, size)).operations == expected
    dear = PLAIN.replace(operation_energy=2.0, operations_per_output=0)
    cost = network_cost(Plain(False), dear, input_shape=(tokens, size))
    assert cost.components["operations"] == pytest.approx(expected * 2.0e-9)
    assert trace_network(nn.Linear(4, 4), input_shape=(4,)).operations == 0


LAYERS = st.builds(
    Layers, st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 9]), st.integers(1, 50)
)


@given(st.lists(LAYERS, min_size=1, max_size=4), st.sampled_from([PLAIN, SYSTEM]))
@settings(max_examples=60)
def test_twice_the_positions_cost_twice_the_mvms(layers, chip):
    double = [replace(layer, positions=2 * layer.positions) for layer in layers]
    once, twice = cost_of_layers(named(*layers), chip), cost_of_layers(named(*double), chip)
    for name in ("mvm", "operations", "links"):
        assert twice.components[name] == pytest.approx(2 * once.components[name])
    assert twice.latency == pytest.approx(2 * once.latency)
    assert twice.tiles == once.tiles


def test_costs_print_with_their_factor():
    cost = cost_of_layers(named(Layers(64, 64, 1, 250)), PLAIN.replace(energy_factor=1.2))
    assert str(cost.energy) == "0.00050 mJ (x1.2)"
    assert f"{cost.energy:.1e}" == "5.0e-04"
    assert cost.energy == pytest.approx(0.0005)
    assert (cost.energy.low, cost.energy.high) == pytest.approx((0.0005 / 1.2, 0.0006))
    assert "mJ (x1.2)" in str(cost)
    assert str(cost.latency) == "0.025 ms (x1.6)"
    plain = cost_of_layers(named(Layers(64, 64, 1, 250)), PLAIN.replace(energy_factor=None))
    assert type(plain.energy) is float
    assert json.loads(json.dumps(cost.energy)) == cost.energy
    bound = PLAIN.replace(latency_bound=True)
    assert "at most 0.025 ms, " in str(cost_of_layers(named(Layers(64, 64, 1, 250)), bound))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50"),
        (12.3, "12."),
        (123456.0, "120,000"),
        (1234567.0, "1.2e+06"),
        (0.0, "0.0"),
        (1.0, "1.0"),
    ],
)
def test_two_digits(value, text):
    assert str(UncertainValue(value, 3.0, "ms")) == f"{text.rstrip('.')} ms (x3)"


def test_estimates_survive_copies():
    one = UncertainValue(2.0, 1.5, "ms")
    for same in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (float(same), same.factor, same.unit) == (2.0, 1.5, "ms")


def test_chips_of_units_carry_the_errors_of_the_model(tmp_path):
    unit = MVMUnit(device="ReRAM", node=22, rows=256, columns=256, outputs=128, adc_bits=6)
    cost = mvm_cost(unit)
    chip = unit_chip(unit, name="mine", fixed_share=0.1)
    assert (chip.rows, chip.columns) == (256, 256)
    assert chip.mvm_energy == pytest.approx(2 * cost.energy * 1e-3)  # two columns share a converter
    assert (chip.energy_factor, chip.latency_factor) == (cost.energy_factor, cost.latency_factor)
    assert "the time of an MVM is a guess" in chip.source
    assert "0.8 V is assumed" in chip.source
    found = cost_of_layers(named(Layers(64, 64, 1, 1)), chip)
    assert str(found.energy).endswith(f"(x{cost.energy_factor:.2g})")
    save_chip(chip, tmp_path / "mine.yaml")
    assert load_chip(tmp_path / "mine.yaml") == chip
    with pytest.raises(InvalidArgumentError, match="`unit` must be an MVMUnit"):
        unit_chip("hermes", name="mine")
    with pytest.raises(
        InvalidArgumentError, match="`outputs` must be at most `columns`, 256, but got 512"
    ):
        unit_chip(unit.replace(outputs=512), name="mine")
    known = calibrate(unit, [MeasuredPoint(energy=cost.energy, latency=cost.latency)])
    measured = unit_chip(known, name="mine")
    # A network is less certain than a measured MVM.
    assert mvm_cost(known).energy_factor < measured.energy_factor == NETWORK_FACTOR
    assert measured.latency_factor == NETWORK_FACTOR


@pytest.mark.parametrize(
    ("entries", "columns", "uses"),
    [
        ({"outputs": 256}, 256, 1),
        ({"outputs": 32}, 256, 8),
        ({"outputs": 32, "active_rows": 8}, 256, 8 * 32),
        ({"outputs": 64, "cells_per_weight": 4}, 64, 1),
        ({"outputs": 8, "cells_per_weight": 4, "active_rows": 100}, 64, 8 * 3),
        ({"outputs": 256, "cells_per_weight": 4}, 256, 1),  # all cells of a weight in one column
    ],
)
def test_converters_and_rows_are_shared_within_one_crossbar(entries, columns, uses):
    unit = MVMUnit(
        **{
            "device": "PCM", "node": 14, "rows": 256, "columns": 256, "weight_bits": 4, "cells_per_weight": 1,
            "integration_time": 130, **entries,
        }
    )  # fmt: skip
    one, chip = mvm_cost(unit), unit_chip(unit, name="mine")
    found = cost_of_layers(named(Layers(256, columns, 1, 1)), chip.replace(operations_per_output=0))
    assert (chip.rows, chip.columns, found.tiles) == (256, columns, 1)
    assert found.latency == pytest.approx(uses * 130e-6)
    assert found.energy == pytest.approx(uses * one.energy * 1e-9)
    assert found.area == pytest.approx(one.area)
    half = unit_chip(unit, name="half", columns=columns // 2)
    assert half.mvm_latency == pytest.approx(130 * max(uses // 2, 1))


def test_every_preset_prints_factors_on_all_that_it_scales():
    for name in CHIPS:
        chip = find_chip(name).replace(n_tiles=None)
        cost = cost_of_layers(named(Layers(300, 70, 1, 5), Layers(10, 70, 1, 5)), chip)
        parts = [cost.energy, *cost.components.values(), *(layer.energy for layer in cost.layers)]
        parts += [recalibration_cost(cost).energy, recalibration_cost(cost).per_inference(86400, 1)]
        assert {part.factor for part in parts} == {NETWORK_FACTOR}, name
        times = [cost.latency, cost.interval, recalibration_cost(cost).time]
        times += [layer.latency for layer in cost.layers]
        factors = {getattr(time, "factor", None) for time in times}
        assert factors == {None if chip.latency_bound else NETWORK_FACTOR}, name
        assert f"mJ (x{NETWORK_FACTOR})" in str(cost)
        assert str(recalibration_cost(cost)).count(f"(x{NETWORK_FACTOR})") == 2 - chip.latency_bound


def test_the_error_of_networks_is_that_of_the_published_systems(systems):
    """Times and energies apart; where a system has two readings, the one whose passes were published counts."""
    rows = [row for row in systems.rows() if row.name != "ALBERT, a lower bound, two passes"]
    times = [abs(np.log(row.ratio)) for row in rows if row.unit in ("us", "ms", "images/s")]
    energies = [abs(np.log(row.ratio)) for row in rows if row.unit in ("uJ", "TOPS/W")]
    assert (len(times), len(energies)) == (4, 6)
    for errors in (times, energies):
        assert np.exp(np.mean(errors)) == pytest.approx(NETWORK_FACTOR, abs=0.05)


def test_measured_presets_are_the_published_figures():
    points = [p for p in operating_points() if p.chip == "NeuRRAM" and p.energy == p.energy]
    names = [name for name in CHIPS if name.startswith("neurram-")]
    assert len(names) == len(points) == 10
    for name, point in zip(names, points, strict=True):
        chip = find_chip(name)
        assert chip.mvm_energy == pytest.approx(point.energy * 1e-3)
        assert chip.mvm_latency == pytest.approx(point.time)
        assert int(point.unit.input_bits) == int(name.split("-")[1][:-1])
        assert ("two-phase" in name) == (point.unit.phases == 2)
    assert find_chip("neurram").replace(name="", source="") == find_chip("neurram-4b").replace(name="", source="")  # fmt: skip
    assert find_chip("jia2021").tops == pytest.approx(11.8, rel=0.001)
    assert find_chip("jia2020").tops_per_watt == pytest.approx(400 / 16, rel=1e-6)
    two, four = find_chip("ambrogio2023-two-devices"), find_chip("ambrogio2023")
    assert two.rows * two.columns == 2 * four.rows * four.columns
    assert two.mvm_energy == four.mvm_energy


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fixed_share: 1.5", "`fixed_share` must be"),
        ("energy_factor: 0.5", "`energy_factor` must be"),
        ("branches: both", "branches"),
        ("latency_bound: 1", "`latency_bound` must be"),
        ("operations_per_output: -1", "`operations_per_output` must be"),
        ("fixed_shar: 0.5", "fixed_share"),
    ],
)
def test_chip_files_that_do_not_fit(tmp_path, line, message):
    path = tmp_path / "chip.yaml"
    path.write_text(f"base: hermes\n{line}\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_chip(path)
    assert "\n" not in str(caught.value)


def test_weights_of_two_and_four_devices_share_the_crossbars():
    four, two = find_chip("ambrogio2023"), find_chip("ambrogio2023-two-devices")
    big, small = named(Layers(1024, 512, 1, 3)), named(Layers(512, 512, 1, 2))
    mixed = mixed_cost([(small, four), (big, two)])
    assert mixed.tiles == 2
    assert mixed.latency == pytest.approx(5 * 2100e-6)
    assert mixed.energy == pytest.approx(5 * four.mvm_energy * 1e-6)
    assert mixed.utilisation == pytest.approx(1.0)
    assert sum(layer.energy_share for layer in mixed.layers) == pytest.approx(1.0)
    alone = mixed_cost([(small + big, four)])
    assert alone.energy == pytest.approx(cost_of_layers(small + big, four).energy)
    assert alone.tiles == 3


def _mixed(order, **changes):
    four, two = (
        find_chip(name).replace(**changes) for name in ("ambrogio2023", "ambrogio2023-two-devices")
    )
    parts = [(named(Layers(1024, 512, 1, 1)), four), (named(Layers(1024, 512, 1, 1)), two)]
    return mixed_cost(parts[::order]), [cost_of_layers(*part) for part in parts]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("parallel", [None, 1.0])
def test_programming_and_recalibration_of_mixed_crossbars_are_those_of_their_parts(order, parallel):
    how = Programming(pulse_time=100.0, pulse_energy=1.0, parallel_tiles=parallel)
    mixed, parts = _mixed(
        order, programming=how, program_energy=None, mvm_latency=100.0, latency_bound=False
    )
    written, alone = programming_cost(mixed), [programming_cost(part) for part in parts]
    assert written.weights == 2 * 1024 * 512 == sum(one.weights for one in alone)
    assert written.energy == pytest.approx(sum(float(one.energy) for one in alone))
    times = [float(one.time) for one in alone]
    assert written.time == pytest.approx(sum(times) if parallel else max(times))
    measured, apart = recalibration_cost(mixed), [recalibration_cost(part) for part in parts]
    assert measured.energy == pytest.approx(sum(float(one.energy) for one in apart))
    assert measured.time == pytest.approx(max(float(one.time) for one in apart))
    assert measured.reference_mvms == 1024


def test_mixed_crossbars_keep_energies_of_writing_and_factors():
    mixed, parts = _mixed(
        1, program_energy=2.0, energy_factor=1.5, latency_factor=2.0, latency_bound=False
    )
    assert mixed.program_energy == pytest.approx(2 * 1024 * 512 * 2.0e-6)
    assert mixed.program_energy == pytest.approx(sum(part.program_energy for part in parts))
    assert str(mixed.energy).endswith("mJ (x1.5)")
    assert str(mixed.latency).endswith("ms (x2)")
    assert recalibration_cost(mixed).energy.factor == pytest.approx(1.5)
    assert mixed.components["mvm"].factor == pytest.approx(1.5)
    # Shares of the layers hold for both kinds.
    assert sum(layer.latency_share for layer in mixed.layers) == pytest.approx(1.0)


def test_attention_in_a_pipeline_is_a_stage():
    chip = PLAIN.replace(schedule="pipelined", operation_throughput=1.0)
    layers = named(Layers(64, 64, 1, 1), Layers(64, 64, 1, 1))
    # 20,000 operations, shared by two crossbars, take longer than an MVM and its own operations.
    cost = cost_of_layers(layers, chip, operations=20_000)
    assert cost.interval == pytest.approx((100 + 10_000) * 1e-6)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "`parts` must hold layers"),
        ([(named(Layers(64, 64, 1, 1)), PLAIN.replace(n_tiles=2, replicate=True))], "without `replicate`"),
        (
            [(named(Layers(64, 64, 1, 1)), PLAIN), (named(Layers(64, 64, 1, 1)), PLAIN.replace(n_tiles=3))],
            "equal `n_tiles` and `schedule`",
        ),
        ([(named(Layers(640, 64, 1, 1)), PLAIN.replace(n_tiles=3))], "needs 10 crossbars, but 'plain' has 3: 7 are"),
    ],
)  # fmt: skip
def test_mixed_parts_that_do_not_fit(parts, message):
    with pytest.raises(InvalidArgumentError, match=message):
        mixed_cost(parts)
