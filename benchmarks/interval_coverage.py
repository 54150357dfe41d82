"""How often the intervals that the package prints contain the truth.

``--kinds`` chooses among them: ``drift`` (the metric of this test set over all chips), ``population`` (over all chips and
examples), ``surrogates`` (a prediction of a space's architectures), ``costs`` (a fitted cost), ``devices`` (numbers of a
device fit; ``benchmarks/device_fit.py`` has them one by one) and ``winners`` (the winner of a search). Each row is a
simulation whose truth is known.

Winners: the true values of a simulated table are the class means of AnalogNAS-Bench, shrunken by their label noise; its readings
are true values with the residuals of classes of about the same value. Every search has its own readings. Run
``python benchmarks/interval_coverage.py``; ``--first 1000`` takes other seeds. A nominal coverage of 95 % of 200 searches has a standard error of 1.5 points.
"""

import argparse

import numpy as np
import torch

from analognas.drift import DriftResult
from analognas.drift.variance_components import CrossedSums
from analognas.evaluators import (
    CostPredictor,
    Evaluation,
    GraphEnsembleEvaluator,
    TableEvaluator,
    XGBoostEvaluator,
)
from analognas.physics import PowerLaw
from analognas.physics.fitting import fit_device, simulate_measurements
from analognas.search import Search
from analognas.spaces import NASBench201Space
from analognas.training import get_task

METRIC = "analog_drift_2592000"
NEAR = 100


class SimulatedTable(TableEvaluator):
    """The table with simulated readings of known true values.

    Args:
        seed: Seed of the readings.
    """

    def __init__(self, seed):
        super().__init__()
        every = self.table.space.every()
        values = self.table.query(every, METRIC)[METRIC]
        classes = self.table.space.isomorphism_class(every)
        sizes = np.bincount(classes)
        means = np.bincount(classes, values) / sizes
        self.truth = self.table.true_values(every, METRIC).estimates
        repeated = np.flatnonzero(sizes[classes] >= 3)
        n = sizes[classes[repeated]]
        residuals = (values - means[classes])[repeated] * np.sqrt(n / (n - 1))
        order = np.argsort(means[classes[repeated]])
        sorted_means, residuals = means[classes[repeated]][order], residuals[order]
        generator = np.random.default_rng(seed)
        at = np.searchsorted(sorted_means, self.truth) + generator.integers(
            -NEAR, NEAR, size=len(values)
        )
        self.readings = self.truth + residuals[np.clip(at, 0, len(residuals) - 1)]

    def evaluate(self, population, metrics):
        """Look up simulated readings."""
        found = super().evaluate(population, metrics)
        readings = self.readings[self.table.space.codes(population)]
        return Evaluation({**found.means, METRIC: readings}, found.sems)


def one_search(optimizer, budget, seed):
    """Search once; whether the interval contains the truth, its error, and its width."""
    evaluator = SimulatedTable(seed)
    settings = {
        "optimizer": optimizer,
        "objectives": METRIC,
        "budget": budget,
        "runs": 1,
        "seed": seed,
    }
    result = Search(settings, evaluator=evaluator).run()
    known = result.comparison.winner
    row = evaluator.space.encode(result.winners[0]["architecture"])
    truth = evaluator.truth[evaluator.space.codes(row[None])[0]]
    error = known.estimate - truth
    return truth < known.low, truth > known.high, error, known.high - known.low, error / known.sem


def drift_result(generator, n_chips, n_examples):
    """Scores of independent chips on examples, with effects of both; the truths of both scopes."""
    mean, of_chips, of_examples, rest = 0.8, 0.03, 0.3, 0.2
    examples = of_examples * generator.standard_normal((n_examples, 1))
    sums = CrossedSums(mean + examples, 1)
    for _ in range(n_chips):
        chip = of_chips * generator.standard_normal()
        sums.add(mean + chip + examples + rest * generator.standard_normal((n_examples, 1)))
    result = DriftResult(
        (1.0,), sums.chip_means, mean, mean, sums.covariance_of_examples(), np.zeros(1), n_examples, 0.0,
        get_task("classification"), 0.95, None, n_chips * n_examples,
    )  # fmt: skip
    return result, {"test_set": mean + examples.mean(), "population": mean}


def drift_coverage(scope, n_chips, seed):
    """Whether an interval of a drift evaluation contains its truth, which is a score of all chips."""
    result, truths = drift_result(np.random.default_rng(seed), n_chips, 200)
    found = result.at(1.0, scope)
    return [found.low <= result.task.metric(truths[scope]) <= found.high]


def function_of(rows):
    """A smooth function of a cell's operations."""
    return (
        60.0
        + 4.0 * (rows == 3).sum(axis=1)
        + 3.0 * (rows == 2).sum(axis=1)
        - 5.0 * (rows == 0).sum(axis=1)
    )


def surrogate_coverage(kind, noise, seed):
    """Whether intervals of 1.96 standard errors of predictions contain new measurements."""
    generator = np.random.default_rng(seed)
    rows = NASBench201Space().sample(200, generator=generator)
    values = function_of(rows) + noise * generator.standard_normal(len(rows))
    fitted = kind().fit(rows[:100], {"analog_accuracy": values[:100]})
    found = fitted.evaluate(rows[100:], ["analog_accuracy"])
    errors = np.abs(found.means["analog_accuracy"] - values[100:])
    return errors <= 1.96 * found.sems["analog_accuracy"]


def cost_coverage(seed):
    """Whether intervals of 1.96 standard errors of fitted costs contain new measurements."""
    generator = np.random.default_rng(seed)
    space = NASBench201Space()
    rows = space.sample(160, generator=generator)
    costs = 2.0 + 0.5 * (rows == 3).sum(axis=1) + 0.3 * (rows == 2).sum(axis=1)
    costs = costs * np.exp(0.03 * generator.standard_normal(len(rows)))
    fitted = CostPredictor(space=space).fit(rows[:80], {"chip_latency": costs[:80]})
    found = fitted.evaluate(rows[80:], ["chip_latency"])
    return np.abs(found.means["chip_latency"] - costs[80:]) <= 1.96 * found.sems["chip_latency"]


def device_coverage(seed):
    """Whether intervals of a fit contain the drift exponents of the simulated device."""
    device = PowerLaw(nu=0.05)
    targets = np.linspace(5.0, 25.0, 5)
    times = [1.0, 60.0, 3600.0, 86400.0, 604800.0]
    generator = torch.Generator().manual_seed(seed)
    data = simulate_measurements(device, targets.tolist(), times, 60, generator=generator)
    fit = fit_device(data, bootstrap=100, seed=seed)
    return [one.low <= 0.05 <= one.high for one in fit.select("nu_means")]


KINDS = {
    "drift": {
        "metric of the test set, 5 chips": lambda seed: drift_coverage("test_set", 5, seed),
        "metric of the test set, 25 chips": lambda seed: drift_coverage("test_set", 25, seed),
    },
    "population": {
        "metric of all examples, 5 chips": lambda seed: drift_coverage("population", 5, seed),
        "metric of all examples, 25 chips": lambda seed: drift_coverage("population", 25, seed),
    },
    "surrogates": {
        "boosted trees, new measurements": lambda seed: surrogate_coverage(
            lambda: XGBoostEvaluator(load_weight=False, encoding="raw"), 0.5, seed
        ),
        "graph ensemble, new measurements": lambda seed: surrogate_coverage(
            GraphEnsembleEvaluator, 0.5, seed
        ),
    },
    "costs": {"fitted cost, new measurements": cost_coverage},
    "devices": {"drift exponents of a power law": device_coverage},
}


def print_kinds(kinds, repeats, first):
    """Print the coverage of 95 % intervals; errors are over repeats, as numbers of one repeat depend on each other."""
    print(f"{'kind':<12}{'interval':<36}{'repeats':>8}{'coverage':>18}")
    for kind in kinds:
        for name, simulate in KINDS[kind].items():
            shares = np.array([np.mean(simulate(seed)) for seed in range(first, first + repeats)])
            error = shares.std(ddof=1) / np.sqrt(repeats)
            print(
                f"{kind:<12}{name:<36}{repeats:>8}{f'{100 * shares.mean():.1f} ± {100 * error:.1f} %':>18}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--kinds", nargs="+", choices=(*KINDS, "winners"), default=("winners",))
    parser.add_argument("--repeats", type=int, default=200, help="of all kinds but winners")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--budgets", type=int, nargs="+", default=(100, 500))
    parser.add_argument("--optimizers", nargs="+", default=("bayesian", "random_search"))
    arguments = parser.parse_args()
    print_kinds(
        [kind for kind in arguments.kinds if kind != "winners"], arguments.repeats, arguments.first
    )
    if "winners" not in arguments.kinds:
        return
    print(
        f"{'search':<28}{'coverage':>16}{'below':>9}{'above':>9}{'bias':>9}{'RMSE':>9}{'width':>9}{'error/sd':>10}"
    )
    for optimizer in arguments.optimizers:
        for budget in arguments.budgets:
            seeds = range(arguments.first, arguments.first + arguments.searches)
            found = np.array([one_search(optimizer, budget, seed) for seed in seeds], dtype=float)
            below, above, errors, widths, relative = found.T
            inside = 1 - below.mean() - above.mean()
            spread = 100 * np.sqrt(inside * (1 - inside) / len(found))
            print(
                f"{f'{optimizer}, {budget}':<28}{f'{100 * inside:.1f} ± {spread:.1f} %':>16}{100 * below.mean():>9.1f}"
                f"{100 * above.mean():>9.1f}{errors.mean():>9.2f}{np.sqrt((errors**2).mean()):>9.2f}{widths.mean():>9.2f}"
                f"{np.sqrt((relative**2).mean()):>10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
