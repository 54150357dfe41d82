"""How much of the exhaustive front's hypervolume is found after n distinct queries of the AnalogNAS-Bench table.

Run ``python benchmarks/multi_objective.py --out fronts.jsonl``: objectives are the accuracy after one month, the
accuracy variation AVM and the parameters; seeds 0-29. ``all`` is the whole table. There the front holds cells whose
accuracy rises by up to eight points while they drift, which is a reading of a broken network and no property that
anybody wants; they own 46 % of its hypervolume. ``usable`` therefore asks for 80 % accuracy and no negative AVM.
``--ceiling`` asks what a model could reach at best: one that learnt 6,000 other cells of the table, none of them among those
that it is asked about, chooses 400 in the way of ``predictor_guided``, without measuring any.
Every finished run is one line of the file, and a run that is there is not made again. Hyperparameters were chosen on
seeds 1000 and up (``--first-seed 1000``). ``--speed`` measures evaluations a second.

``pymoo_nsga2`` is pymoo's own NSGA2 through its own interface: integer sampling, SBX and polynomial mutation with
rounding, duplicates eliminated, in the best of the population sizes 20, 40 and 100 on the tuning seeds; queries are
distinct architectures for all methods.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import (
    Evaluation,
    Evaluator,
    GraphEnsemble,
    Problem,
    Scale,
    TableEvaluator,
    hypervolume,
    non_dominated,
)
from analognas.optimizers import OPTIMIZERS
from analognas.optimizers.front_choice import AUGMENTATION, MARGIN
from analognas.search import Worker
from analognas.spaces import default_encoding, encode_features

QUERIES = (50, 100, 200, 400)
GOALS = ["analog_drift_2592000", "avm", "params"]
PROBLEMS = {"usable": ["analog_drift_2592000>=80", "avm>=0"], "all": []}
# Successive halving needs several fidelities; it has a benchmark of its own.
OURS = [
    name
    for name in OPTIMIZERS
    if OPTIMIZERS.get(name).several_objectives and name != "successive_halving"
]
PYMOO = "pymoo_nsga2"
POPULATION = 40


class Exhaustive:
    """The front of the whole table: what a share of hypervolume is a share of."""

    def __init__(self, name, evaluator):
        self.problem = Problem.of(GOALS, PROBLEMS[name], evaluator.metrics)
        self.space = evaluator.space
        self.evaluator = evaluator
        costs, feasible = self.measured(self.space.every())
        self.scale = Scale.of(costs[feasible])
        self.whole = hypervolume(costs[feasible], self.scale)
        self.size = int(non_dominated(costs, feasible).sum())

    def measured(self, population):
        """Costs of a population, and whether each row is feasible."""
        evaluation = self.evaluator.evaluate(population, self.problem.metrics)
        return self.problem.costs(evaluation), self.problem.violation(evaluation) == 0

    def shares(self, population):
        """Share of the hypervolume that the first rows own, for each of QUERIES."""
        costs, feasible = self.measured(population)
        return [hypervolume(costs[:n][feasible[:n]], self.scale) / self.whole for n in QUERIES]


def by_worker(name, task, seed):
    """Architectures in the order in which one of our optimizers asked for them."""
    worker = Worker(
        task.space,
        optimizer=name,
        evaluator=task.evaluator,
        objectives=GOALS,
        constraints=task.problem.constraints,
        runs=1,
        budget=max(QUERIES),
        seed=seed,
    )
    return worker.search().runs[0].population


def by_pymoo(task, seed, population_size=POPULATION):
    """Distinct architectures in the order in which pymoo's NSGA2 evaluated them."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem as PymooProblem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    space, problem, asked = task.space, task.problem, []

    class Cells(PymooProblem):
        def __init__(self):
            bounds = {"xl": 0, "xu": space.n_choices - 1, "vtype": int}
            sizes = {"n_obj": len(GOALS), "n_ieq_constr": int(bool(problem.constraints))}
            super().__init__(n_var=space.n_genes, **sizes, **bounds)

        def _evaluate(self, x, out, *args, **kwargs):
            rows = np.asarray(x).astype(space.dtype)
            asked.append(rows)
            evaluation = task.evaluator.evaluate(rows, problem.metrics)
            out["F"] = problem.costs(evaluation)
            if problem.constraints:
                out["G"] = problem.violation(evaluation)[:, None]

    repair = {"vtype": float, "repair": RoundingRepair()}
    algorithm = NSGA2(
        pop_size=population_size,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, **repair),
        mutation=PM(prob=1.0, eta=3.0, **repair),
        eliminate_duplicates=True,
    )
    algorithm.setup(Cells(), termination=("n_gen", 10**6), seed=seed, verbose=False)
    distinct = 0
    while distinct < max(QUERIES):
        algorithm.next()
        codes = space.codes(np.concatenate(asked))
        distinct = len(np.unique(codes))
    first = np.sort(np.unique(codes, return_index=True)[1])
    return np.concatenate(asked)[first]


def one_run(name, problem, task, seed):
    """Search once and return what the file keeps of it."""
    start = time.process_time()
    rows = by_pymoo(task, seed) if name == PYMOO else by_worker(name, task, seed)
    seconds = time.process_time() - start
    return {
        **settings(name, problem, seed),
        "share": task.shares(rows),
        "cpu_seconds": round(seconds, 2),
    }


def settings(name, problem, seed):
    """What identifies a run."""
    sizes = {"pop_size": POPULATION} if name == PYMOO else OPTIMIZERS.get(name)().hyperparameters()
    return {"optimizer": name, "hyperparameters": sizes, "problem": problem, "seed": seed}


def key(run):
    """A run's settings as a text."""
    names = ("optimizer", "hyperparameters", "problem", "seed")
    return json.dumps({name: run[name] for name in names}, sort_keys=True)


def show(runs, problem, names, task):
    """Print a line for each optimizer."""
    print(
        f"{problem}: {task.size} of {task.space.size} cells are the front; share of its hypervolume, median"
    )
    print(
        f"{'queries':<20}"
        + "".join(f"{q:>8}" for q in QUERIES)
        + f"{'quartiles':>16}{'CPU s':>8}{'seeds':>7}"
    )
    for name in names:
        of_name = [run for run in runs if (run["optimizer"], run["problem"]) == (name, problem)]
        if of_name:
            shares = np.array([run["share"] for run in of_name])
            low, high = np.quantile(shares[:, -1], [0.25, 0.75])
            seconds = np.mean([run["cpu_seconds"] for run in of_name])
            print(
                f"{name:<20}"
                + "".join(f"{share:>8.3f}" for share in np.median(shares, axis=0))
                + f"{f'{low:.3f}-{high:.3f}':>16}{seconds:>8.2f}{len(of_name):>7}"
            )


def held_out_predictions(task, metric, rng, n_folds=5, n_learnt=6000):
    """Predict a metric of every cell from other cells."""
    space = task.space
    cells = space.every()
    features = encode_features(space, cells, default_encoding(space))
    values = task.evaluator.evaluate(cells, [metric]).means[metric]
    folds = rng.integers(n_folds, size=len(cells))
    predicted = np.empty(len(cells))
    for fold in range(n_folds):
        learnt = rng.permutation(np.flatnonzero(folds != fold))[:n_learnt]
        model = GraphEnsemble.fit(features[learnt], values[learnt])
        asked = folds == fold
        predicted[asked] = model.target.to_values(model.predict(features[asked])[0])
    return predicted


def ceiling(evaluator, n_orders=10):
    """Print the share that a model of nearly the whole table finds, for several spreads of its draws."""
    task = Exhaustive("usable", evaluator)
    rng = np.random.default_rng(0)
    cells = task.space.every()
    beliefs = {name: held_out_predictions(task, name, rng) for name in GOALS[:2]}
    beliefs["params"] = task.space.params(cells).astype(float)
    for temperature in (0.0, 0.5, 1.0):
        shares = []
        for _ in range(n_orders):
            left = task.problem.violation(Evaluation(beliefs)) == 0
            order = []
            while len(order) < max(QUERIES):
                world = {
                    name: values
                    + temperature * (name != "params") * rng.standard_normal(len(cells))
                    for name, values in beliefs.items()
                }
                points = task.scale.normalised(task.problem.costs(Evaluation(world))) + MARGIN
                weighted = points * rng.dirichlet(np.ones(len(GOALS)))
                distances = weighted.max(axis=1) + AUGMENTATION * weighted.sum(axis=1)
                order.append(int(np.where(left, distances, np.inf).argmin()))
                left[order[-1]] = False
            shares.append(task.shares(cells[order]))
        figures = " ".join(f"{share:.3f}" for share in np.median(shares, axis=0))
        print(f"model of 6,000 other cells, points of noise in its draws {temperature}: {figures}")


class ClosedForm(Evaluator):
    """Three objectives in no time at all, so that what is measured is the search."""

    metrics = ("analog_accuracy", "params", "macs")
    metrics_with_sem = ()

    def __init__(self, space):
        self.space = space

    def evaluate(self, population, metrics):
        """Sums of genes."""
        part = population.astype(np.float64)
        means = {
            "analog_accuracy": part[:, ::2].sum(axis=1),
            "params": part[:, 1::2].sum(axis=1) + part[:, 0],
            "macs": np.abs(part[:, :-1] - part[:, 1:]).sum(axis=1),
        }
        return Evaluation({name: means[name] for name in metrics})

    def identity(self):
        """Its name."""
        return {"name": "closed form"}

    def report(self, row):
        """Nothing."""
        return {"metrics": {}}


def speed(n=20_000):
    """Evaluations a second of the evolutions over three objectives and a constraint, worker included."""
    from analognas.spaces import ResNetSpace

    space = ResNetSpace()
    for name in OURS:
        if name in (
            "predictor_guided",
            "optuna",
        ):  # made for evaluations that take longer than they do
            continue
        optimizer = OPTIMIZERS.get(name)(
            **({} if name == "random_search" else {"population_size": 100})
        )
        worker = Worker(
            space,
            optimizer=optimizer,
            evaluator=ClosedForm(space),
            objectives=["analog_accuracy", "params", "macs"],
            constraints="params>=30",
            runs=1,
            budget=n,
        )
        start = time.process_time()
        worker.search()
        print(f"{name:<20}{n / (time.process_time() - start):>12,.0f} evaluations/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--optimizers", nargs="+", default=[*OURS, PYMOO])
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--out", type=Path, default=Path("fronts.jsonl"))
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--ceiling", action="store_true")
    arguments = parser.parse_args()
    if arguments.speed:
        speed()
        return
    evaluator = TableEvaluator()
    if arguments.ceiling:
        ceiling(evaluator)
        return
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    known = {key(run): run for run in (json.loads(line) for line in lines if line.endswith("}"))}
    tasks = {name: Exhaustive(name, evaluator) for name in arguments.problems}
    wanted = []
    with arguments.out.open("a") as file:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            for problem, task in tasks.items():
                for name in arguments.optimizers:
                    run = key(settings(name, problem, seed))
                    wanted.append(run)
                    if run not in known:
                        known[run] = one_run(name, problem, task, seed)
                        file.write(json.dumps(known[run]) + "\n")
                        file.flush()
    for problem, task in tasks.items():
        show([known[run] for run in wanted], problem, arguments.optimizers, task)


if __name__ == "__main__":
    main()
