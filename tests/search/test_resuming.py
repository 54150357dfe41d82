"""A search resumes from its folder alone, and what failed is evaluated again."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from analognas.core import InvalidArgumentError, Metric, ResumeError
from analognas.evaluators import (
    ChipCostEvaluator,
    CombinedEvaluator,
    CostPredictor,
    CountEvaluator,
    Evaluation,
    GraphEnsembleEvaluator,
    NoisyTableEvaluator,
    StochasticEvaluator,
    TableEvaluator,
    XGBoostEvaluator,
    definition_of,
    evaluator_from_definition,
    normal_draws,
)
from analognas.hardware import CHIPS
from analognas.optimizers import EAOptimizer, NoiseAware, RandomSearch, RegularizedEvolution
from analognas.search import Worker, read_trials
from analognas.spaces import ConfigSpace, NASBench201Space

DATA = Path(__file__).parent / "log/data"
SPACE = NASBench201Space()


def cells(n):
    return SPACE.sample(n, generator=np.random.default_rng(0), unique=True)


def fitted_predictor():
    rows = cells(40)
    return CostPredictor().fit(
        rows,
        {"mine_latency": 1.0 + (rows == 2).sum(axis=1), "cycles": 5.0 + rows.sum(axis=1)},
        definitions=[Metric("cycles", "", False)],
    )


def fitted_trees():
    table = TableEvaluator().table
    return XGBoostEvaluator(model_type="XGBRegressor").fit(cells(60), table, "analog_accuracy")


def loaded_trees(folder):
    fitted_trees().save(folder / "trees.json")
    return XGBoostEvaluator(load_weight=False).load(folder / "trees.json")


EVALUATORS = {
    "table": lambda folder: TableEvaluator(),
    "noisy": lambda folder: NoisyTableEvaluator(n_readings=4),
    "counts": lambda folder: CountEvaluator(SPACE, dataset="ImageNet16-120"),
    "chip": lambda folder: ChipCostEvaluator(SPACE, CHIPS.get("hermes-core")),
    "both": lambda folder: CombinedEvaluator([TableEvaluator(), ChipCostEvaluator(SPACE)]),
    "readings": lambda folder: CombinedEvaluator([NoisyTableEvaluator(), ChipCostEvaluator(SPACE)]),
    "predictor": lambda folder: CombinedEvaluator([TableEvaluator(), fitted_predictor()]),
    "ensemble": lambda folder: GraphEnsembleEvaluator(seed=3).fit(
        cells(60), TableEvaluator().table, ["analog_accuracy", "avm"]
    ),
    "shipped": lambda folder: XGBoostEvaluator(),
    "trees": lambda folder: fitted_trees(),
    "loaded": loaded_trees,
}


@pytest.mark.parametrize("kind", EVALUATORS)
def test_evaluators_are_made_again(kind, tmp_path):
    evaluator = EVALUATORS[kind](tmp_path)
    written = json.loads(json.dumps(definition_of(evaluator)))
    again = evaluator_from_definition(written, SPACE)
    assert type(again) is type(evaluator)
    assert again.identity() == evaluator.identity()
    assert again.metric_definitions == evaluator.metric_definitions
    assert definition_of(again) == definition_of(evaluator)
    names = evaluator.metrics
    found = [one.evaluate(cells(20), names).means for one in (evaluator, again)]
    for name in names:
        np.testing.assert_array_equal(found[0][name], found[1][name])


@pytest.mark.parametrize(
    "definition",
    [
        None,
        {},
        {"kind": "noise"},
        {"kind": "chip_costs"},
        {"kind": "graph_ensemble", "population": 3},
    ],
)
def test_bad_definitions(definition):
    with pytest.raises((InvalidArgumentError, ValueError)) as caught:
        evaluator_from_definition(definition, SPACE)
    assert "\n" not in str(caught.value)


OPTIMIZERS = [
    RandomSearch(batch_size=7),
    RegularizedEvolution(batch_size=5, sample_size=4),
    EAOptimizer(population_size=12, max_nb_param=0.6),
    NoiseAware(RegularizedEvolution(population_size=12), share=0.3),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda one: one.name)
def test_a_folder_says_it_all(optimizer, tmp_path):
    settings = {
        "optimizer": optimizer,
        "evaluator": CombinedEvaluator(
            [NoisyTableEvaluator(n_readings=2), ChipCostEvaluator(SPACE)]
        ),
        "objectives": "analog_accuracy",
        "constraints": ["aimc_tiles<=90"],
        "seed": 5,
        "runs": 2,
    }
    whole = Worker(**settings, budget=40, out=tmp_path / "whole").search()
    Worker(**settings, budget=25, out=tmp_path / "a").search()
    resumed = Worker.resume(tmp_path / "a", budget=40).search()
    assert resumed.to_json() == whole.to_json()
    files = [(tmp_path / folder / "best.json").read_bytes() for folder in ("whole", "a")]
    assert files[0] == files[1]
    # Once more, from the log itself, nothing is left to do.
    again = Worker.resume(tmp_path / "a" / "trials.sqlite", backend="serial", callbacks=[])
    assert again.search().to_json() == whole.to_json()


def test_limits_are_kept_and_may_grow(tmp_path):
    first = Worker(cost_metric="macs", max_cost=1e9, runs=1, out=tmp_path / "a").search()
    worker = Worker.resume(tmp_path / "a")
    assert (worker.budget, worker.limits.cost, worker.limits.cost_metric) == (None, 1e9, "macs")
    assert worker.search().to_json() == first.to_json()
    longer = Worker.resume(tmp_path / "a", max_cost=2e9, runs=2).search()
    assert len(longer.runs) == 2
    with pytest.raises(ResumeError, match="`max_cost` must be at least"):
        Worker.resume(tmp_path / "a", max_cost=1e9).search()
    with pytest.raises(ResumeError, match="its seed is 0, but this search has 3"):
        Worker.resume(tmp_path / "a", seed=3)
    with pytest.raises(ResumeError, match="no trial log"):
        Worker.resume(tmp_path / "nowhere")


def own_space():
    space = ConfigSpace(name="mine")
    space.add_hyperparameter("depth", "discrete", 1, 9)
    space.add_hyperparameter("width", "discrete", 1, 99, when=("depth", ">", 3))
    return space


def test_a_space_of_ones_own_is_in_the_log(tmp_path):
    rows = own_space().sample(50, generator=np.random.default_rng(0))
    surrogate = GraphEnsembleEvaluator(own_space()).fit(
        rows, {"analog_accuracy": 50.0 + rows.sum(axis=1) / 4}
    )
    settings = {"objectives": "analog_accuracy", "evaluator": surrogate, "runs": 1}
    Worker(own_space(), **settings, budget=20, out=tmp_path / "a").search()
    resumed = Worker.resume(tmp_path / "a", budget=30)
    assert resumed.space.fingerprint() == own_space().fingerprint()
    whole = Worker(own_space(), **settings, budget=30).search()
    assert resumed.search().to_json() == whole.to_json()


def test_what_a_log_cannot_hold_is_asked_for(fragile, tmp_path):
    fragile.worker(tmp_path / "a", budget=12).search()
    with pytest.raises(ResumeError, match=r"class Fragile.*Search.resume\(folder, evaluator=") as e:
        Worker.resume(tmp_path / "a")
    assert "\n" not in str(e.value)
    resumed = Worker.resume(tmp_path / "a", evaluator=fragile.Fragile(), budget=36).search()
    assert resumed.to_json() == fragile.worker().search().to_json()

    class Own(RandomSearch):
        name = "own"

    Worker(optimizer=Own(), budget=10, runs=1, out=tmp_path / "b").search()
    with pytest.raises(ResumeError, match=r"optimizer.*Search.resume\(folder, optimizer="):
        Worker.resume(tmp_path / "b")
    assert Worker.resume(tmp_path / "b", optimizer=Own()).search().feasible
    # Another one than the log's is no silent change.
    with pytest.raises(ResumeError, match="its optimizer is"):
        Worker.resume(tmp_path / "b", optimizer=RandomSearch(batch_size=3)).search()
    with pytest.raises(ResumeError, match="its evaluator is"):
        Worker.resume(tmp_path / "b", optimizer=Own(), evaluator=NoisyTableEvaluator()).search()


def test_logs_of_version_2_resume_by_their_identity(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    shutil.copy(DATA / "version_2_nasbench201.sqlite", folder / "trials.sqlite")
    Worker.resume(folder, budget=30).search()
    grown = json.loads((DATA / "version_2_nasbench201_grown.json").read_text())
    trials = read_trials(folder)
    assert trials.genotypes.tolist() == [genotype for _, _, genotype, _ in grown]
    other = tmp_path / "b"
    other.mkdir()
    shutil.copy(DATA / "version_2_own_space.sqlite", other / "trials.sqlite")
    with pytest.raises(ResumeError, match="evaluator"):
        Worker.resume(other)


class Shaky(StochasticEvaluator):
    """Reads with noise; fails for some architectures until it is ``fixed``; ``asked`` counts."""

    metrics, metrics_with_sem = ("analog_accuracy",), ("analog_accuracy",)

    def __init__(self, *, fixed, stop_at=None):
        self.space, self.fixed, self.stop_at, self.asked = NASBench201Space(), fixed, stop_at, 0

    def measure(self, population, metrics, *, seeds):
        if self.stop_at is not None and self.asked >= self.stop_at:
            raise KeyboardInterrupt
        codes = self.space.codes(population)
        if not self.fixed and (codes % 5 == 0).any():
            raise RuntimeError("out of memory")
        self.asked += len(population)
        values = 90.0 - (population != 2).sum(axis=1) + normal_draws(seeds, "accuracy")
        return Evaluation({"analog_accuracy": values}, {"analog_accuracy": np.ones(len(codes))})

    def identity(self):
        return {"name": "shaky"}

    def report(self, row):
        return {"metrics": {}}


def noisy(out=None, **options):
    settings = {
        "objectives": "analog_accuracy",
        "optimizer": NoiseAware(RegularizedEvolution(batch_size=4)),
        "runs": 2,
        "budget": 60,
    }
    return Worker(out=out, **{**settings, **options})


@pytest.mark.parametrize("stop_at", [None, 9])
def test_failed_readings_are_taken_again(stop_at, tmp_path):
    clean = Shaky(fixed=True)
    whole = noisy(tmp_path / "whole", evaluator=clean).search()
    failing = Shaky(fixed=False)
    noisy(tmp_path / "a", evaluator=failing).search()
    assert (
        sum(
            len(run.errors)
            for run in noisy(tmp_path / "a", evaluator=failing, resume=True).search().runs
        )
        > 5
    )
    fixed = Shaky(fixed=True, stop_at=stop_at)
    if stop_at is not None:
        with pytest.raises(KeyboardInterrupt):
            Worker.resume(tmp_path / "a", evaluator=fixed, retry_failed=True).search()
        fixed.stop_at = None
    again = Worker.resume(tmp_path / "a", evaluator=fixed, retry_failed=stop_at is None).search()
    assert again.to_json() == whole.to_json()
    assert fixed.asked < clean.asked / 1.5
    assert not any(read_trials(tmp_path / "a").errors)


def test_failed_trials_are_evaluated_again(fragile, tmp_path):
    raising = fragile.every_16th(1, 5)
    whole = fragile.worker(tmp_path / "whole").search()
    first = fragile.worker(tmp_path / "a", evaluator=fragile.Fragile(raising=raising)).search()
    n_failed = sum(len(run.errors) for run in first.runs)
    assert n_failed > 3
    # Without the option what failed stays failed.
    kept = fragile.worker(tmp_path / "a", resume=True).search()
    assert kept.to_json() == first.to_json()
    (tmp_path / "diary").mkdir()
    fixed = fragile.Fragile(diary=tmp_path / "diary")
    again = fragile.worker(tmp_path / "a", evaluator=fixed, resume=True, retry_failed=True).search()
    assert again.to_json() == whole.to_json()
    files = [(tmp_path / folder / "best.json").read_bytes() for folder in ("whole", "a")]
    assert files[0] == files[1]
    n_measured = sum(len(file.read_text().split()) for file in (tmp_path / "diary").iterdir())
    assert n_failed <= n_measured < 72
    with closing(sqlite3.connect(tmp_path / "a/trials.sqlite")) as log:
        assert log.execute("SELECT count(*) FROM failures").fetchone() == (0,)
    # Nothing is left to try again.
    more = fragile.worker(tmp_path / "a", resume=True, retry_failed=True).search()
    assert more.to_json() == whole.to_json()


def test_trying_again_needs_a_search_to_resume(fragile, tmp_path):
    with pytest.raises(InvalidArgumentError, match="retry_failed"):
        fragile.worker(tmp_path / "a", retry_failed=True)
