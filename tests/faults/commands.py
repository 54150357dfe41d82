"""Commands that are disturbed, and a process that runs them under the failing file layer of ``faulty_files.c``.

The process imports everything once. It forks for each run, so that a run costs no start of Python, and all runs begin in
the same state. It reads one request a line, as JSON, and answers with one line.
"""

import ctypes
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ACTIONS = {"count": 0, "fail": 1, "short": 2, "kill": 3, "stop": 4}
TRAINING = {
    "model": "cnn-4",
    "data": "digits",
    "subset": {"train": 64, "validation": 32, "test": 32},
    "recipe": {
        "kind": "digital",
        "epochs": 2,
        "batch_size": 32,
        "saving": {"every_steps": 1, "every_seconds": 0.0},
    },
}


def run_main(*words):
    from analognas.cli.main import main

    return main([str(word) for word in words])


class Search:
    """A search of a table, which commits every batch."""

    results = ("best.json",)

    def prepare(self, home):
        pass

    def start(self, home, out):
        return run_main(
            "search", "--optimizer", "random_search", "--budget", 6, "--runs", 1, "--out", out
        )

    def resume(self, home, out):
        return run_main("search", "--resume", out)


class Train:
    """A training of five steps, with a checkpoint after each."""

    results = ("config.yaml", "epochs.jsonl", "model.safetensors", "report.html", "result.json")

    def prepare(self, home):
        (home / "training.json").write_text(json.dumps(TRAINING))

    def start(self, home, out):
        return run_main("train", "--config", home / "training.json", "--out", out)

    def resume(self, home, out):
        return run_main("train", "--resume", out)


class Drift:
    """A drift evaluation of a trained network, with a journal of every chip."""

    results = ("drift.csv", "drift.png", "report.html", "result.json", "study.json")

    def prepare(self, home):
        Train().prepare(home)
        if not (home / "trained").exists():
            assert Train().start(home, home / "trained") == 0

    def start(self, home, out):
        return run_main("drift", home / "trained", "--chips", 3, "--examples", 16, "--out", out)

    def resume(self, home, out):
        return run_main("drift", "--resume", out)


class Build:
    """A build of three rows with a measurement that takes no time."""

    results = ("spec.yaml", "table.parquet")

    def prepare(self, home):
        pass

    def _finish(self, made):
        import fake

        from analognas.builder import SerialWorkers, merge_build

        made.run(SerialWorkers(), measurement=fake.FakeMeasurement())
        merge_build(made)
        return 0

    def start(self, home, out):
        return _shown(self._start, out)

    def resume(self, home, out):
        return _shown(self._resume, out)

    def _start(self, out):
        import fake

        from analognas.builder import Build as TableBuild

        settings = fake.settings(2, repeats={"n": 1, "seeds": 1})
        return self._finish(TableBuild.start(settings, out, measurement=fake.FakeMeasurement()))

    def _resume(self, out):
        from analognas.builder import Build as TableBuild

        return self._finish(TableBuild(out))


class Report:
    """The page of a search; a report has no state, so to resume is to repeat."""

    results = ("best.json", "report.html")

    def prepare(self, home):
        if not (home / "found").exists():
            assert Search().start(home, home / "found") == 0

    def start(self, home, out):
        if not out.exists():
            shutil.copytree(home / "found", out)
        return run_main("report", out)

    resume = start


COMMANDS = {
    "search": Search(),
    "train": Train(),
    "drift": Drift(),
    "build": Build(),
    "report": Report(),
}


def _shown(action, *arguments):
    """Run a function as the command line runs its own: an error is one line and the exit code 2."""
    from analognas.core import AnalogNASError

    try:
        return action(*arguments)
    except AnalogNASError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _import_all():
    import fake  # noqa: F401

    import analognas.cli.main  # noqa: F401
    import analognas.search.log.trial_log as trial_log

    trial_log._COMMIT_SECONDS = 0.0


def _prepare(name, home):
    """Make what a command needs, and run it once, such that all runs begin with everything imported and compiled."""
    COMMANDS[name].prepare(home)
    with tempfile.TemporaryDirectory() as folder:
        assert COMMANDS[name].start(home, Path(folder) / name) == 0


class CallCounter:
    """Counts calls of functions, of Python and of C; ends the process at one of them."""

    def __init__(self, last=None):
        self.count, self.last = 0, last

    def __call__(self, frame, event, argument):
        if event in ("call", "c_call"):
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), 9)


def _run_in_child(request, layer):
    command = COMMANDS[request["command"]]
    home, out = Path(request["home"]), Path(request["out"])
    if "clock" in request:
        layer.faults_clock(request["clock"][0], ctypes.c_double(request["clock"][1]))
    root = str(out).encode() if request["action"] else b""
    layer.faults_set(
        root,
        ACTIONS[request["action"] or "count"],
        request.get("error", 0),
        ctypes.c_long(request.get("at", -1)),
        int(request.get("always", False)),
        int(request.get("writes_only", False)),
    )
    counter = CallCounter(request.get("at_call"))
    if "at_call" in request:
        sys.setprofile(counter)
    code = getattr(command, request["step"])(home, out)
    sys.setprofile(None)
    sys.stdout.flush()
    report = {
        "code": code,
        "n_changes": layer.faults_count(),
        "changes": layer.faults_log().decode(),
        "n_calls": counter.count,
    }
    layer.faults_set(b"", 0, 0, ctypes.c_long(-1), 0, 0)
    Path(request["answer"]).write_text(json.dumps(report))


def _child(request, layer):
    for stream, name in ((1, "out"), (2, "err")):
        handle = os.open(f"{request['answer']}.{name}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(handle, stream)
        os.close(handle)
    try:
        _run_in_child(request, layer)
    except BaseException:
        import traceback

        layer.faults_set(b"", 0, 0, ctypes.c_long(-1), 0, 0)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def serve():
    """Answer requests: ``run`` starts a run and waits until it ends or stops, ``continue`` lets a stopped one go on."""
    layer = ctypes.CDLL(None)
    layer.faults_log.restype = ctypes.c_char_p
    layer.faults_count.restype = ctypes.c_long
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _import_all()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "prepare" in request:
            _prepare(request["prepare"], Path(request["home"]))
            print("{}", file=answers, flush=True)
            continue
        if "continue" in request:
            process = request["continue"]
            os.kill(process, 18)
        else:
            process = os.fork()
            if process == 0:
                _child(request, layer)
        _, status = os.waitpid(process, os.WUNTRACED)
        state = (
            "stopped" if os.WIFSTOPPED(status) else "killed" if os.WIFSIGNALED(status) else "ended"
        )
        print(json.dumps({"process": process, "state": state}), file=answers, flush=True)


if __name__ == "__main__":
    serve()
