import pytest

from analognas.core.text_tables import ShownTable, TableView, html_table, terminal_width, text_table

HEADS = ["architecture", "accuracy (%)", "energy (mJ)", "parameters"]
ROWS = [["(0, 2, 0, 3, 2, 2)", "89.53", "0.38", "830,426"], ["short", "9.1", "-", "1"]]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_tables_fit_and_say_what_they_omit(width):
    lines = text_table(HEADS, ROWS, width=width).splitlines()
    assert max(map(len, lines)) <= width
    omitted = " ".join(lines[3:])
    assert all((head in lines[0]) != (head in omitted) for head in HEADS[1:])
    assert (width >= 60) == (not omitted)


def test_numbers_are_aligned_to_the_right_and_words_to_the_left():
    first, one, other = text_table(HEADS, ROWS, width=80).splitlines()
    assert one.index("89.53") + 5 == other.index("9.1") + 3 == first.index("(%)") + 3
    assert other.startswith("short ")


def test_a_long_first_column_is_continued_and_never_cut():
    one, other = "depth=2, width=16, kernel=3, rate=0.5", "depth=2, width=16, kernel=3, rate=0.7"
    table = text_table(["network", "loss (pp)"], [[one, "1.00"], [other, "x" * 9]], width=30)
    _, *lines = table.splitlines()
    assert max(map(len, lines)) <= 30
    assert lines[0].endswith("1.00")
    shown = " ".join(line.removesuffix("1.00").replace("x" * 9, "").strip() for line in lines)
    assert shown == f"{one} {other}"


def test_a_word_that_is_too_long_is_broken():
    lines = text_table(["network", "loss (pp)"], [["x" * 100, "1.00"]], width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert sum(line.count("x") for line in lines) == 100


def test_an_empty_table_has_its_heads():
    assert text_table(HEADS, [], width=80).split() == " ".join(HEADS).split()


def test_width_of_pipes_and_of_the_user(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal_width() == 200
    monkeypatch.setenv("COLUMNS", "60")
    assert terminal_width() == 60


def test_views_print_a_table_and_have_a_short_repr():
    class Result(TableView):
        def shown_table(self):
            return ShownTable("two <networks>", ("name", "loss (pp)"), (("a", "1"),), ("a note",))

    assert str(Result()).splitlines()[0] == "two <networks>"
    assert str(Result()).endswith("a note")
    assert repr(Result()) == "<Result: two <networks>>"
    assert "two &lt;networks&gt;" in Result()._repr_html_()
    assert html_table("t", ["<x>"], [["&"]]).count("&lt;x&gt;") == 1
