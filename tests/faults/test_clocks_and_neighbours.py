"""Clocks that jump, and two processes on one folder in forced orders of their steps."""

import pytest

COMMANDS = ("search", "train", "drift", "build", "report")
YEAR = 365 * 86400.0


def jump(disturber, command, seconds, after, tmp_path):
    _, files, _ = disturber.whole(command)
    out = tmp_path / "out"
    done = disturber.run(command, "start", out, clock=(after, seconds))
    assert done["code"] == 0, done["err"]
    assert disturber.files(command, out) == files


@pytest.mark.parametrize(("command", "seconds"), [("build", -YEAR), ("build", YEAR)])
def test_a_clock_that_jumps(disturber, command, seconds, tmp_path):
    jump(disturber, command, seconds, 3, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 4, 10])
@pytest.mark.parametrize("seconds", [-YEAR, -3600.0, 3600.0, YEAR])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_with_a_clock_that_jumps(disturber, command, seconds, after, tmp_path):
    jump(disturber, command, seconds, after, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_clock_that_jumps_between_a_kill_and_the_resumption(disturber, command, tmp_path):
    counted, files, _ = disturber.whole(command)
    for seconds in (-YEAR, YEAR):
        out = tmp_path / f"out{seconds:+.0f}"
        number = counted["n_changes"] // 2
        disturber.run(command, "start", out, action="kill", at=number)
        done = disturber.run(command, "resume", out, clock=(0, seconds))
        assert done["code"] == 0, done["err"]
        assert disturber.files(command, out) == files


def meet(disturber, command, number, step, tmp_path):
    """Stop a process at a change of a file, run another one on its folder, and let the first one go on."""
    _, files, _ = disturber.whole(command)
    out = tmp_path / f"out-{number}-{step}"
    first = disturber.run(command, "start", out, action="stop", at=number)
    if first["state"] != "stopped":
        return
    second = disturber.run(command, step, out)
    assert second["code"] == 0 or disturber.is_one_error(second), second
    first = disturber.go_on(first)
    # One of the two has done the work, and the other one has done nothing or the same.
    assert first["code"] == 0 or disturber.is_one_error(first), first
    assert 0 in (first["code"], second["code"]), (first, second)
    assert disturber.files(command, out) == files


@pytest.mark.parametrize(
    ("command", "number", "step"), [("search", 3, "start"), ("build", 9, "resume")]
)
def test_two_processes(disturber, command, number, step, tmp_path):
    meet(disturber, command, number, step, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["start", "resume"])
@pytest.mark.parametrize("command", COMMANDS)
def test_two_processes_in_every_tenth_order(disturber, command, step, tmp_path):
    counted, *_ = disturber.whole(command)
    for number in range(0, counted["n_changes"], max(1, counted["n_changes"] // 10)):
        meet(disturber, command, number, step, tmp_path)
