"""Searches where a repeat is a new measurement."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from analognas.evaluators import NoisyTableEvaluator, reading_seeds
from analognas.optimizers import Optimizer, RandomSearch
from analognas.search import Worker

NAME = "analog_drift_2592000"


class Interrupt(NoisyTableEvaluator):
    """Is interrupted after some readings."""

    def __init__(self, table, after):
        super().__init__(table)
        self.left = after

    def measure(self, population, metrics, *, seeds):
        self.left -= len(population)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().measure(population, metrics, seeds=seeds)


class Repeating(Optimizer):
    """Proposes few architectures over and over."""

    name = "repeating"

    def __init__(self, distinct, batch_size=7):
        super().__init__(batch_size=batch_size)
        self.distinct = distinct

    def hyperparameters(self):
        return {"distinct": self.distinct, "batch_size": self.batch_size}

    def ask(self):
        return self.space.from_codes(self.generator.integers(self.distinct, size=self.batch_size))

    def tell(self, population, evaluation):
        self.told.append((population, evaluation.means[NAME], evaluation.sems[NAME]))

    def _start(self):
        self.told = []


def worker_of(evaluator, optimizer, **options):
    return Worker(
        evaluator=evaluator, optimizer=optimizer, **{"runs": 2, "budget": 60, "seed": 5, **options}
    )


def test_every_reading_is_new_and_counts(bench):
    optimizer = Repeating(20)
    result = worker_of(NoisyTableEvaluator(bench), optimizer).search()
    for number, run in enumerate(result.runs):
        assert len(run.population) == run.n_evaluations == 60
        assert run.n_distinct <= 20
        assert len(np.unique(run.evaluation.means[NAME])) == 60
        # The k-th reading of an architecture is what its seed says, whatever came between.
        codes = bench.space.codes(run.population)
        readings = [int((codes[:i] == code).sum()) for i, code in enumerate(codes)]
        np.testing.assert_array_equal(run.new, np.array(readings) == 0)
        seeds = reading_seeds(5, number, run.population, readings)
        expected = NoisyTableEvaluator(bench).measure(run.population, [NAME], seeds=seeds)
        np.testing.assert_array_equal(run.evaluation.means[NAME], expected.means[NAME])
        np.testing.assert_array_equal(run.evaluation.sems[NAME], expected.sems[NAME])
    told = np.concatenate([values for _, values, _ in optimizer.told])
    np.testing.assert_array_equal(told, result.runs[1].evaluation.means[NAME])
    assert [run["evaluations"] for run in result.to_json()["runs"]] == [60, 60]


def logged(folder):
    columns = f"run, number, batch, new, genotype, {NAME}, {NAME}_sem"
    with closing(sqlite3.connect(folder / "trials.sqlite")) as connection:
        return connection.execute(f"SELECT {columns} FROM trials ORDER BY run, number").fetchall()


@pytest.mark.parametrize("after", [0, 1, 30, 59, 60, 75, 119])
@pytest.mark.parametrize("optimizer", [Repeating(20), RandomSearch(batch_size=9)])
def test_interrupted_and_resumed_equals_uninterrupted(bench, tmp_path, after, optimizer):
    whole, part = tmp_path / "whole", tmp_path / "part"
    worker_of(NoisyTableEvaluator(bench), optimizer, out=whole).search()
    with pytest.raises(KeyboardInterrupt):
        worker_of(Interrupt(bench, after), optimizer, out=part).search()
    again = Interrupt(bench, 10**9)
    worker_of(again, optimizer, out=part, resume=True).search()
    assert (whole / "best.json").read_bytes() == (part / "best.json").read_bytes()
    assert logged(whole) == logged(part)
    # What the log held was not measured again.
    assert 10**9 - again.left <= 120 - after + 2 * optimizer.batch_size


def test_a_log_that_ends_within_a_batch_continues_with_the_next_reading(
    bench, tmp_path, rewrite_log
):
    out = tmp_path / "a"
    worker_of(NoisyTableEvaluator(bench), Repeating(20), out=out).search()
    expected, best = logged(out), (out / "best.json").read_bytes()
    rewrite_log(out, "DELETE FROM trials WHERE run = 1 AND number >= 38")
    worker_of(NoisyTableEvaluator(bench), Repeating(20), out=out, resume=True).search()
    assert logged(out) == expected
    assert (out / "best.json").read_bytes() == best


def test_a_larger_budget_goes_on_with_further_readings(bench, tmp_path):
    evaluator = NoisyTableEvaluator(bench)
    worker_of(evaluator, Repeating(20), budget=33, runs=1, out=tmp_path / "a").search()
    worker_of(evaluator, Repeating(20), out=tmp_path / "a", resume=True).search()
    worker_of(evaluator, Repeating(20), out=tmp_path / "b").search()
    # Batches end where a budget does, readings go on as if it had not.
    rows = [[row[:2] + row[3:] for row in logged(tmp_path / name)] for name in "ab"]
    assert rows[0] == rows[1]
