"""How good a cell each optimizer finds after n distinct queries of the AnalogNAS-Bench table, and after how many the best.

Run ``python benchmarks/search_efficiency.py --out efficiency.jsonl``; seeds 0-99, as the marks were measured, and the
objectives of the marks. Every finished run is one line of the file, and a run that is there is not made again: the
command continues after an interruption and with more seeds. Hyperparameters were chosen on seeds 1000 and up
(``--first-seed 1000``). ``--figure NAME.png`` draws the best so far of all optimizers, a panel for each metric.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import TableEvaluator
from analognas.optimizers import OPTIMIZERS
from analognas.report import save_figure
from analognas.report.style import COLOURS, GREY, new_figure
from analognas.search import Worker

QUERIES = (50, 100, 200, 500)
METRICS = ("analog_drift_2592000", "analog_drift_86400", "baseline_accuracy")
# NSGA-III takes several objectives only; they are compared by multi_objective.py. Successive halving takes
# several fidelities; successive_halving.py measures it.
ONE_OBJECTIVE = [name for name in OPTIMIZERS.names() if name not in ("nsga3", "successive_halving")]
# All of them search without constraints, also the one that brings some.
UNLIMITED = {"analognas_ea": {"max_nb_param": None, "T_AVM": None}}
# Of extra trees with UCB on canonical and one-hot features, the best published result; 50 seeds.
PUBLISHED = {"analog_drift_2592000": (88.80, 89.39, 89.71, 89.89)}
PUBLISHED_TO_OPTIMUM = {"analog_drift_86400": 377, "baseline_accuracy": 44}


def made(name):
    """An optimizer by name; ``optuna_gp`` is Optuna with its sampler ``gp``, which takes minutes a run."""
    if name.startswith("optuna_"):
        return OPTIMIZERS.get("optuna")(name.removeprefix("optuna_"))
    return OPTIMIZERS.get(name)(**UNLIMITED.get(name, {}))


def one_run(name, metric, seed, evaluator):
    """Search once; the best after each of QUERIES, the query that found the optimum, and the winner's class."""
    table = evaluator.table
    worker = Worker(
        optimizer=made(name),
        evaluator=evaluator,
        objectives=metric,
        runs=1,
        budget=max(QUERIES),
        seed=seed,
    )
    start = time.process_time()
    curve = worker.search().convergence()[0]
    seconds = time.process_time() - start
    best = table.query(table.space.every(), metric)[metric].max()
    found = np.flatnonzero(curve == best)
    return {
        "optimizer": name,
        "hyperparameters": worker.optimizer.hyperparameters(),
        "metric": metric,
        "seed": seed,
        "best": [float(curve[queries - 1]) for queries in QUERIES],
        "improved": improvements(curve),
        "to_optimum": int(found[0]) + 1 if len(found) else None,
        "class_mean": float(
            np.mean(table.query(table.isomorphic(worker.best_config), metric)[metric])
        ),
        "cpu_seconds": round(seconds, 2),
    }


def improvements(curve):
    """The curve as pairs of a query and the new best value that it brought."""
    first = np.flatnonzero(np.diff(curve, prepend=-np.inf) > 0)
    return [[int(query) + 1, round(float(curve[query]), 4)] for query in first]


def with_known_classes(table, metric):
    """Mean queries to the optimum of a search that knows the mean of every isomorphism class beforehand.

    It works through the classes from the best mean; which member of a class is lucky it cannot know.
    """
    every = table.space.every()
    values = table.query(every, metric)[metric]
    classes = table.space.isomorphism_class(every)
    sizes = np.bincount(classes)
    means = np.bincount(classes, values) / sizes
    of_best = classes[values.argmax()]
    return sizes[means > means[of_best]].sum() + (sizes[of_best] + 1) / 2


def known_runs(path):
    """Runs that the file holds, by what identifies them."""
    lines = path.read_text().splitlines() if path.exists() else []
    runs = [json.loads(line) for line in lines if line.endswith("}")]
    return {key(run): run for run in runs}


def key(run):
    """What identifies a run."""
    hyperparameters = json.dumps(run["hyperparameters"], sort_keys=True)
    return run["optimizer"], hyperparameters, run["metric"], run["seed"]


def show(runs, metric, names, seeds, table):
    """Print a line for each optimizer."""
    print(f"{metric}: mean best ± standard error; class: mean of the winner's isomorphism class")
    heads = [*map(str, QUERIES), "class", "to optimum", "CPU s", "seeds"]
    print(f"{'queries':<24}" + "".join(f"{head:>15}" for head in heads))
    if metric in PUBLISHED:
        print(f"{'published':<24}" + "".join(f"{mean:>15.2f}" for mean in PUBLISHED[metric]))
    if metric in PUBLISHED_TO_OPTIMUM:
        print(f"{'published':<24}" + f"{PUBLISHED_TO_OPTIMUM[metric]:>90}")
    print(f"{'class means known':<24}" + f"{with_known_classes(table, metric):>90.0f}")
    for name in names:
        of_name = [
            run
            for run in runs.values()
            if (run["optimizer"], run["metric"]) == (name, metric) and run["seed"] in seeds
        ]
        if of_name:
            print(f"{name:<24}" + "".join(f"{cell:>15}" for cell in cells(of_name)))


def cells(runs):
    best = np.array([run["best"] for run in runs])
    n = len(runs)
    spread = best.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(len(QUERIES), np.nan)
    shown = [
        f"{mean:.2f} ± {error:.2f}" for mean, error in zip(best.mean(axis=0), spread, strict=True)
    ]
    # Where some runs did not find it, their budget is a lower bound, and so is the mean.
    to_optimum = [run["to_optimum"] or max(QUERIES) for run in runs]
    bound = "" if all(run["to_optimum"] for run in runs) else ">= "
    classes = np.mean([run["class_mean"] for run in runs])
    seconds = np.mean([run["cpu_seconds"] for run in runs])
    return [*shown, f"{classes:.2f}", f"{bound}{np.mean(to_optimum):.0f}", f"{seconds:.2f}", n]


def curves_of(runs):
    """Best so far after each query, shape ``(n_runs, n_queries)``."""
    curves = np.full((len(runs), max(QUERIES)), np.nan)
    for curve, run in zip(curves, runs, strict=True):
        for query, value in run["improved"]:
            curve[query - 1 :] = value
    return curves


def figure_of(runs, metrics, names, seeds):
    """Mean best so far of every optimizer with a band of two standard errors, a panel for each metric."""
    figure, panels = new_figure(4.6 * len(metrics), 4.2, panels=(1,) * len(metrics))
    for axes, metric in zip(panels, metrics, strict=True):
        lowest = []
        for name, colour in zip(names, (*COLOURS, GREY, "#000000", "#8C6D31"), strict=False):
            chosen = [
                run
                for run in runs.values()
                if (run["optimizer"], run["metric"]) == (name, metric) and run["seed"] in seeds
            ]
            if len(chosen) < 2:
                continue
            curves = curves_of(chosen)
            mean = curves.mean(axis=0)
            error = 2 * curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
            queries = np.arange(1, curves.shape[1] + 1)
            axes.step(queries, mean, where="post", color=colour, linewidth=1.6, label=name)
            axes.fill_between(
                queries,
                mean - error,
                mean + error,
                step="post",
                color=colour,
                alpha=0.18,
                linewidth=0,
            )
            lowest.append(mean[min(QUERIES) // 2])
        optimum = max(run["best"][-1] for run in runs.values() if run["metric"] == metric)
        axes.axhline(optimum, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlim=(10, max(QUERIES)), xlabel="distinct queries", title=metric)
        axes.set_ylim(min(lowest), optimum + 0.05 * (optimum - min(lowest)))
        axes.set_xticks([10, 20, *QUERIES], [str(n) for n in (10, 20, *QUERIES)])
        axes.minorticks_off()
    panels[0].set_ylabel("best so far (%), mean and two standard errors")
    panels[0].legend(frameon=False, fontsize="small", loc="lower right")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--optimizers", nargs="+", default=ONE_OBJECTIVE)
    parser.add_argument("--metrics", nargs="+", default=METRICS)
    parser.add_argument("--out", type=Path, default=Path("efficiency.jsonl"))
    parser.add_argument("--figure", type=Path, help="also draw this PNG")
    arguments = parser.parse_args()
    evaluator = TableEvaluator()
    runs = known_runs(arguments.out)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with arguments.out.open("a") as file:
        for seed in seeds:
            for metric in arguments.metrics:
                for name in arguments.optimizers:
                    settings = made(name).hyperparameters()
                    wanted = {
                        "optimizer": name,
                        "hyperparameters": settings,
                        "metric": metric,
                        "seed": seed,
                    }
                    if key(wanted) not in runs:
                        runs[key(wanted)] = one_run(name, metric, seed, evaluator)
                        file.write(json.dumps(runs[key(wanted)]) + "\n")
                        file.flush()
    for metric in arguments.metrics:
        show(runs, metric, arguments.optimizers, seeds, evaluator.table)
    if arguments.figure:
        save_figure(
            figure_of(runs, arguments.metrics, arguments.optimizers, seeds), arguments.figure
        )


if __name__ == "__main__":
    main()
