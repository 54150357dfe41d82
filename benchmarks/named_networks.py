"""Networks that searches on the shipped surrogates found, beside hand-made members of the same spaces.

Each was measured with three seeds by `analognas bench build experiments/tables/named-TARGET.yaml --root DATA`, by the
recipe of the table to which the surrogate is fitted. Intervals are 95 % intervals of the mean over seeds. The standard
deviation of a seed is pooled over the networks, since three values do not tell it.

Run: python benchmarks/named_networks.py [--out experiments/named_networks.json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import yaml
from scipy.stats import t as student

from analognas.hardware import architecture_cost, find_chip
from analognas.tables import MeasuredTable

TABLES = Path(__file__).parents[1] / "experiments" / "tables"
METRICS = {
    "digital": "baseline_accuracy",
    "hwa": "analog_accuracy",
    "1 day": "analog_drift_86400",
    "1 month": "analog_drift_2592000",
    "avm": "avm",
}
HAND_MADE = ("like ResNet-8", "like ResNet-20", "like ResNet-32", "like WRN-16-2")
TARGETS = {
    "cifar10": ("t100-cifar10", "t500-cifar10", *HAND_MADE),
    "kws": ("t100-kws", "t500-kws", *HAND_MADE),
}


def measured(target):
    """Return the rows of a target: accuracies with intervals, size and cost on a chip."""
    table = MeasuredTable(TABLES / f"named-{target}.parquet")
    specification = yaml.safe_load((TABLES / f"named-{target}.yaml").read_text())
    architectures = specification["sample"]["architectures"]
    space = table.full_space
    population = space.population(architectures)
    places = [table.population.tolist().index(row) for row in population.tolist()]
    rows = [{"name": name} for name in TARGETS[target]]
    for label, metric in METRICS.items():
        values = table.by_seed(metric)
        values = [values[place] for place in places]
        freedom = sum(len(one) - 1 for one in values)
        spread = np.sqrt(sum(((one - one.mean()) ** 2).sum() for one in values) / freedom)
        for row, one in zip(rows, values, strict=True):
            reach = student.ppf(0.975, freedom) * spread / np.sqrt(len(one))
            row[label] = [
                round(float(x), 2) for x in (one.mean(), one.mean() - reach, one.mean() + reach)
            ]
            row["seeds"] = len(one)
    chip = find_chip("hermes").replace(n_tiles=None)
    for row, architecture in zip(rows, population, strict=True):
        cost = architecture_cost(space, architecture, chip)
        row |= {
            "params": int(space.params(architecture[None])[0]),
            "macs": int(space.macs(architecture[None])[0]),
            "tiles": cost.tiles,
            "energy_mj": round(cost.energy, 4),
            "latency_ms": round(cost.latency, 3),
        }
    return {"table": table.name, "rows": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    found = {
        name: measured(name) for name in TARGETS if (TABLES / f"named-{name}.parquet").exists()
    }
    for target, result in found.items():
        print(target)
        for row in result["rows"]:
            shown = [
                f"{label} {row[label][0]:.2f} [{row[label][1]:.2f}, {row[label][2]:.2f}]"
                for label in METRICS
            ]
            costs = f"{row['params']:,} parameters, {row['tiles']} tiles"
            costs += f", {row['energy_mj']} mJ, {row['latency_ms']} ms"
            print(f"  {row['name']:<16} {'; '.join(shown)}; {costs}")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
