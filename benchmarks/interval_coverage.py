"""How often the interval that a search prints for its winner contains the winner's true value.

The true values of a simulated table are the class means of AnalogNAS-Bench, shrunken by their label noise; its readings
are true values with the residuals of classes of about the same value. Every search has its own readings. Run
``python benchmarks/interval_coverage.py``; ``--first 1000`` takes other seeds. A nominal coverage of 95 % of 200 searches has a standard error of 1.5 points.
"""

import argparse

import numpy as np

from analognas.evaluators import Evaluation, TableEvaluator
from analognas.search import Search

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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--budgets", type=int, nargs="+", default=(100, 500))
    parser.add_argument("--optimizers", nargs="+", default=("bayesian", "random_search"))
    arguments = parser.parse_args()
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
