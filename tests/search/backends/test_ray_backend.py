import os
import signal
import sys
import threading
import time
import warnings

import pytest

from analognas.core import InvalidArgumentError
from analognas.search import RayBackend


def test_ray_that_is_not_installed(fragile, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    message = r"not installed: pip install 'analognas\[ray\]', or take backend='pool'"
    with pytest.raises(InvalidArgumentError, match=message):
        fragile.worker(backend="ray", n_workers=1).search()


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_cluster_that_is_not_there_is_told_at_once(fragile, tmp_path):
    pytest.importorskip("ray")
    backend = RayBackend(n_workers=1, address="127.0.0.1:1")
    start = time.monotonic()
    with pytest.raises(InvalidArgumentError, match="Cannot reach a Ray cluster at '127.0.0.1:1'"):
        fragile.worker(tmp_path / "out", backend=backend).search()
    assert time.monotonic() - start < 30
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize(
    ("share", "message"),
    [
        ({"gpus_per_worker": 1}, "room for 0 of 2 workers: each takes 1 CPU and 1 GPU, .* 0 GPU"),
        ({"cpus_per_worker": 1000}, "room for 0 of 2 workers: each takes 1000 CPU and 0 GPU"),
    ],
)
def test_workers_that_no_machine_holds_are_told_at_once(fragile, share, message):
    pytest.importorskip("ray")
    with pytest.raises(InvalidArgumentError, match=message):
        fragile.worker(backend=RayBackend(n_workers=2, **share)).search()


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_cluster_that_has_no_room_is_waited_for(fragile, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([os.path.dirname(fragile.__file__), *sys.path])
    )
    ray.init(num_cpus=1, log_to_driver=False, logging_level="ERROR")
    try:
        backend = RayBackend(n_workers=2, start_seconds=3)
        with pytest.raises(InvalidArgumentError, match="room for 1 of 2 workers"):
            fragile.worker(backend=backend).search()
        result = fragile.worker(backend=RayBackend(n_workers=1)).search()
        assert result.to_json() == fragile.worker().search().to_json()
    finally:
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
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
