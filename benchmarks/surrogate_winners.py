"""Networks that a search on the shipped surrogate found, really measured, beside a random sample of the same space.

The networks were measured by `analognas bench build experiments/tables/resnet-cifar10-winners.yaml --root DATA`, like the
table to which the surrogate is fitted: ten winners, and three hand-made members of the space with 8, 20 and 32 layers. The
best tenth of the random sample is given by its measured mean, which is partly luck, and by estimates of the true values. Each
winner was chosen before it was measured, so its measurement is not selected.

Run: python benchmarks/surrogate_winners.py [--choose]
`--choose` searches again and prints winners of the surrogate as it is now; a surrogate of a grown table finds others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import yaml

from analognas.search import Search
from analognas.spaces import ResNetSpace
from analognas.tables import MeasuredTable

TABLES = Path(__file__).parents[1] / "experiments" / "tables"
METRICS = ("baseline_accuracy", "analog_accuracy", "analog_drift_86400", "analog_drift_2592000")
N_WINNERS = 10
T_9 = 2.262
"""97.5 % quantile of Student's t with nine degrees of freedom."""


def measured(metric):
    """Compare winners and sample: mean of the winners with its 95 % interval, and facts about the sample."""
    winners = MeasuredTable(TABLES / "resnet-cifar10-winners.parquet")
    sample = MeasuredTable(TABLES / "resnet-cifar10-partial.parquet")
    specification = yaml.safe_load((TABLES / "resnet-cifar10-winners.yaml").read_text())
    chosen = specification["sample"]["architectures"][:N_WINNERS]
    found = winners.query(winners.full_space.population(chosen), metric)[metric]
    values = sample.query(sample.population, metric)[metric]
    best = np.argsort(-values)[: round(len(values) / 10)]
    reach = T_9 * found.std(ddof=1) / np.sqrt(len(found))
    truth = sample.true_values(sample.population, metric)
    return {
        "winners": found.mean(),
        "low": found.mean() - reach,
        "high": found.mean() + reach,
        "sample": values.mean(),
        "best tenth": values[best].mean(),
        "best tenth, estimated": float("nan") if truth is None else truth.estimates[best].mean(),
        "bound": values[best].min(),
        "above": int((found >= values[best].min()).sum()),
    }


def choose():
    """Search on the shipped surrogate, and print its best networks that differ in a discrete decision."""
    space = ResNetSpace()
    settings = {"space": "resnet", "runs": 5, "budget": 300, "constraints": ["params<=1e6"]}
    found: dict[tuple, tuple[float, dict]] = {}
    for run in Search(settings).run().runs:
        within = run.evaluation.means["extrapolation"] <= 0
        for row, value in zip(
            run.population[within],
            run.evaluation.means["analog_drift_2592000"][within].tolist(),
            strict=True,
        ):
            arch = space.decode(row)
            key = tuple(entry for name, entry in arch.items() if not name.startswith("widenfact"))
            found[key] = max(found.get(key, (value, arch)), (value, arch), key=lambda one: one[0])
    for value, arch in sorted(found.values(), key=lambda one: -one[0])[:N_WINNERS]:
        print(f"{value:.2f}", json.dumps(arch))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--choose", action="store_true", help="search again instead")
    if parser.parse_args().choose:
        choose()
        return
    for metric in METRICS:
        facts = ", ".join(f"{name} {value:.2f}" for name, value in measured(metric).items())
        print(f"{metric}: {facts}")


if __name__ == "__main__":
    main()
