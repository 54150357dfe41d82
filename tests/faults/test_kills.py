"""Commands that are killed anywhere and continued give the result of an undisturbed run, byte for byte."""

import random

import pytest

COMMANDS = ("search", "train", "drift", "build", "report")


def kill(disturber, command, seed, tmp_path):
    """Kill a command twice: at a random call of a function, or, for even seeds, at a random change of a file."""
    generator = random.Random(seed)
    counted, *_ = disturber.whole(command)
    out = tmp_path / "out"
    at_change = seed % 2 == 0
    number = generator.randrange(1, counted["n_changes" if at_change else "n_calls"])
    print(f"{command}, seed {seed}: killed at {'change' if at_change else 'call'} {number}")
    if at_change:
        done = disturber.run(command, "start", out, action="kill", at=number)
    else:
        done = disturber.run(command, "start", out, at_call=number)
    assert done["state"] == "killed", done
    disturber.check_resumes(command, out)


@pytest.mark.parametrize(("command", "seed"), [("search", 0), ("train", 1), ("build", 2)])
def test_killed_and_continued(disturber, command, seed, tmp_path):
    kill(disturber, command, seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_a_random_moment(disturber, command, seed, tmp_path):
    kill(disturber, command, seed, tmp_path)
