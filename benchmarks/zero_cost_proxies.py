"""Zero-cost proxies of NAS-Bench-201 cells: rank correlation with measured accuracies, and with published scores.

Run ``python benchmarks/zero_cost_proxies.py``. With ``--published nb201_core.npz`` (arrays ``zc`` and ``zc_names``: the
scores that FreeREA published, NASWOT on 64 CIFAR-10 images) it also compares NASWOT and log-synflow with those.
"""

import argparse
import time

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

from analognas import AnalogNASBench
from analognas.spaces.proxies import PROXIES, proxy_scores

METRICS = ("baseline_accuracy", "analog_accuracy", "analog_drift_2592000", "avm")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--noise-batch", type=int, default=16)
    parser.add_argument("--published")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = AnalogNASBench()
    indices = np.random.default_rng(0).permutation(len(table))[: arguments.cells]
    cells = table.space.from_indices(indices)
    x = torch.randn(arguments.batch, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scores = {name: [] for name in PROXIES}
    seconds = dict.fromkeys(PROXIES, 0.0)
    for cell in cells:
        torch.manual_seed(3)
        network = table.space.build(cell)
        for name in PROXIES:
            batch = x[: arguments.noise_batch] if name == "noise_sensitivity" else x
            generator = torch.Generator().manual_seed(1)
            start = time.process_time()
            scores[name] += proxy_scores(
                network, batch, generator=generator, proxies=[name]
            ).values()
            seconds[name] += time.process_time() - start
    measured = table.query(cells, METRICS)
    print(f"{arguments.cells} cells; Kendall tau-b with measured values, CPU seconds a cell")
    print(f"{'':<20}" + "".join(f"{name:>22}" for name in METRICS) + f"{'s':>8}")
    for name, values in scores.items():
        taus = [kendalltau(values, measured[metric]).statistic for metric in METRICS]
        print(
            f"{name:<20}"
            + "".join(f"{tau:>22.3f}" for tau in taus)
            + f"{seconds[name] / arguments.cells:>8.3f}"
        )
    if arguments.published:
        compare(arguments.published, indices, scores)


def compare(path, indices, scores):
    file = np.load(path, allow_pickle=False)
    published = file["zc"][indices, 0]
    names = file["zc_names"].tolist()
    for name, theirs in (("naswot", "naswot"), ("log_synflow", "logsynflow")):
        column = published[:, names.index(theirs)]
        spearman = spearmanr(scores[name], column).statistic
        kendall = kendalltau(scores[name], column).statistic
        print(f"{name} with the published scores: Spearman {spearman:.3f}, Kendall {kendall:.3f}")


if __name__ == "__main__":
    main()
