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


HEADS = [
    "g_target (uS),device_id,t (s),g (uS)",
    "Target G (uS),Device #,Time (s),Conductance (µS)",
    "G_target_uS,dev,time_sec,G_uS",
    "target[uS],device,time[s],conductance[uS]",
    "target in uS,device,time in s,conductance in uS",
    "target/uS,device,time/s,conductance/uS",
    "TARGET_US,DEVICE,TIME_S,CONDUCTANCE_US",
    "target_microsiemens,device,time_seconds,measured_conductance_uS",
    "# target_uS,device,time_s,conductance_uS",
    "operator: X\ndate;place\n\n# lot 3\ntarget_uS,device,time_s,conductance_uS",
    "target,device,time,conductance\nµS,,s,(uS)",
]


@pytest.mark.parametrize("heads", HEADS)
def test_names_of_columns_are_recognised(tmp_path, heads):
    text = GOOD.replace(GOOD.splitlines()[0], heads)
    data = read_measurements(written(tmp_path, text))
    np.testing.assert_allclose(data.conductance, [[5.1, 4.9], [5.2, 5.0]])
    np.testing.assert_allclose(data.time, [[1.0, 60.0]] * 2)


def test_hours_are_hours(tmp_path):
    data = read_measurements(written(tmp_path, GOOD.replace("time_s", "Time_Hours")))
    np.testing.assert_allclose(data.time, [[3600.0, 216000.0]] * 2)


def test_columns_may_be_named(tmp_path):
    text = GOOD.replace("target_uS", "G set uS").replace("time_s", "when")
    path = written(tmp_path, text)
    data = read_measurements(path, columns={"target": "G set uS", "time": "when"}, time_unit="min")
    np.testing.assert_allclose(data.time, [[60.0, 3600.0]] * 2)
    with pytest.raises(
        AnalogNASError, match="Unknown column of .* 'G_set'. Did you mean 'G set uS'"
    ):
        read_measurements(path, columns={"target": "G_set"})
    with pytest.raises(AnalogNASError, match="Unknown column 'goal'"):
        read_measurements(path, columns={"goal": "G set uS"})


FORMS = {
    "tabs": GOOD.replace(",", "\t"),
    "blanks": GOOD.replace(",", "   "),
    "stated separator": "sep=;\n" + GOOD.replace(",", ";"),
    "comments": "\n# measured by X\n" + GOOD.replace("5,b,1", "% touched again,,,\n5,b,1"),
    "decimal commas": GOOD.replace(",", ";").replace(".", ","),
    "empty last column": GOOD.replace("\n", ",\n"),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_forms_of_files(tmp_path, text):
    data = read_measurements(written(tmp_path, text))
    np.testing.assert_allclose(data.conductance, [[5.1, 4.9], [5.2, 5.0]])
    np.testing.assert_allclose(data.time, [[1.0, 60.0]] * 2)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16", "utf-16-le"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "m.csv"
    path.write_bytes(GOOD.replace("target_uS", "target (µS)").encode(encoding))
    data = read_measurements(path)
    assert data.target.tolist() == [5.0, 5.0]
    assert ("Windows-1252" in "".join(data.notes)) == (encoding == "latin-1")


@pytest.mark.parametrize(
    "mark", ["", "NaN", "-", "#N/A", "overflow", "OVLD", "inf", "-inf", "9.9E37", "#DIV/0!"]
)
def test_marks_of_missing_readings(tmp_path, mark):
    data = read_measurements(written(tmp_path, GOOD + f"5,c,1,{mark}\n"))
    assert data.n_missing == 1
    assert np.isnan(data.conductance[2]).all()
    assert any(f"{mark!r} (1)" in note for note in data.notes) == (mark not in ("", "NaN"))


def test_repeated_readings_are_used(tmp_path):
    data = read_measurements(written(tmp_path, GOOD + "5,a,60,4.5\n"))
    assert "1 reading(s) repeat others at the same time" in data.notes[0]
    np.testing.assert_allclose(sorted(data.conductance[0]), [4.5, 4.9, 5.1])
    means = data.averaged()
    np.testing.assert_allclose(means.conductance, [[5.1, 4.7], [5.2, 5.0]])
    np.testing.assert_allclose(means.n_reads, [[1, 2], [1, 1]])
    np.testing.assert_allclose(means.time, [[1.0, 60.0]] * 2)


def test_copied_rows_are_used_once(tmp_path):
    data = read_measurements(written(tmp_path, GOOD + "5,a,60,4.9\n"))
    assert data.conductance.shape == (2, 2)
    assert "1 row(s) repeat others with the same reading" in data.notes[0]


def test_devices_at_0_are_read(tmp_path):
    data = read_measurements(written(tmp_path, GOOD + "0,c,1,0.02\n0,c,60,0.01\n"))
    assert data.targets.tolist() == [0.0, 5.0]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("time_s", "tme_s", "no column for the time. It has: .*tme_s.* --column time=NAME"),
        ("device", "sample", "no column for the device. It has: target_uS, sample"),
        (
            "target_uS",
            "target",
            "The unit of column 'target' .*target_uS, or give --conductance-unit",
        ),
        (
            "target_uS,device,time_s",
            "g_target,device,t",
            "unit of column 'g_target' and 't' .* g_target_uS, or give --conductance-unit uS --time-unit s",
        ),
        ("time_s", "time_fortnights", "Unknown unit 'fortnights' of time .*Units: s, ms"),
        ("target_uS", "target_ohm", "Unknown unit 'ohm' .*Write conductances"),
        (
            "device,time_s",
            "device,time_s,time_h",
            "several columns that may be the time: 'time_s', 'time_h'",
        ),
        ("5,b,1,", "5,b,-1,", "Line 4 of .*time of at least 0 .*but got -1"),
        ("5,b,1,", "-5,b,1,", "Line 4 of .*a target of at least 0 .*but got -5"),
        ("5,b,1,", "nan,b,1,", "Line 4 of .* has no target"),
        ("5,b,1,", "5,b,,", "Line 4 of .* has no time"),
        ("5.2", "high", "Line 4 of .* must have a finite number as conductance, but got 'high'"),
        ("5,b,60,5.0", "5,b", "Line 5 of .* must have 4 cells, but got 2"),
        (
            "5,b,60,5.0",
            "5,b,60,5,0",
            "Line 5 of .* must have 4 cells, but got 5. If it has decimal commas",
        ),
        ("60", "1e999", "Line 3 of .* must have a finite number as time"),
        (
            "time_s,conductance_uS",
            "1 s,60 s,3600 s",
            "a wide table, in which '1 s' to '3600 s' look like times",
        ),
        ("target_uS,device,time_s,conductance_uS\n", "", "no line of column names"),
        ("5.1", '"4,100"', "'4,100', where the comma may separate decimals or thousands"),
        ("5.1", '"5,1"', "decimal comma and with a decimal point, such as '5,1' and '4.9'"),
    ],
)
def test_a_wrong_file_gets_one_line(tmp_path, old, new, text):
    assert old in GOOD
    content = GOOD.replace(old, new)
    if "4,100" in new:
        content = content.replace(".", "")
    with pytest.raises(AnalogNASError, match=text) as caught:
        read_measurements(written(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "is empty"),
        ("target_uS,device,time_s,conductance_uS\n", "has no rows below its line of column names"),
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
    with pytest.raises(AnalogNASError, match="Cannot read .*No such file"):
        read_measurements(tmp_path / "no.csv")
