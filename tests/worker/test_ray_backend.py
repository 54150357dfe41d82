import os
import signal
import sys
import threading
import warnings

import pytest

from analognas.core import InvalidArgumentError
from analognas.worker import RayBackend


def test_ray_that_is_not_installed(fragile, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    message = r"not installed: pip install 'analognas\[ray\]', or take backend='pool'"
    with pytest.raises(InvalidArgumentError, match=message):
        fragile.worker(backend="ray", n_workers=1).search()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_actors_of_which_one_is_killed(fragile, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([os.path.dirname(fragile.__file__), *sys.path])
    )
    expected = fragile.worker(evaluator=fragile.Fragile(raising=fragile.every_16th(3))).search()
    diary = tmp_path / "diary"
    diary.mkdir()
    evaluator = fragile.Fragile(0.05, raising=fragile.every_16th(3), diary=diary)
    killed = []

    def kill_one(view):
        if view.n_trials > 12 and not killed:
            newest = max(diary.iterdir(), key=lambda path: path.stat().st_mtime)
            killed.append(int(newest.read_text().splitlines()[-1]))
            threading.Timer(0.07, os.kill, [killed[0], signal.SIGKILL]).start()

    backend = RayBackend(n_workers=2, cpus_per_worker=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fragile.worker(
            tmp_path / "out", evaluator=evaluator, backend=backend, callbacks=[kill_one]
        ).search()
    assert killed
    assert killed[0] != os.getpid()
    assert result.to_json() == expected.to_json()
