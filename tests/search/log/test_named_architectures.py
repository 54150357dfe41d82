"""Logs hold architectures by name, so that they can be read without the program that made the space."""

import json
import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.core import InvalidArgumentError
from analognas.evaluators import Evaluation, Evaluator
from analognas.optimizers import RegularizedEvolution
from analognas.search import Worker, read_trials
from analognas.spaces import ConfigSpace, Space

DATA = Path(__file__).parent / "data"


def own_space():
    space = ConfigSpace(name="mine")
    space.add_hyperparameter("depth", "discrete", 1, 3)
    for block in (1, 2, 3):
        when = ("depth", ">=", block) if block > 1 else None
        space.add_hyperparameter_range(f"width{block}", "discrete", [16, 32, 64], when=when)
    space.add_hyperparameter_range("act", "categorical", ["relu", "gelu"])
    space.add_hyperparameter("rate", "continuous", 1e-4, 1e-1, log=True)
    return space


class Sums(Evaluator):
    metrics = ("analog_accuracy",)
    metrics_with_sem = ()

    def __init__(self, space):
        self.space = space

    def evaluate(self, population, metrics):
        return Evaluation({"analog_accuracy": 50.0 + population[:, :5].sum(axis=1)})

    def identity(self):
        return {"name": "sums"}

    def report(self, row):
        return {"metrics": {"analog_accuracy": float(50 + row[:5].sum())}}


def search(space, out, **settings):
    return Worker(
        space,
        evaluator=Sums(space),
        optimizer="random_search",
        objectives="analog_accuracy",
        runs=1,
        out=out,
        **{"budget": 12, **settings},
    )


def test_own_spaces_have_names_and_values(tmp_path):
    space = own_space()
    search(space, tmp_path / "a").search()
    trials = read_trials(tmp_path / "a")
    assert trials.space.fingerprint() == space.fingerprint()
    for row, genotype in enumerate(trials.genotypes):
        assert trials.architecture(row) == dict(space.decode(genotype.astype(space.dtype)))
    with sqlite3.connect(tmp_path / "a" / "trials.sqlite") as log:
        texts = [text for (text,) in log.execute("SELECT architecture FROM trials")]
    assert all(set(json.loads(text)) >= {"depth", "width1", "act", "rate"} for text in texts)


class Letters(Space):
    """A space that is no ConfigSpace: three letters."""

    def __init__(self):
        super().__init__("letters", [26, 26, 26])

    def encode(self, arch):
        return np.array([ord(letter) - 97 for letter in arch], dtype=self.dtype)

    def decode(self, row):
        return "".join(chr(97 + gene) for gene in row.tolist())

    def describe(self, row):
        return {"architecture": self.decode(row)}

    def build(self, arch, input_shape=(3, 32, 32), n_classes=10):
        raise NotImplementedError


def test_any_space_is_logged_by_name(tmp_path):
    search(Letters(), tmp_path / "a").search()
    trials = read_trials(tmp_path / "a")
    assert trials.space is None
    assert [trials.architecture(row) for row in range(12)] == [
        Letters().decode(genotype) for genotype in trials.genotypes
    ]
    assert "architecture" in trials.to_pandas()


def test_trials_as_a_table_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    search(own_space(), tmp_path / "a").search()
    trials = read_trials(tmp_path / "a")
    frame = trials.to_pandas()
    assert len(frame) == 12
    assert frame["analog_accuracy"].tolist() == trials.values["analog_accuracy"].tolist()
    assert frame["time"].dt.tz is not None
    assert (frame["time"].dt.year > 2000).all()
    assert frame["feasible"].all()
    # Inactive hyperparameters are missing.
    assert (frame["arch_width3"].isna() == (frame["arch_depth"] < 3)).all()
    assert set(frame["arch_act"]) <= {"relu", "gelu"}
    best = frame.groupby("arch_depth")["analog_accuracy"].max()
    assert isinstance(best, pandas.Series)
    assert len(trials.take(np.zeros(12, dtype=bool)).to_pandas()) == 0


def test_without_pandas(tmp_path, monkeypatch):
    search(own_space(), tmp_path / "a").search()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InvalidArgumentError, match="pip install pandas"):
        read_trials(tmp_path / "a").to_pandas()


@pytest.fixture
def of_version_2(tmp_path):
    """Logs that the code wrote before architectures had names in them."""
    for name in ("nasbench201", "own_space"):
        (tmp_path / name).mkdir()
        shutil.copy(DATA / f"version_2_{name}.sqlite", tmp_path / name / "trials.sqlite")
    return tmp_path


def test_a_log_of_version_2_is_continued(of_version_2):
    folder = of_version_2 / "nasbench201"
    before = read_trials(folder)
    assert len(before) == 40
    assert len(before.architecture(0)) == 6
    Worker(
        optimizer=RegularizedEvolution(batch_size=5),
        objectives="analog_drift_86400",
        constraints=["params<=5e5"],
        runs=2,
        budget=30,
        seed=3,
        out=folder,
        resume=True,
    ).search()
    after = read_trials(folder)
    grown = json.loads((DATA / "version_2_nasbench201_grown.json").read_text())
    found = zip(
        after.run.tolist(),
        after.number.tolist(),
        after.genotypes.tolist(),
        after.values["analog_drift_86400"].tolist(),
        strict=True,
    )
    assert [list(trial) for trial in found] == grown
    assert [after.architecture(row) for row in range(60)] == after.genotypes.tolist()
    assert (after.violation == 0).any()


def test_names_come_to_an_old_log_when_it_is_continued(of_version_2):
    folder = of_version_2 / "own_space"
    assert read_trials(folder).architecture(0) == read_trials(folder).genotypes[0].tolist()
    space = own_space()
    space.remove_hyperparameter("rate")
    search(space, folder, budget=15, resume=True).search()
    trials = read_trials(folder)
    assert len(trials) >= 15
    for row in range(len(trials)):
        assert "depth" in trials.architecture(row)


def test_the_command_shows_names(tmp_path, capsys):
    search(own_space(), tmp_path / "a").search()
    assert main(["trials", "show", str(tmp_path / "a"), "--top", "1"]) in (0, None)
    assert "depth=3, width1=16, width2=64" in capsys.readouterr().out
