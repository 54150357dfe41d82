"""An evaluator that other processes can import: slow, and deadly for some architectures.

Run as a script it searches with a pool, to be killed from outside: ``fragile.py FOLDER SECONDS``.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from analognas.evaluators import Evaluation, Evaluator
from analognas.optimizers import RegularizedEvolution
from analognas.search import Worker
from analognas.spaces import NASBench201Space


class Fragile(Evaluator):
    """Accuracy falls with the distance from one cell; ``seconds`` says what an evaluation takes.

    Architectures whose codes are ``raising`` raise, ``deadly`` ones kill their process, ``shaky`` ones raise the
    first time only, of which ``diary`` keeps account. ``bad`` ones have an ``infinite`` accuracy of that sign, or a
    ``wrong_sem``; ``interrupting`` ones raise what Ctrl-C does.
    """

    metrics, metrics_with_sem = ["analog_accuracy", "params", "train_seconds"], ["analog_accuracy"]

    def __init__(
        self,
        seconds=0.0,
        *,
        raising=(),
        deadly=(),
        shaky=(),
        diary=None,
        bad=(),
        infinite=0,
        wrong_sem=0.5,
        interrupting=(),
    ):
        self.space = NASBench201Space()
        self.seconds, self.diary = seconds, None if diary is None else Path(diary)
        self.raising, self.deadly, self.shaky = set(raising), set(deadly), set(shaky)
        self.bad, self.infinite, self.wrong_sem = list(bad), infinite, wrong_sem
        self.interrupting = set(interrupting)

    def evaluate(self, population, metrics):
        for code in self.space.codes(population).tolist():
            self._suffer(code)
        time.sleep(self.seconds * len(population))
        distance = np.abs(population - 2).sum(axis=1)
        values = {
            "analog_accuracy": 90.0 - distance - self.space.codes(population) / 1e6,
            "params": self.space.params(population).astype(float),
            "train_seconds": 1.0 + distance,
        }
        bad = np.isin(self.space.codes(population), self.bad)
        if self.infinite:
            values["analog_accuracy"][bad] = self.infinite * np.inf
        sem = np.where(bad, self.wrong_sem, 0.5)
        sems = {name: sem for name in metrics if name in self.metrics_with_sem}
        return Evaluation({name: values[name] for name in metrics}, sems)

    def _suffer(self, code):
        first = self.diary is None or not (self.diary / str(code)).exists()
        if self.diary is not None:
            with (self.diary / str(code)).open("a") as file:
                file.write(f"{os.getpid()}\n")
        if code in self.raising or (code in self.shaky and first):
            raise ValueError(f"code {code}\nis too wide")
        if code in self.interrupting:
            raise KeyboardInterrupt
        if code in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def identity(self):
        return {"fragile": True}

    def report(self, row):
        return {"metrics": {"params": float(self.space.params(row[None])[0])}}


def every_16th(*remainders):
    """Codes that leave one of ``remainders`` when divided by 16."""
    return {code for code in range(15_625) if code % 16 in remainders}


def worker(out=None, seconds=0.0, *, evaluator=None, **options):
    """The search that tests of back ends run: 2 runs of 36 evaluations, batches of 6."""
    evaluator = Fragile(seconds) if evaluator is None else evaluator
    optimizer = RegularizedEvolution(batch_size=6)
    settings = {"objectives": "analog_accuracy", "runs": 2, "budget": 36, **options}
    return Worker(evaluator=evaluator, optimizer=optimizer, out=out, **settings)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = (folder / "trials.sqlite").exists()
    worker(folder, float(sys.argv[2]), backend="pool", n_workers=2, resume=found).search()
