"""Expected improvement per cost: quality after equal cost, where architectures cost differently.

The cost of an evaluation is the number of multiply-accumulates of the cell's network, as a training's time would be; it
is counted. A second cost is the same number with 20 % noise, which has to be modelled. Run
``python benchmarks/cost_aware_search.py``; seeds from 0. The table shows the best reading of ``analog_drift_2592000`` after
the cost of n average evaluations, mean ± standard error.
"""

import argparse

import numpy as np

from analognas.evaluators import Evaluation, TableEvaluator
from analognas.search import Search

METRIC = "analog_drift_2592000"
AVERAGES = (20, 40, 80)
OPTIMIZERS = {
    "best_of_class": {"name": "bayesian"},
    "ei": {"name": "bayesian", "acquisition": "ei"},
    "ei_per_cost": {"name": "bayesian", "acquisition": "ei_per_cost"},
    "random search": {"name": "random_search"},
}


class NoisyCosts(TableEvaluator):
    """The table, with MACs as they would be measured."""

    def evaluate(self, population, metrics):
        """Look up a population; costs have noise that follows from the architecture."""
        found = super().evaluate(population, metrics)
        if "macs" not in found.means:
            return found
        codes = self.space.codes(population)
        noise = np.array([np.random.default_rng(code).normal() for code in codes])
        macs = found.means["macs"] * np.exp(0.2 * noise)
        return Evaluation({**found.means, "macs": macs}, found.sems)


def best_after(run, mean_cost):
    """Best reading after the cost of each of AVERAGES."""
    spent = np.cumsum(run.evaluation.means["macs"])
    best = np.maximum.accumulate(run.score)
    within = [np.searchsorted(spent, n * mean_cost, side="right") for n in AVERAGES]
    return [best[max(count, 1) - 1] for count in within], within


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    for kind in (TableEvaluator, NoisyCosts):
        evaluator = kind()
        every = evaluator.space.every()
        mean_cost = float(evaluator.evaluate(every, ["macs"]).means["macs"].mean())
        print(f"costs: {'counted' if kind is TableEvaluator else 'modelled'}")
        print(f"{'cost of n average evaluations':<32}" + "".join(f"{n:>15}" for n in AVERAGES))
        for name, optimizer in OPTIMIZERS.items():
            found = []
            for seed in seeds:
                search = Search(
                    {
                        "optimizer": optimizer,
                        "objectives": METRIC,
                        "cost_metric": "macs",
                        "max_cost": max(AVERAGES) * mean_cost,
                        "runs": 1,
                        "seed": seed,
                    },
                    evaluator=evaluator,
                )
                found.append(best_after(search.run().runs[0], mean_cost))
            best = np.array([one[0] for one in found])
            counts = np.mean([one[1] for one in found], axis=0)
            errors = best.std(axis=0, ddof=1) / np.sqrt(len(best))
            cells = [f"{m:.2f} ± {e:.2f}" for m, e in zip(best.mean(axis=0), errors, strict=True)]
            print(f"{name:<32}" + "".join(f"{cell:>15}" for cell in cells), end="")
            print(f"   {counts[-1]:.0f} evaluations")


if __name__ == "__main__":
    main()
