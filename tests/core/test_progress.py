import pytest

from analognas.core.interrupts import resumable
from analognas.core.progress import ProgressLines


def lines_of(capsys, times, work, **options):
    clock = iter(times)
    lines = ProgressLines(lambda: next(clock), **options)
    for done in work:
        lines.show("chips", done, 10)
    return capsys.readouterr().err.splitlines()


def test_a_line_after_two_seconds_then_every_five(capsys):
    found = lines_of(capsys, [0, 1, 2, 3, 7, 8], [1, 2, 3, 7, 8])
    # The label began after 1 s with 1 of 10 done: 1 in 1 s, then 6 in 6 s.
    assert found == ["chips: 2 of 10, about 8 s left", "chips: 7 of 10, about 3 s left"]


def test_short_work_prints_nothing(capsys):
    assert lines_of(capsys, [0, 0.5, 1, 1.9], [1, 5, 10]) == []


def test_new_labels_can_be_told_at_once(capsys):
    assert lines_of(capsys, [0, 0.1, 0.2], [0, 1], each_label=True) == ["chips: 0 of 10"]


def test_finished_work_has_no_time_left(capsys):
    assert lines_of(capsys, [0, 1, 9], [5, 10]) == ["chips: 10 of 10"]


def test_ctrl_c_names_the_call_that_continues():
    text = r"continue with: Search.resume\('x'\).run\(\)"
    with (
        pytest.raises(KeyboardInterrupt, match=text),
        resumable("Search.resume('x').run()"),
    ):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt) as nothing, resumable("anything", lambda: False):
        raise KeyboardInterrupt
    assert nothing.value.args == ()


def test_the_innermost_call_is_named():
    with pytest.raises(KeyboardInterrupt, match="inner"), resumable("outer"), resumable("inner"):
        raise KeyboardInterrupt
