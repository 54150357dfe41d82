"""A measurement that other processes can import: quick, and deadly for some units.

Run as a script it builds ``FOLDER`` with some workers, to be killed from outside:
``fake.py FOLDER WORKERS SECONDS``.
"""

import os
import signal
import sys
import time
from pathlib import Path

from analognas import builder  # its names load on first use: workers need no torch
from analognas.spaces import NASBench201Space


class FakeResult:
    def __init__(self, values, seconds):
        self.values = values
        self.stds = {"analog_accuracy": 0.5}
        self.sems = {"analog_accuracy": 0.25}
        self.seconds = self.cpu_seconds = seconds


class FakeMeasurement:
    """Accuracies follow from architecture and seed; ``hwa`` needs the file that ``digital`` leaves.

    Architectures at the codes ``raising`` always fail in ``hwa``, ``shaky`` ones once in each folder, ``deadly`` ones
    kill their process once. ``full`` raises the error of a full disk instead.
    """

    units = ("digital", "hwa")

    def __init__(self, seconds=0.0, *, raising=(), shaky=(), deadly=(), diary=None, full=False):
        self.seconds = seconds
        self.raising, self.shaky, self.deadly = raising, shaky, deadly
        self.diary, self.full = diary, full

    def requires(self, unit):
        return () if unit == "digital" else ("digital",)

    def fidelity(self):
        return {"epochs": 2, "chips": 3}

    def data_facts(self):
        return {"name": "fake", "note": "not real", "sha256": "0" * 64}

    def run(self, architecture, unit, *, seed, folder=None):
        time.sleep(self.seconds)
        code = int(NASBench201Space().codes(architecture[None])[0])
        if self.full:
            raise OSError(28, "No space left on device")
        if unit == "digital":
            (folder / "weights").write_text(str(code))
            return FakeResult({"baseline_accuracy": 50.0 + code % 7 + seed}, 2.0)
        if code in self.raising:
            raise RuntimeError(f"cannot train {code}")
        if code in self.shaky and self._first_time(f"shaky-{code}-{seed}"):
            raise RuntimeError("bad luck")
        if code in self.deadly and self._first_time(f"deadly-{code}-{seed}"):
            os.kill(os.getpid(), signal.SIGKILL)
        assert (folder / "weights").read_text() == str(code)
        return FakeResult({"analog_accuracy": 40.0 + code % 11 + 0.1 * seed, "avm": 1.0}, 3.0)

    def _first_time(self, name):
        try:
            (Path(self.diary) / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def settings(n=6, **changes):
    payload = {
        "name": "fake",
        "space": "nasbench201",
        "sample": {"method": "random", "n": n},
        "repeats": {"n": 2, "seeds": 1},
        "measurement": {"data": "digits", "conditions": ["digital", "hwa"]},
        **changes,
    }
    return builder.BuildSettings.from_dict(payload)


def build(folder, measurement, n_workers=1, n=6):
    made = builder.Build.start(settings(n), folder, measurement=measurement)
    workers = builder.make_workers(n_workers)
    made.run(workers, measurement=measurement)
    return made


if __name__ == "__main__":
    build(Path(sys.argv[1]), FakeMeasurement(float(sys.argv[3])), int(sys.argv[2]), n=12)
