"""What a person sees while a search runs, in a terminal, in a notebook, and elsewhere."""

import io
import itertools
import re
import sys
import time
from types import ModuleType

from rich.console import Console

from analognas.core.progress import ProgressLines
from analognas.search import Worker, live_progress

FAST = {"optimizer": "regularized_evolution", "budget": 50, "runs": 2}


def shown_by(monkeypatch, search, **kind):
    """What a search writes to a console of some kind, without the codes that move the cursor."""
    lines = io.StringIO()
    console = Console(file=lines, width=120, **kind)
    monkeypatch.setattr(live_progress, "Console", lambda **options: console)
    search()
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", lines.getvalue())


def test_in_a_terminal(monkeypatch):
    worker = Worker(**FAST)
    shown = shown_by(monkeypatch, lambda: worker.search(progress=True), force_terminal=True)
    assert "run 1" in shown
    assert "100% 50 evaluations" in shown
    best = max(worker.result.finals())
    assert f"best analog_drift_2592000 {best:.2f}" in shown
    assert "left 0:00:00" in shown


def test_where_nobody_looks(monkeypatch, capsys):
    worker = Worker(**FAST)
    assert shown_by(monkeypatch, lambda: worker.search(progress=True), force_terminal=False) == ""
    assert shown_by(monkeypatch, worker.search, force_terminal=True) == ""
    assert capsys.readouterr() == ("", "")


def test_progress_changes_nothing_and_is_told_as_well(monkeypatch):
    told = []
    worker = Worker(**FAST, on_progress=told.append)
    assert worker.search(progress=True).to_json() == Worker(**FAST).search().to_json()
    assert [(p.run, p.fraction) for p in told if p.fraction == 1] == [(0, 1), (1, 1)]


def test_runs_that_this_process_does_count_alone(monkeypatch, tmp_path):
    worker = Worker(**{**FAST, "runs": 4}, only_runs=[1, 3], out=tmp_path)
    shown = shown_by(monkeypatch, lambda: worker.search(progress=True), force_terminal=True)
    assert re.findall(r"run \d", shown)[0] == "run 1"
    last = [line for line in re.split(r"[\r\n]", shown) if line.strip()][-1]
    assert last.startswith("run 3")
    assert "100% 50 evaluations" in last


def test_in_a_notebook(monkeypatch):
    class Output:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def clear_output(self, wait):
            pass

        def close(self):
            pass

    displayed = []
    for name, members in {
        "IPython": {},
        "IPython.display": {"display": displayed.append},
        "ipywidgets": {"Output": Output},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    worker = Worker(**FAST)
    shown_by(monkeypatch, lambda: worker.search(progress=True), force_jupyter=True)
    texts = [getattr(part, "text", "") for part in displayed]
    assert any("evaluations, best analog_drift_2592000" in text for text in texts)


def test_the_first_result_of_the_default_search_is_told_within_two_seconds():
    told = []
    start = time.process_time()
    Worker(
        runs=1,
        on_progress=lambda progress: told.append(time.process_time() - start),
        callbacks=[lambda view: True],
    ).search()
    assert told[0] < 2.0


def test_a_search_that_is_piped_prints_lines(monkeypatch, capsys):
    """Also without batches; a slow search prints one every few seconds."""
    clock = itertools.count()
    monkeypatch.setattr(live_progress, "ProgressLines", lambda: ProgressLines(lambda: next(clock)))
    for pending in (None, 4):
        Worker(**FAST, pending=pending).search(progress=True)
        lines = capsys.readouterr().err.splitlines()
        assert lines
        assert all(line.startswith("search: ") and "best analog_drift" in line for line in lines)
