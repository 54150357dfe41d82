import importlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Disturber:
    """Runs commands with faults, in the process of ``commands.py``."""

    def __init__(self, process, home):
        self.process, self.home = process, home
        self.numbers = itertools.count()
        self.wholes = {}
        sys.path.insert(0, str(HERE))
        self.commands = importlib.import_module("commands").COMMANDS

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, command, step, out, *, action=None, **more):
        """Run a step of a command; what it did and printed."""
        answer = self.home / f"answer-{next(self.numbers)}"
        found = self.ask(
            command=command, step=step, home=str(self.home), out=str(out), action=action,
            answer=str(answer), **more,
        )  # fmt: skip
        return self._complete(found, answer)

    def go_on(self, stopped):
        return self._complete(self.ask(**{"continue": stopped["process"]}), stopped["answer"])

    def _complete(self, found, answer):
        report = json.loads(answer.read_text()) if answer.exists() else {"code": None}
        texts = {name: Path(f"{answer}.{name}").read_text() for name in ("out", "err")}
        return {**found, **report, **texts, "answer": answer}

    def whole(self, command):
        """Files of an undisturbed run, and its numbers of changes and calls."""
        if command not in self.wholes:
            out = self.home / f"whole-{command}"
            self.ask(prepare=command, home=str(self.home))
            counted = self.run(command, "start", out, action="count")
            assert counted["code"] == 0, counted["err"]
            called = self.run(command, "start", self.home / f"called-{command}", at_call=-1)
            assert self.files(command, out) == self.files(command, self.home / f"called-{command}")
            counted["n_calls"] = called["n_calls"]
            self.wholes[command] = counted, self.files(command, out), sorted(os.listdir(out))
        return self.wholes[command]

    is_one_error = staticmethod(lambda done: is_one_error(done))

    def files(self, command, out):
        names = self.commands[command].results
        return {name: (out / name).read_bytes() for name in names if (out / name).exists()}

    def check_resumes(self, command, out):
        """What a disturbed run left continues to the result of an undisturbed one, byte for byte."""
        _, files, names = self.whole(command)
        resumed = self.run(command, "resume", out)
        if resumed["code"] != 0:
            # It ended before there was anything to continue, so it may start again in the same folder.
            assert is_one_error(resumed), resumed
            assert not set(self.files(command, out)), (resumed["err"], os.listdir(out))
            again = self.run(command, "start", out)
            assert again["code"] == 0, again["err"]
        assert self.files(command, out).keys() == files.keys()
        for name, content in self.files(command, out).items():
            assert content == files[name], f"{name} differs"
        assert sorted(os.listdir(out)) == names


def is_one_error(done):
    """Whether a run failed with one line, as the command line promises."""
    lines = [line for line in done["err"].splitlines() if not line.startswith("continue with")]
    return (
        done["code"] == 2
        and sum(line.startswith("error: ") for line in lines) == 1
        and "Traceback" not in done["err"]
    )


@pytest.fixture(scope="session")
def disturber(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("the failing file layer needs Linux and a C compiler")
    home = tmp_path_factory.mktemp("faults")
    layer = home / "faulty_files.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", layer, HERE / "faulty_files.c", "-ldl"],
        check=True,
    )
    environment = {
        **os.environ,
        "LD_PRELOAD": str(layer),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent / "builder"), *filter(None, sys.path)]),
    }
    with subprocess.Popen(
        [sys.executable, str(HERE / "commands.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment, cwd=home,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "ready\n"
        yield Disturber(process, home)
        process.stdin.close()
