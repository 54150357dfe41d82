"""Files of the former version open, and what was interrupted goes on to the same end."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

FILES = Path(__file__).parent / "former_version"
EXPECTED = json.loads((FILES / "expected.json").read_text())


@pytest.fixture
def files(tmp_path):
    """A copy that may be written to; the study names its network by an absolute path, as it always did."""
    copy = tmp_path / "files"
    shutil.copytree(FILES, copy)
    settings = copy / "study" / "study.json"
    payload = json.loads(settings.read_text())
    settings.write_text(json.dumps({**payload, "checkpoint": str(copy / payload["checkpoint"])}))
    return copy


@pytest.fixture
def cells():
    from analognas.spaces import NASBench201Space

    return NASBench201Space().sample(5, generator=np.random.default_rng(1))


def test_an_interrupted_training_goes_on(files):
    from analognas.training import resume_run

    *_, result = resume_run(files / "run")
    assert result.metrics == pytest.approx(EXPECTED["run"]["metrics"], rel=1e-4)
    sums = {name: value.double().sum().item() for name, value in result.model.state_dict().items()}
    assert sums == pytest.approx(EXPECTED["run"]["weights"], rel=1e-4, abs=1e-4)


def test_an_interrupted_drift_study_goes_on(files):
    from analognas.drift import resume_drift

    journal = files / "study" / "journal" / "direct_uncompensated.safetensors"
    assert journal.is_file()
    results = resume_drift(files / "study")
    scores = {name: result.chip_scores.tolist() for name, result in results.items()}
    assert scores.keys() == EXPECTED["study"].keys()
    for name, expected in EXPECTED["study"].items():
        assert np.allclose(scores[name], expected, atol=0.03), name


def test_surrogates_predict_what_they_predicted(files, cells):
    from analognas.evaluators import CostPredictor, XGBoostEvaluator

    costs = CostPredictor.load(files / "costs.parquet").evaluate(cells, ["mine_latency"])
    assert costs.means["mine_latency"] == pytest.approx(EXPECTED["costs"], rel=1e-6)
    trees = XGBoostEvaluator(load_weight=False).load(files / "trees.json.gz")
    assert trees.evaluate(cells, ["avm"]).means["avm"] == pytest.approx(EXPECTED["trees"])
