import csv

import pytest

from analognas.core import TableIntegrityError
from analognas.core.csv_rows import data_lines, rows_of, separator_of, stated_separator
from analognas.core.decimal_marks import decimal_mark, with_point
from analognas.core.text_files import decoded


def test_rows_keep_their_lines():
    lines = data_lines('sep=;\r\n\r\n# who\r\na;b\r\n1;"2\r\n3"\r\n4;5')
    assert list(rows_of(lines, ";")) == [(4, ["a", "b"]), (6, ["1", "2\n3"]), (7, ["4", "5"])]
    assert next(rows_of(lines, ";", 4)) == (6, ["1", "2\n3"])


def test_separators():
    assert separator_of("a\tb\tc, d") == "\t"
    assert stated_separator('\n"sep=|"\na|b') == "|"
    assert stated_separator("a;b\nsep=;") is None
    assert list(rows_of(["a   b", " 1 2 "], " ")) == [(1, ["a", "b"]), (2, ["1", "2"])]


def test_open_quotes_are_an_error():
    with pytest.raises(csv.Error):
        list(rows_of(['a,"b'], ","))


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1", "2.5"], "."),
        (["2,5"], ","),
        (["3,600", "0.5"], "."),
        (["3,600", "1200"], ","),
        (["1.250,5"], ","),
        (["1,250.5"], "."),
        (["0,250"], ","),
        (["1,5e-3"], ","),
        (["text", "1"], "."),
    ],
)
def test_decimal_marks(cells, mark):
    assert decimal_mark(cells, where="it") == mark


def test_doubtful_and_mixed_marks_are_errors():
    with pytest.raises(TableIntegrityError, match="decimals or thousands"):
        decimal_mark(["3,600"], where="it")
    with pytest.raises(TableIntegrityError, match="such as '2,5' and '2.5'"):
        decimal_mark(["2,5", "2.5"], where="it")


@pytest.mark.parametrize(
    ("cell", "mark", "text"),
    [
        ("1.250", ",", "1250"),
        ("-,5", ",", "-.5"),
        ("1,250,000", ".", "1250000"),
        ("1,25", ".", "1,25"),
    ],
)
def test_numbers_get_a_decimal_point(cell, mark, text):
    assert with_point(cell, mark) == text


def test_a_text_is_decoded_without_its_mark():
    assert decoded("a µ".encode("utf-8-sig")) == ("a µ", "UTF-8")
    assert decoded("a µ".encode("utf-16-be")) == ("a µ", "UTF-16")
    with pytest.raises(ValueError, match="save it as UTF-8"):
        decoded(b"\x00\x81\xff\x00\x00")
