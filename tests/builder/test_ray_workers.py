"""Builds on Ray: the table is that of one worker, also where an actor is killed."""

import os
import sys

import pyarrow.parquet as pq
import pytest

from analognas.builder import Build, merge_build
from analognas.builder.ray_workers import RayWorkers
from analognas.core import InvalidArgumentError


def test_shares_that_ray_cannot_give_are_named():
    with pytest.raises(InvalidArgumentError, match="gpus_per_worker"):
        RayWorkers(2, gpus_per_worker=1.5)
    with pytest.raises(InvalidArgumentError, match="workers"):
        RayWorkers(0)


def test_ray_that_is_not_installed_is_named(fake, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    build = Build.start(fake.settings(), tmp_path / "b", measurement=fake.FakeMeasurement())
    with pytest.raises(InvalidArgumentError, match="not installed"):
        build.run(RayWorkers(1), measurement=fake.FakeMeasurement())


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_actors_of_which_one_is_killed(fake, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    folder = os.path.dirname(fake.__file__)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, *sys.path]))
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    codes = whole.space.codes(whole.population())
    diary = tmp_path / "diary"
    diary.mkdir()
    measurement = fake.FakeMeasurement(0.05, deadly=codes[1:2].tolist(), diary=str(diary))
    build = Build.start(fake.settings(), tmp_path / "b", measurement=measurement)
    build.run(RayWorkers(2, cpus_per_worker=0.5), measurement=measurement)
    assert any(diary.iterdir())  # the unit that killed its process with SIGKILL
    tables = [pq.read_table(merge_build(one).path) for one in (whole, build)]
    assert tables[0].equals(tables[1])
