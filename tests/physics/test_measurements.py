import numpy as np
import pytest

from analognas.core import AnalogNASError
from analognas.physics.fitting import read_measurements

GOOD = "target_uS,device,time_s,conductance_uS\n5,a,1,5.1\n5,a,60,4.9\n5,b,1,5.2\n5,b,60,5.0\n"


def written(tmp_path, text):
    path = tmp_path / "m.csv"
    path.write_text(text)
    return path


def test_units_of_the_columns_are_converted(tmp_path):
    text = "Conductance (nS);device;time_min;target_mS;operator\n5100;a;1;0.005;x\n4900;a;2;0.005;x\n5000;b;1;0.005;x\n5000;b;2;0.005;\n"
    data = read_measurements(written(tmp_path, text))
    np.testing.assert_allclose(data.target, [5.0, 5.0])
    np.testing.assert_allclose(data.time, [[60.0, 120.0]] * 2)
    np.testing.assert_allclose(data.conductance, [[5.1, 4.9], [5.0, 5.0]])
    assert data.device == ("a", "b")


def test_units_may_be_given_as_options(tmp_path):
    text = GOOD.replace("_uS", "").replace("_s", "")
    data = read_measurements(written(tmp_path, text), conductance_unit="nS", time_unit="h")
    np.testing.assert_allclose(data.target, 0.005)
    np.testing.assert_allclose(data.common_times, [3600.0, 216000.0])


def test_missing_readings(tmp_path):
    data = read_measurements(written(tmp_path, GOOD + "5,c,1,\n5,c,60,NaN\n"))
    assert data.n_missing == 2
    assert np.isnan(data.conductance[2]).all()


def test_one_name_at_two_targets_is_two_devices(tmp_path):
    data = read_measurements(written(tmp_path, GOOD + "9,a,1,9\n9,a,60,8.8\n"))
    assert data.target.tolist() == [5.0, 5.0, 9.0]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("time_s", "tme_s", "has no column 'time'. Did you mean 'tme_s'?"),
        ("device", "cell", "has no column 'device'. .*It has: target_uS, cell"),
        (
            "target_uS",
            "target",
            "The unit of column 'target' .*target_uS, or give --conductance-unit",
        ),
        ("time_s", "time_fortnights", "Unknown unit of 'time' 'fortnights'.*Choices: s, ms"),
        ("5,b,1,", "5,b,-1,", "Line 4 of .*time of at least 0 .*but got -1"),
        ("5,b,1,", "0,b,1,", "Line 4 of .*a positive target .*but got 0"),
        ("5,b,1,", "-5,b,1,", "Line 4 of .*a positive target .*but got -5"),
        ("5,b,1,", "nan,b,1,", "Line 4 of .* has no target"),
        ("5,b,1,", "5,b,,", "Line 4 of .* has no time"),
        ("5.2", "high", "Line 4 of .* must have a finite number as conductance, but got 'high'"),
        ("5.2", "inf", "Line 4 of .* must have a finite number as conductance"),
        ("5,b,60,5.0", "5,b,1,5.0", "Line 5 of .* repeats device 'b' at target 5 µS and time 1 s"),
        ("5,b,60,5.0", "5,b", "Line 5 of .* must have 4 cells, but got 2"),
        ("60", "1e999", "Line 3 of .* must have a finite number as time"),
    ],
)
def test_a_wrong_file_gets_one_line(tmp_path, old, new, text):
    assert old in GOOD
    with pytest.raises(AnalogNASError, match=text) as caught:
        read_measurements(written(tmp_path, GOOD.replace(old, new)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "has no column 'target'. It has: none"),
        ("target_uS,device,time_s,conductance_uS\n", "at least one row"),
        (
            "\n".join(GOOD.splitlines()[i] for i in (0, 1, 3)),
            r"two times or more, but got 1 time\(s\)",
        ),
    ],
)
def test_files_with_nothing_to_fit(tmp_path, content, text):
    with pytest.raises(AnalogNASError, match=text):
        read_measurements(written(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AnalogNASError, match="Cannot read measurements from .*No such file"):
        read_measurements(tmp_path / "no.csv")
