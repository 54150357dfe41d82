import pytest

from analognas.core import InvalidArgumentError
from analognas.core.times import parse_time, time_name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1.0),
        ("-5", -5.0),  # whether it is in range is for those who use it
        (2.5, 2.5),
        ("1e3", 1000.0),
        ("0.5 h", 1800.0),
        ("1s", 1.0),
        ("2 min", 120.0),
        ("1 Month", 2592000.0),
        ("1_week", 604800.0),
        ("365 days", 31536000.0),
        ("1y", 31536000.0),
    ],
)
def test_times_in_words(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "day", "1 parsec", "1m", "1 h 5 min", None, True, []])
def test_no_times(text):
    with pytest.raises(InvalidArgumentError, match="A time must be a number of seconds, or one"):
        parse_time(text)


@pytest.mark.parametrize("t", [1.0, 60.0, 7200.0, 86400.0, 604800.0, 2592000.0, 31536000.0, 1e7])
def test_names_are_read_back(t):
    assert parse_time(time_name(t).replace(",", "")) == t
