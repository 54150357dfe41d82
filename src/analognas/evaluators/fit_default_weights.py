"""Fit the shipped models of ``XGBoostEvaluator`` to the whole AnalogNAS-Bench table.

Run ``python -m analognas.evaluators.fit_default_weights``; it prints the checksums for
``DEFAULT_CHECKSUMS`` of ``xgboost_evaluator.py``. The fit is on one thread with seed 0; another version of
XGBoost may give other trees.
"""

from __future__ import annotations

import numpy as np

from ..core.folders import make_folder
from ..tables import AnalogNASBench
from .xgboost_evaluator import DEFAULT_WEIGHTS, XGBoostEvaluator


def main() -> None:
    """Fit the models, save them and print what was written."""
    table = AnalogNASBench()
    cells = table.space.from_codes(np.arange(len(table)))
    for space, path in DEFAULT_WEIGHTS.items():
        make_folder(path.parent)
        checksum = XGBoostEvaluator(space, load_weight=False).fit(cells, table).save(path)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, sha256:{checksum}")


if __name__ == "__main__":
    main()
