"""Write the files of ``tests/former_version``, with the version before settings moved to ``core.settings``.

Run with that version; ``python make.py FOLDER``. In ``study.json`` the checkpoint is then made relative.
"""

import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from analognas.core import write_json
from analognas.drift.study import Study
from analognas.evaluators import CostPredictor, XGBoostEvaluator
from analognas.spaces import NASBench201Space
from analognas.training import RunConfig, train_run

RUN = {
    "model": "cnn-2",
    "data": "digits",
    "data_options": {"size": 8, "validation": 0.1},
    "subset": {"train": 160, "validation": 40, "test": 40},
    "seed": 3,
    "recipe": {"kind": "hwa", "epochs": 2, "ema": 0.9, "saving": {"every_seconds": 0.0}},
    "digital": {"kind": "digital", "epochs": 3, "optimizer": {"kind": "adamw", "lr": 0.01}},
}


class StoppedError(Exception):
    """The training or study stops here."""


def main(folder):
    def stop_after_one_epoch(kind, out):
        def listen(progress):
            if kind == "hwa" and progress.epoch == 2:
                raise StoppedError

        return listen

    config = RunConfig.from_dict(RUN)
    with suppress(StoppedError):
        train_run(config, folder / "run", listen=stop_after_one_epoch)
    settings = {"direct": None, "times": [1.0, 86400.0], "chips": 3, "seed": 5}
    study = Study(checkpoint=str(folder / "run" / "digital"), **settings)
    study.check()
    (folder / "study").mkdir()
    study.save(folder / "study")

    def stop_after_two_chips(name, progress):
        if name == "direct_uncompensated" and progress.chips == 2:
            raise StoppedError

    with suppress(StoppedError):
        study.run_drift(folder / "study", stop_after_two_chips)
    cells = NASBench201Space().sample(24, generator=np.random.default_rng(0))
    values = 2.0 + 0.5 * (cells == 2).sum(axis=1) + 0.01 * np.arange(24) ** 2
    CostPredictor().fit(cells, {"mine_latency": values}).save(folder / "costs.parquet")
    trees = XGBoostEvaluator(load_weight=False, encoding="raw")
    trees.fit(cells[:6], {"avm": values[:6]}).save(folder / "trees.json.gz")
    write_json(folder / "expected.json", expected(folder))


def expected(folder):
    """What everything must be once it was continued: done on a copy, with the same version."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "files"
        shutil.copytree(folder, copy)
        config = RunConfig.load(copy / "run" / "config.yaml")
        *_, result = train_run(config, copy / "run", resume=True)
        weights = {name: x.double().sum().item() for name, x in result.model.state_dict().items()}
        drift = Study.load(copy / "study").run_drift(copy / "study", lambda name, progress: None)
    cells = NASBench201Space().sample(5, generator=np.random.default_rng(1))
    costs = CostPredictor.load(folder / "costs.parquet").evaluate(cells, ["mine_latency"])
    trees = XGBoostEvaluator(load_weight=False).load(folder / "trees.json.gz")
    return {
        "run": {"metrics": result.metrics, "weights": weights},
        "study": {name: one.chip_scores.tolist() for name, one in drift.items()},
        "costs": costs.means["mine_latency"].tolist(),
        "trees": trees.evaluate(cells, ["avm"]).means["avm"].tolist(),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
