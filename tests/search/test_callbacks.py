from itertools import pairwise

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.search import StopSearch


def test_what_a_callback_sees(fragile):
    views = []
    worker = fragile.worker(callbacks=[views.append])
    result = worker.search()
    assert {view.run for view in views} == {0, 1}
    for number, run in enumerate(result.runs):
        of_run = [view for view in views if view.run == number]
        ends = [view.n_trials for view in of_run]
        assert ends == sorted(set(ends))
        assert ends[-1] == of_run[-1].n_distinct == 36
        assert [view.fraction for view in of_run] == [end / 36 for end in ends]
        assert all(a.seconds <= b.seconds for a, b in pairwise(of_run))
        assert not any(view.replaying for view in of_run)
        np.testing.assert_array_equal(of_run[-1].result.population, run.population)
        assert of_run[-1].best_architecture == tuple(result.architectures[number])
    finals = [run.best_value(result.problem) for run in result.runs]
    assert views[-1].best == max(finals)


def test_the_best_is_that_of_all_runs_so_far(fragile):
    seen = []
    fragile.worker(runs=3, callbacks=[lambda view: seen.append(view.best)]).search()
    assert seen == np.maximum.accumulate(seen).tolist()


def test_nothing_in_a_view_can_be_changed(fragile):
    def meddle(view):
        with pytest.raises(AttributeError):
            view.n_trials = 0
        for array in (
            view.result.population,
            view.result.score,
            view.result.evaluation.means["params"],
        ):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0

    options = {"constraints": "params<=1e6"}
    assert (
        fragile.worker(callbacks=[meddle], **options).search().to_json()
        == fragile.worker(**options).search().to_json()
    )


def raise_stop(view):
    if view.n_trials >= 12:
        raise StopSearch


def say_true(view):
    return np.bool_(view.n_trials >= 12)


@pytest.mark.parametrize("callback", [raise_stop, say_true])
def test_a_callback_ends_the_search_and_resume_goes_on(fragile, tmp_path, callback):
    others = []
    # Those after it are called all the same.
    worker = fragile.worker(tmp_path / "out", callbacks=[callback, others.append])
    result = worker.search()
    assert [run.stopped_by for run in result.runs] == ["callback"]
    assert 12 <= result.runs[0].n_distinct == others[-1].n_trials < 20
    assert (tmp_path / "out" / "best.json").exists()
    replayed = []
    again = fragile.worker(tmp_path / "out", callbacks=[replayed.append], resume=True).search()
    assert again.to_json() == fragile.worker().search().to_json()
    n = result.runs[0].n_distinct
    assert [view.replaying for view in replayed] == [
        view.run == 0 and view.n_trials <= n for view in replayed
    ]


def test_what_a_callback_returns_besides_true_does_not_end_the_search(fragile):
    answers = iter([None, "stop", 1, 0.5, [1], False] * 10)
    result = fragile.worker(callbacks=[lambda view: next(answers)]).search()
    assert [run.stopped_by for run in result.runs] == ["budget"] * 2


@pytest.mark.parametrize("callbacks", [print, [print, 5], ["print"]])
def test_bad_callbacks(fragile, callbacks):
    with pytest.raises(InvalidArgumentError, match="`callbacks` must be a list of functions"):
        fragile.worker(callbacks=callbacks)


def test_progress_tells_the_share_of_the_budget_and_failures(fragile):
    seen = []
    evaluator = fragile.Fragile(raising=fragile.every_16th(1, 2, 3))
    result = fragile.worker(evaluator=evaluator, on_progress=seen.append).search()
    last = [[progress for progress in seen if progress.run == run][-1] for run in range(2)]
    assert [progress.fraction for progress in last] == [1.0, 1.0]
    assert [progress.n_failed for progress in last] == [len(run.errors) for run in result.runs]
