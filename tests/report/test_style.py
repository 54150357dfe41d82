import io

import pytest
from matplotlib.figure import Figure

from analognas.report import new_figure, save_figure


def drawn():
    figure, (left, right) = new_figure(panels=(1, 2))
    left.plot([1, 2, 3], [1, 4, 900])
    left.set_ylabel("a label that takes room")
    right.set_title("two\nlines")
    figure.suptitle("both")
    return figure


def test_a_figure_is_drawn_once_and_looks_as_matplotlib_lays_it_out(tmp_path, monkeypatch):
    expected = io.BytesIO()
    drawn().savefig(expected, format="png", metadata={"Software": "analognas"})
    calls = []
    draw = Figure.draw
    monkeypatch.setattr(
        Figure, "draw", lambda self, renderer: calls.append(1) or draw(self, renderer)
    )
    figure = drawn()
    save_figure(figure, tmp_path / "a.png")
    assert len(calls) == 1
    assert (tmp_path / "a.png").read_bytes() == expected.getvalue()
    # It can be changed and saved again.
    figure.suptitle("another heading\nof two lines")
    save_figure(figure, tmp_path / "b.png")
    assert figure.get_layout_engine() is not None
    assert (tmp_path / "b.png").read_bytes() != expected.getvalue()


def test_a_figure_without_a_layout_is_saved_as_it_is(tmp_path):
    figure = Figure()
    figure.add_subplot()
    save_figure(figure, tmp_path / "a.png")
    assert figure.get_layout_engine() is None


def test_the_layout_stays_where_saving_fails(tmp_path):
    figure = drawn()
    with pytest.raises(OSError, match="nowhere"):
        save_figure(figure, tmp_path / "nowhere" / "a.png")
    assert figure.get_layout_engine() is not None
