"""What was exported is what was logged, in CSV, Parquet and a study of Optuna."""

import json
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from pyarrow import csv, parquet

from analognas.core import InvalidArgumentError, OutputFolderError, UnknownNameError
from analognas.evaluators import CountEvaluator, Evaluation
from analognas.search import TrialLog, Worker, export_trials, read_trials
from analognas.spaces import ConfigSpace, ResNetSpace

SPACE = ResNetSpace()
OBJECTIVES = ["analog_accuracy", "params"]
ACCURACY = [90.0, np.nan, 80.0]


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    identity = {
        "space": "resnet",
        "space_fingerprint": SPACE.fingerprint(),
        "optimizer": {"name": "random_search"},
        "objectives": OBJECTIVES,
        "constraints": ["params<=150"],
    }
    rows = SPACE.sample(3, generator=np.random.default_rng(0))
    means = {"analog_accuracy": np.array(ACCURACY), "params": np.array([100.0, 50.0, 300.0])}
    with TrialLog.create(folder / "trials.sqlite", identity, OBJECTIVES) as log:
        log.append(0, 0, 0, rows, [True] * 3, Evaluation(means))
    return read_trials(folder)


@pytest.mark.parametrize(
    ("ending", "read"), [("csv", csv.read_csv), ("parquet", parquet.read_table)]
)
def test_tables(trials, tmp_path, ending, read):
    path = export_trials(trials, tmp_path / f"trials.{ending}")
    table = read(path).to_pydict()
    assert table["run"] == [0, 0, 0]
    assert table["number"] == [0, 1, 2]
    assert table["analog_accuracy"] == [90.0, None, 80.0]
    assert table["params"] == [100.0, 50.0, 300.0]
    assert table["feasible"] == [True, False, False]
    assert [json.loads(text) for text in table["genotype"]] == trials.genotypes.tolist()
    for row, text in enumerate(table["architecture"]):
        np.testing.assert_array_equal(SPACE.encode(json.loads(text)), trials.genotypes[row])


@pytest.mark.parametrize("known", [True, False])
def test_study(trials, tmp_path, known, monkeypatch):
    optuna = pytest.importorskip("optuna")
    if not known:
        monkeypatch.setitem(trials.__dict__, "space", None)
    else:
        assert trials.space is not None
    path = export_trials(trials, tmp_path / "study.db")
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.load_study(study_name=None, storage=storage)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == OBJECTIVES
    assert study.user_attrs["space"] == "resnet"
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [trial.values for trial in study.trials] == [[90.0, 100.0], None, [80.0, 300.0]]
    assert study.trials[2].constraints == {"params<=150": 1.0}
    assert study.trials[2].user_attrs["constraints"] == {"params<=150": 1.0}
    assert study.trials[0].user_attrs["feasible"] is True
    row = trials.genotypes[0]
    if known:
        expected = dict(SPACE.decode(row.astype(SPACE.dtype)))
        names = list(SPACE.get_hyperparameters())
        active = SPACE.active(row[None].astype(SPACE.dtype))[0]
        expected = {name: expected[name] for name, on in zip(names, active, strict=True) if on}
    else:
        expected = {f"gene{gene}": index for gene, index in enumerate(row)}
    assert study.trials[0].params == expected
    storage.remove_session()
    storage.engine.dispose()


def test_files_are_never_overwritten_nor_left_in_part(trials, tmp_path, monkeypatch):
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    with pytest.raises(OutputFolderError, match="exists already"):
        export_trials(trials, taken)
    assert taken.read_text() == "mine"
    with pytest.raises(InvalidArgumentError, match=r"must end in \.csv, \.parquet"):
        export_trials(trials, tmp_path / "trials.txt")
    with pytest.raises(UnknownNameError, match="format"):
        export_trials(trials, tmp_path / "trials.txt", format="excel")
    for name in ("trials.csv", "study.db"):
        with pytest.raises(OutputFolderError):
            export_trials(trials, tmp_path / "nowhere" / name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'analognas\[optuna\]'"):
        export_trials(trials, tmp_path / "study.db")
    assert [file.name for file in tmp_path.iterdir()] == ["taken.csv"]


@pytest.mark.parametrize("logged", [True, False])
def test_a_hundred_thousand_rows(tmp_path, logged):
    """Took 38 s: architectures were described one by one."""
    space = ConfigSpace("CIFAR-10")
    options = {"optimizer": "random_search", "runs": 1, "budget": 500, "objectives": "params"}
    Worker(space, evaluator=CountEvaluator(space), out=tmp_path / "a", **options).search()
    trials = read_trials(tmp_path / "a").take(np.tile(np.arange(500), 200))
    if not logged:  # as in logs of version 2
        trials = replace(trials, architectures=np.full(len(trials), None))
    start = time.process_time()
    file = export_trials(trials, tmp_path / "x.csv")
    assert time.process_time() - start < 5
    table = csv.read_csv(file)
    assert len(table) == 100_000
    texts = table["architecture"].slice(0, 500).to_pylist()
    assert [json.loads(text) for text in texts] == [trials.architecture(n) for n in range(500)]
