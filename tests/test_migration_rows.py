"""Every row of every table in docs/migration.md runs: its old name, or what the page says replaces it."""

# ruff: noqa: F401 - the rows use the imports

import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import analognas
from analognas import AnalogNASBench, ConfigSpace, EAOptimizer, HWNASBench, NASBench201Space, Worker
from analognas.core import (
    InvalidArgumentError,
    OutOfSpaceError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.evaluators import evaluator_from
from analognas.nn import AnalogConfig, load_aihwkit_state, program, to_analog
from analognas.tables import Accuracies, CellCosts, NASBench201
from analognas.tables.hardware_table import CELL_DATASETS, CELL_METRICS

PAGE = (Path(__file__).parents[1] / "docs" / "migration.md").read_text()
CELL = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


def rows():
    """First cells of all rows, without headings and rules."""
    cells = re.findall(
        r"^\| (.*?) \|", re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S), flags=re.M
    )
    return [cell for cell in cells if cell not in ("old", "`InferenceRPUConfig`", "state dict")]


def rpu(**parts):
    """A configuration of aihwkit with the given parts."""
    names = {"forward": {"inp_res": 1 / 254, "out_res": 1 / 254, "out_bound": 10.0}}
    names["mapping"] = {"max_input_size": 256, "max_output_size": 256, "weight_scaling_omega": 1.0}
    merged = {name: {**names.get(name, {}), **parts.get(name, {})} for name in {*names, *parts}}
    return AnalogConfig.from_aihwkit(
        SimpleNamespace(**{name: SimpleNamespace(**part) for name, part in merged.items()})
    )


def raises(kind, call, match=None):
    with pytest.raises(kind, match=match):
        call()


def small_worker(**options):
    """A search of a tiny space whose values are known."""
    space = ConfigSpace(name="two", network=lambda arch, shape, classes: torch.nn.Linear(2, 2))
    space.add_hyperparameter("a", "discrete", 1, 4)
    evaluator = evaluator_from(lambda arch: float(arch["a"]), space, {"score": "max"})
    names = {"objectives": "score", "budget": 4, "runs": 2, "optimizer": "random_search"}
    return space, evaluator, {**names, **options}


def tiny_state():
    return {
        "0.analog_module.shared_weights": torch.ones(2, 4),
        "0.analog_module.mapping_scales": torch.tensor([0.3]),
        "0.analog_module.bias": torch.zeros(2),
    }


def linear():
    return to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2)))


@pytest.fixture(scope="module")
def names():
    values = np.ones((15_625, len(CELL_DATASETS), len(CELL_METRICS)))
    values[:, :, 3] = np.nan  # the Edge TPU did not compile
    origins = np.where(np.isnan(values), 0, 1).astype(np.uint8)
    accuracies = {"cifar10-valid/valid_accuracy_200": np.linspace(1.0, 99.0, 15_625)}
    counts = {name: np.ones(15_625, dtype=np.uint8) for name in accuracies}
    return {
        **globals(),
        "bench": AnalogNASBench(),
        "cs": ConfigSpace("CIFAR-10"),
        "config": ConfigSpace("CIFAR-10").sample_arch(generator=np.random.default_rng(0)),
        "hw": HWNASBench(CellCosts(values, origins)),
        "costs": CellCosts(values, origins),
        "nb201": NASBench201(Accuracies(accuracies, accuracies, counts)),
        "surrogate": analognas.XGBoostEvaluator(model_type="XGBRanker", load_weight=True),
    }


CELLS = "(2, 2, 0, 4, 2, 1)"
ROWS = {
    # AnalogNAS-Bench
    "`analognasbench.data.AnalogNASBench`": """
from analognas.tables.analognasbench_names import AnalogNASBench as Old
assert Old().query_metric((0, 0, 0, 4, 3, 5), 'avm') == 'architecture not found'""",
    "`analognasbench.data.DriftMeasurement`": """
from analognas.tables import DriftReading
from analognas.tables.analognasbench_names import DriftMeasurement
assert DriftMeasurement is DriftReading""",
    "metrics `baseline_drift_60`": """
old, new = (bench.query_metric(5780, name) for name in ('baseline_drift_60', 'noisy_drift_60'))
assert old == new""",
    "`DriftMeasurement.value`": """
reading = bench.query_metric(5780, 'analog_drift_60')
assert (reading.value, reading.uncertainty) == (reading, reading.std)""",
    'an unknown architecture returns `"architecture': """
raises(OutOfSpaceError, lambda: bench.query_metric((0, 0, 0, 4, 3, 5), 'avm'))
assert issubclass(OutOfSpaceError, ValueError)""",
    "an unknown metric raises": """
raises(UnknownNameError, lambda: bench.query_metric(5780, 'analog_acuracy'), 'analog_accuracy')
assert issubclass(UnknownNameError, ValueError)""",
    "`evolutionary_algorithm.py`": "assert bench.lenient().query_metric((0,) * 5 + (5,), 'avm') == 'architecture not found'",
    "`finetuned_accuracy`": """
assert bench.query_metric(5780, 'finetuned_accuracy') == bench.query_metric(5780, 'analog_accuracy')
assert bench.query_metric(5780, 'finetuned_drift_60') == bench.query_metric(5780, 'analog_drift_60')""",
    "`analog_accuracy` of the older release": "assert bench.query_metric(5780, 'noisy_accuracy') < bench.query_metric(5780, 'analog_accuracy')",
    "`training_script.py`": "from analognas.training import RECIPES; assert 'hwa' in RECIPES",
    "six-tuples only": f"""
forms = [{CELLS}, list({CELLS}), np.array({CELLS}), 5780, 'No.5780', bench.space.arch_str(5780)]
assert len({{float(bench.query_metric(form, 'avm')) for form in forms}}) == 1""",
    # AnalogNAS: space
    "`analogainas.search_spaces.config_space.ConfigSpace`": "from analognas.spaces import ResNetSpace; assert type(cs) is ResNetSpace",
    '`ConfigSpace(search_space="resnet-like"': "assert ConfigSpace(search_space='resnet-like', dataset='CIFAR-10').size == cs.size",
    "`search_spaces.resnet_macro_architecture.Network(config)`": "assert isinstance(cs.build(config), torch.nn.Module)",
    "`search_spaces.sample.random_sample": """
from analognas.spaces import latin_hypercube
generator = np.random.default_rng(0)
assert len(cs.sample(3, generator=generator)) == len(latin_hypercube(cs, 3, generator=generator)) == 3""",
    "`ConfigSpace()` is the space for": "assert ConfigSpace().get_hyperparameters() == []",
    "`max_value` is excluded": "assert cs.hyperparameter('M').n_choices == 5 and cs.hyperparameter('R1').n_choices == 16",
    "`step` only changes the size": """
space = ConfigSpace(name='s'); space.add_hyperparameter('w', 'discrete', 8, 32, step=3)
assert {arch['w'] for arch in space.sample_arch_uniformly(200)} <= set(range(8, 33, 3))""",
    "continuous values are floats": "assert cs.hyperparameter('widenfact1').n_choices == 30001",
    "`compute_cs_size()` counts": """
space = ConfigSpace(name='s'); space.add_hyperparameter('x', 'continuous', 0, 1)
assert space.compute_cs_size() == 30001""",
    "derived classes override `set_hyper": """
class Own(ConfigSpace):
    def set_hyperparameters(self):
        self.add_hyperparameter('x', 'discrete', 1, 2)
assert Own().compute_cs_size() == 2""",
    "`get_hyperparameters()` prints": "assert cs.get_hyperparameters()[:2] == ['out_channel0', 'M']",
    "`sample_arch()` fills absent": """
arch = next(a for a in cs.sample_arch_uniformly(200) if a['M'] < 5)
assert arch['R5'] == arch['B5'] == 0""",
    "`sample_arch_uniformly(n)` draws": """
first, second = (cs.sample_arch_uniformly(2, generator=np.random.default_rng(1)) for _ in range(2))
assert first == second""",
    "a duplicate name raises": "raises(InvalidArgumentError, lambda: cs.add_hyperparameter('M', 'discrete', 1, 2))",
    "removing an unknown name": "raises(UnknownNameError, lambda: cs.remove_hyperparameter('none'))",
    "`R2` = 0 in a present": "assert cs.decode(cs.encode({**config, 'R1': 0}))['R1'] == 1",
    "`search_spaces.resnet_macro_architecture.Network` ": "from analognas.spaces.analognas_names import Network; assert isinstance(Network(config), torch.nn.Module)",
    "state dicts of `Network`": """
state = {'model.Main_blocks.Conv_0.weight': torch.zeros(8, 3, 7, 7), 'fc.weight': torch.zeros(10, 8 * 21 * 21)}
raises(RuntimeError, lambda: cs.build(config).load_state_dict(state))""",
    "`analogainas.utils.get_nb_convs`": """
from analognas.spaces.analognas_names import get_nb_convs, get_nb_params, kendal_correlation, spearman_correlation
built = cs.build(config)
assert get_nb_params(built) == cs.params(cs.population([config]))[0]
assert get_nb_convs(config) == sum(isinstance(m, torch.nn.Conv2d) for name, m in built.named_modules() if 'branches' in name)
assert kendal_correlation(range(9), range(9)) == spearman_correlation(range(9), range(9)) == 1
assert kendal_correlation([1, 2, 3], [1, 3, 2]) == 0""",
    "`analogainas.utils.accuracy_mse`": "assert torch.nn.functional.mse_loss(torch.zeros(2), torch.ones(2)) == 1",
    "`search_spaces.dataloaders.dataloader.load_cifar10": "from analognas.data import DATASETS, load_data; assert 'cifar10' in DATASETS and callable(load_data)",
    "`load_vww(": "from analognas.data import DATASETS; assert 'image-folder' in DATASETS",
    "`search_spaces.dataloaders.cutout": "from analognas.data import Cutout; assert Cutout(8).size == 8",
    "autoencoder, UNet": """
space, _, _ = small_worker()
assert isinstance(space.build({'a': 1}), torch.nn.Linear)""",
    # AnalogNAS: surrogate
    "`analogainas.evaluators.xgboost": f"assert len(surrogate.query_pop([{CELLS}])) == 2",
    "weights for the ResNet-like": "assert analognas.XGBoostEvaluator(cs).query(config)[0] > 10",
    "`MLPEvaluator`, `ranker`": f"""
assert callable(analognas.MLPEvaluator) and callable(surrogate.get_correlation)
for part in (surrogate.ranker, surrogate.avm_predictor, surrogate.std_predictor):
    assert hasattr(part, 'predict')
assert surrogate.ranker.predict([{CELLS}]).shape == (1,)""",
    "`ranker_path=`": """
parameters = inspect.signature(analognas.XGBoostEvaluator).parameters
text = str(parameters) + str(inspect.getdoc(analognas.XGBoostEvaluator))
assert all(name in text for name in ('ranker_path', 'avm_predictor_path', 'std_predictor_path'))""",
    "scores without a unit": f"assert 50 < surrogate.query({CELLS})[0] < 100",
    "`query(P)`, `query_pop(P)`": f"""
assert [type(value) for value in surrogate.query({CELLS})] == [float, float]
assert [value.shape for value in surrogate.query_pop([{CELLS}] * 3)] == [(3,), (3,)]""",
    "`hpo_wrapper`": "assert not hasattr(surrogate, 'hpo_wrapper')",
    "`evaluators.realtime_training_evaluator`": "from analognas.evaluators import TrainedEvaluator; assert callable(TrainedEvaluator)",
    # AnalogNAS: search
    "`analogainas.search_algorithms.ea_optimized": "assert EAOptimizer(surrogate, population_size=20, nb_iter=10).population_size == 20",
    "`analogainas.search_algorithms.worker.Worker`": "assert Worker is analognas.Worker",
    "`Worker(Network, CS, ...)`": """
space, evaluator, options = small_worker()
made = []
worker = Worker(lambda config: made.append(config) or torch.nn.Linear(1, 1), space, evaluator=evaluator, **options)
worker.search()
assert worker.best_arch.in_features == 1 and made == [{'a': 4}]""",
    "`EAOptimizer(surrogate=...)`": "assert EAOptimizer(surrogate=surrogate).population_size == 50",
    "`EAOptimizer(batched_evaluation=": "raises(TypeError, lambda: EAOptimizer(surrogate, batched_evaluation=True))",
    "`search_algorithms.ea.EAOptimizer`": "assert callable(analognas.RegularizedEvolution)",
    "`search_algorithms.bo.BOptimizer`": "assert callable(analognas.BayesianOptimizer)",
    "`Worker(cs=..., eval=...": """
for name in ('eval', 'surrogate'):
    space, evaluator, options = small_worker()
    worker = Worker(cs=space, **{name: evaluator}, **options)
    worker.search()
    assert worker.best_acc == 4 and worker.std_err == 0""",
    "the three mutations are one": "from analognas.optimizers import gene_roles; assert gene_roles(cs)",
    "the result may violate": "assert EAOptimizer(surrogate, T_AVM=3.0, max_nb_param=0.5) is not None",
    "the surrogate is inside": "assert Worker('nasbench201', optimizer=EAOptimizer(surrogate, 20, 2), runs=1).evaluator is surrogate",
    "a population below 2": "raises(InvalidArgumentError, lambda: EAOptimizer(surrogate, population_size=1))",
    "`result_summary()` prints": """
space, evaluator, options = small_worker()
worker = Worker(space, evaluator=evaluator, **options)
worker.search(); worker.result_summary()
assert worker.std_err == 0.0""",
    "`results/best_results_0.csv`": """
space, evaluator, options = small_worker()
Worker(space, evaluator=evaluator, out=folder / 'found', **options).search()
assert (folder / 'found' / 'best.json').is_file()
from analognas.search import export_trials; assert callable(export_trials)""",
    # AnalogNAS: training
    "`create_rpu_config(...)`": "assert AnalogConfig(modifier={'kind': 'additive', 'std': 0.06}).modifier.std == 0.06",
    "`create_noise_model()`": "from analognas.physics import PCM; assert PCM().g_max == 25.0",
    "`create_analog_optimizer": "torch.optim.SGD(linear().parameters(), lr=0.1)",
    "`train.py`": "from analognas.training import train_run; assert callable(train_run)",
    # aihwkit
    "`forward.inp_res`": "assert (rpu().dac.bits, rpu().adc.bits) == (8, 8)",
    "`forward.out_bound`": "assert rpu(forward={'bound_management': 'ITERATIVE'}).adc.bound_management and rpu().adc.bound == 10",
    "`forward.inp_noise`": "made = rpu(forward={'inp_noise': 0.1, 'out_noise': 0.2, 'ir_drop': 1.0}); assert (made.dac.noise, made.out_noise, made.ir_drop) == (0.1, 0.2, 1.0)",
    "`forward.w_noise`": "made = rpu(forward={'w_noise': 0.02, 'w_noise_type': 'ADDITIVE_CONSTANT'}); assert (made.read_noise.std, made.read_noise.kind) == (0.02, 'constant')",
    "`forward.noise_management`": "assert rpu(forward={'noise_management': 'ABS_MAX'}).input_range.kind == 'absmax'",
    "`forward.is_perfect`": "assert rpu(forward={'is_perfect': True}).adc.bits is None",
    "`pre_post.input_range`": "from types import SimpleNamespace as S; assert rpu(pre_post={'input_range': S(enable=True, init_value=2.0)}).input_range.kind == 'learned'",
    "`mapping.max_input_size`": "assert rpu(mapping={'max_input_size': 0}).tile.rows is None",
    "`mapping.weight_scaling_columnwise`": "assert rpu(mapping={'weight_scaling_columnwise': True}).scaling.per == 'column'",
    "`mapping.weight_scaling_omega`": "raises(InvalidArgumentError, lambda: rpu(mapping={'weight_scaling_omega': 0.5}), 'omega')",
    "`modifier.type`": "assert rpu(modifier={'type': 'ADD_NORMAL', 'std_dev': 0.06}).modifier.kind == 'additive'",
    "`clip.type`": "assert rpu(clip={'type': 'LAYER_GAUSSIAN', 'sigma': 2.0}).clip.kind == 'gaussian'",
    "`noise_model=PCMLikeNoiseModel": """
from types import SimpleNamespace as S
part = type('PCMLikeNoiseModel', (), {'g_max': 20.0})()
base = S(forward=S(inp_res=1 / 254, out_res=1 / 254, out_bound=10.0), mapping=S(max_input_size=256, max_output_size=256, weight_scaling_omega=1.0), noise_model=part)
assert AnalogConfig.from_aihwkit(base).device.g_max == 20.0""",
    "`drift_compensation=": "from types import SimpleNamespace as S; base = S(forward=S(inp_res=1 / 254, out_res=1 / 254, out_bound=10.0), mapping=S(weight_scaling_omega=1.0), drift_compensation=None); assert AnalogConfig.from_aihwkit(base).compensation.kind == 'none'",
    "`convert_to_analog(model": "assert type(to_analog(torch.nn.Sequential(torch.nn.Linear(2, 2)), rpu())[0]).__name__ == 'AnalogLinear'",
    "`model.program_analog_weights()`": """
from analognas.nn import at_time
from analognas.nn import calibrate
model = calibrate(linear(), [torch.ones(4, 4)]).eval(); program(model, generator=torch.Generator().manual_seed(0)); at_time(model, 60.0)
assert model(torch.ones(1, 4)).shape == (1, 2)""",
    "aihwkit: `analog_module.analog_tile_state`": "torch.testing.assert_close(load_aihwkit_state(linear(), tiny_state())[0].weight.detach(), torch.full((2, 4), 0.3))",
    "aihwkit: layers of several": """
state = {f'0.analog_module.array.{i}.0.shared_weights': torch.full((2, 2), 1.0 + i) for i in range(2)}
model = load_aihwkit_state(linear(), {**state, '0.analog_module.bias': torch.zeros(2)})
assert model[0].weight[0].tolist() == [1, 1, 2, 2]""",
    "aihwkit: recurrent layers": "raises(Exception, lambda: load_aihwkit_state(linear(), {'0.rnn.layers.0.cell.weight_ih.analog_module.shared_weights': torch.ones(8, 2)}), 'rnn')",
    "aihwkit-lightning: `weight`": """
state = {'0.weight': torch.ones(2, 4), '0.bias': torch.zeros(2), '0.input_range': torch.tensor([1.0, 2.0]), '0.x_min': torch.zeros(2)}
assert load_aihwkit_state(linear(), state)[0].input_range.item() == 2""",
    # HW-NAS-Bench
    "`hw_nas_bench_api.HWNASBenchAPI`": "assert HWNASBench is analognas.HWNASBench",
    '`HWNASBenchAPI("HW-NAS-Bench-v1_0.pickle"': "(folder / 'bad.pickle').write_bytes(b'cos\\ngetcwd\\n(tR.'); raises(TableIntegrityError, lambda: HWNASBench(folder / 'bad.pickle'))",
    "`query_by_index`, `get_net_config`": "cost = hw.query_by_index(0, 'cifar10')['pixel3_latency']; assert cost == 1.0 and cost.unit == 'ms' and hw.get_net_config(0, 'cifar10')['C'] == 16",
    "`hw_nas_bench_api.nas_201_models.get_cell": "from analognas.tables import get_cell_based_tiny_net as build; assert build({'arch_str': CELL, 'num_classes': 10, 'C': 4, 'N': 1})(torch.zeros(1, 3, 8, 8)).shape == (1, 10)",
    "`hw_nas_bench_api.fbnet_models": "from analognas.tables import get_fbnet; assert get_fbnet({'dataset': 'cifar100', 'op_idx_list': [8] * 22, 'num_classes': 100}).classifier.out_features == 100",
    "an EdgeTPU model": "cost = hw.query_by_index(0, 'cifar10')['edgetpu_latency']; assert np.isnan(cost) and cost.provenance.name == 'MISSING'",
    "index -1 is the last": "raises(OutOfSpaceError, lambda: hw.query_by_index(-1, 'cifar10'))",
    "`HWNASBenchAPI(file_path_or_dict=": "assert HWNASBench(file_path_or_dict=costs).search_space == 'nasbench201'",
    "`hw_api.HW_metrics": "assert hw.HW_metrics['nasbench201']['cifar10']['pixel3_latency'][7] == 1.0",
    "networks that return `(features": "from analognas.tables.nas_201_models import get_cell_based_tiny_net as build; features, logits = build({'arch_str': CELL, 'num_classes': 10, 'C': 4, 'N': 1})(torch.zeros(1, 3, 8, 8))",
    "state dicts of `TinyNetwork`": """
net = NASBench201Space().build(CELL, channels=4, cells=1)
state = {('lastact' + key[4:] if key.startswith('head') else key): value + 1 for key, value in net.state_dict().items()}
net.load_state_dict({key.replace('body.1.units.0.', 'cells.1.conv_a.op.'): value for key, value in state.items()})""",
    '`"infer.shape.tiny"`': "from analognas.tables.nas_201_models import get_cell_based_tiny_net as build; assert build({'name': 'infer.shape.tiny', 'genotype': CELL, 'channels': '4:8:8:16:16', 'num_classes': 5})(torch.zeros(1, 3, 8, 8))[1].shape == (1, 5)",
    '`get_search_spaces("cell"': "from analognas.tables.nas_201_models import get_search_spaces; assert get_search_spaces('cell', 'nas-bench-201')[0] == 'none'",
    "supernets `DARTS-V1`": """
from analognas.tables.nas_201_models import get_cell_based_tiny_net as build
for name in ('DARTS-V1', 'DARTS-V2', 'GDAS', 'SETN', 'ENAS', 'RANDOM', 'generic'):
    raises(InvalidArgumentError, lambda: build({'name': name}), 'supernet')""",
    "`get_cifar_models`": "from analognas.models import build_model; assert callable(build_model)",
    "one network per call": "assert hw.query([0, 1, 2], ['pixel3_latency'], 'cifar10')['pixel3_latency'].shape == (3,)",
    # NAS-Bench-201
    '`NASBench201API("NAS-Bench-201': "torch.save({'meta_archs': [print]}, folder / 'bad.pth'); raises(TableIntegrityError, lambda: NASBench201(folder / 'bad.pth'), 'refused')",
    "`api.get_more_info(index": "assert nb201.query([0], 'valid_accuracy_200', 'cifar10-valid')['valid_accuracy_200'] == 1.0",
    "`api.query_index_by_arch": "space = NASBench201Space(); assert space.indices(space.population([space.arch_str(284)])).tolist() == [284]",
    "`api.str2lists`": "space = NASBench201Space(); assert len(space.decode(space.encode(CELL))) == 6",
    "`api.get_net_config(index": "assert hw.get_net_config(284, 'cifar10')['arch_str'] == NASBench201Space().arch_str(284)",
    "curves by epoch": "assert nb201.metrics('cifar10-valid')[0] == 'valid_accuracy_200'",
    # The replication
    "drift exponents `nu`": """
from analognas.nn import get_config
assert [get_config(name).device.nu for name in ('replication-0.05', 'replication')] == [0.05, 0.06]""",
    "compensation with the known": "assert AnalogConfig(compensation={'kind': 'global'}).compensation.kind == 'global'",
    "CAWS scaling": "assert AnalogConfig(scaling={'per': 'fan_in'}).scaling.per == 'fan_in'",
    "its presets": "from analognas.nn import get_config; assert get_config('rasch2023').ir_drop > 0",
    "one seed": "from analognas.drift import DriftEvaluator; assert callable(DriftEvaluator)",
}


def test_every_row_has_its_test_and_every_test_its_row():
    found = {row: [key for key in ROWS if f"{row} ".startswith(key)] for row in rows()}
    # A key that begins another one does not count where the longer one fits.
    best = {row: max(keys, key=len) for row, keys in found.items() if keys}
    assert [row for row in found if row not in best] == []
    assert [key for key in ROWS if key not in best.values()] == []


@pytest.mark.parametrize("key", ROWS, ids=lambda key: re.sub(r"\W+", "-", key)[:40])
def test_row(key, names, tmp_path, capsys):
    exec(compile(ROWS[key].strip(), key, "exec"), {**names, "folder": tmp_path})
