"""Builds with a fake measurement: whatever dies on the way, the table is the undisturbed one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import pytest

from analognas.builder import (
    Build,
    PoolWorkers,
    SerialWorkers,
    make_workers,
    merge_build,
    resume_build,
    run_build,
    status_of,
)
from analognas.builder.work_queue import WorkQueue
from analognas.core import (
    DivergedError,
    EvaluationError,
    InvalidArgumentError,
    OutputFolderError,
    ResumeError,
)
from analognas.spaces import NASBench201Space
from analognas.tables import MeasuredTable


def columns(build):
    return pq.read_table(merge_build(build).path).to_pydict()


def script(fake, folder, n_workers, seconds):
    return subprocess.Popen(
        [sys.executable, fake.__file__, str(folder), str(n_workers), str(seconds)],
        stderr=subprocess.DEVNULL,
    )


def wait_until(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def n_done(folder):
    try:
        return Build(folder).counts().total("done")
    except ResumeError:
        return 0


def test_a_build_measures_every_unit_once_and_leaves_one_table(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    counts = build.counts()
    assert counts.total("done") == counts.total() == (6 + 2) * 2
    assert counts.mean_seconds == {"digital": 2.0, "hwa": 3.0}
    report = merge_build(build)
    assert (report.n_rows, report.n_failed, report.n_open) == (8, 0, 0)
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == [
        "queue.sqlite",
        "spec.yaml",
        "table.parquet",
    ]
    table = MeasuredTable(report.path)
    assert len(table) == 6
    assert table.complete
    space = NASBench201Space()
    codes = space.codes(table.population)
    repeated = [len(table.seeds(row)) for row in table.population]
    assert sorted(repeated) == [1, 1, 1, 1, 2, 2]
    values = table.query(table.population, "baseline_accuracy")["baseline_accuracy"]
    assert values == pytest.approx(50.0 + codes % 7 + (np.array(repeated) - 1) / 2)
    assert table.metadata["provenance"]["dataset"] == "fake"
    assert table.metadata["fidelity"] == {"epochs": 2, "chips": 3}
    assert "seconds" not in " ".join(table.metadata)
    written = columns(build)
    assert {*written["analog_accuracy_std"]} == {0.5}
    assert {*written["analog_accuracy_sem"]} == {0.25}


def test_a_pool_gives_the_table_of_one_worker(fake, tmp_path):
    serial = fake.build(tmp_path / "serial", fake.FakeMeasurement())
    pool = fake.build(tmp_path / "pool", fake.FakeMeasurement(), n_workers=2)
    assert columns(serial) == columns(pool)
    assert merge_build(serial).checksum == merge_build(pool).checksum


def test_a_killed_coordinator_costs_nothing_that_was_done(fake, tmp_path):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement(), n=12)
    process = script(fake, tmp_path / "killed", 2, 0.1)
    wait_until(lambda: n_done(tmp_path / "killed") >= 5)
    process.kill()
    process.wait()
    killed = Build(tmp_path / "killed")
    done = killed.counts().total("done")
    assert 5 <= done < killed.counts().total()
    killed.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    assert columns(killed) == columns(whole)


def test_ctrl_c_returns_what_was_at_work(fake, tmp_path):
    process = script(fake, tmp_path / "b", 2, 0.3)
    wait_until(lambda: n_done(tmp_path / "b") >= 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    with WorkQueue(tmp_path / "b" / "queue.sqlite") as queue:
        assert queue.counts().total("running") == 0
        assert queue.release_dead() == 0


def test_two_coordinators_share_one_queue(fake, tmp_path):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement(), n=12)
    processes = [script(fake, tmp_path / "both", 1, 0.05) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert columns(Build(tmp_path / "both")) == columns(whole)
    with WorkQueue(tmp_path / "both" / "queue.sqlite") as queue:
        assert all(unit["attempts"] == 0 for unit in queue.units())


def test_a_dead_worker_is_replaced_and_its_unit_done_by_another(fake, tmp_path):
    codes = NASBench201Space().codes(
        fake.build(tmp_path / "a", fake.FakeMeasurement()).population()
    )
    diary = tmp_path / "diary"
    diary.mkdir()
    measurement = fake.FakeMeasurement(
        deadly=codes[:1].tolist(), shaky=codes[1:2].tolist(), diary=str(diary)
    )
    disturbed = fake.build(tmp_path / "b", measurement, n_workers=2)
    assert any(diary.iterdir())
    assert columns(disturbed) == columns(Build(tmp_path / "a"))


def test_killing_workers_from_outside_changes_nothing(fake, tmp_path):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    build = Build.start(fake.settings(), tmp_path / "b", measurement=fake.FakeMeasurement())
    workers, killed = PoolWorkers(2), []

    def kill(progress):
        if progress.counts.total("done") >= 3 and len(killed) < 2:
            killed.append(workers.process_ids[len(killed)])
            os.kill(killed[-1], signal.SIGKILL)

    build.run(workers, measurement=fake.FakeMeasurement(0.05), listen=kill)
    assert len(killed) == 2
    assert columns(build) == columns(whole)


def test_what_always_fails_is_recorded_with_its_error(fake, tmp_path):
    codes = NASBench201Space().codes(
        fake.build(tmp_path / "a", fake.FakeMeasurement()).population()
    )
    build = fake.build(tmp_path / "b", fake.FakeMeasurement(raising=codes[1:2].tolist()))
    report = merge_build(build)
    assert report.n_failed == 1
    table = MeasuredTable(report.path)
    row = NASBench201Space().from_codes(codes[1:2])[0]
    assert np.isnan(table.query_metric(row, "analog_accuracy"))
    assert table.query_metric(row, "baseline_accuracy") == 50.0 + codes[1] % 7
    assert f"cannot train {codes[1]}" in "".join(table.rows.errors)
    (error,) = status_of(build)["errors"]
    assert error["attempts"] == 3
    build.retry_failed()
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    assert columns(build) == columns(Build(tmp_path / "a"))


def test_a_build_in_which_everything_fails_stops_at_once(fake, tmp_path):
    with pytest.raises(EvaluationError, match="first 5 attempts at .hwa."):
        fake.build(tmp_path / "b", fake.FakeMeasurement(raising=range(15625)), n=1)


def test_a_full_disk_stops_the_build_with_one_error_and_it_goes_on_later(fake, tmp_path):
    with pytest.raises(OutputFolderError, match="No space left"):
        fake.build(tmp_path / "b", fake.FakeMeasurement(full=True))
    build = Build(tmp_path / "b")
    assert build.counts().total("waiting") == build.counts().total()
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    assert columns(build) == columns(fake.build(tmp_path / "a", fake.FakeMeasurement()))


def test_a_queue_on_a_full_disk_stops_the_build_and_it_goes_on_later(fake, tmp_path, monkeypatch):
    real, calls = WorkQueue.finish, []

    def full(self, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise OutputFolderError("Cannot write the work queue: database or disk is full.")
        return real(self, *arguments)

    monkeypatch.setattr(WorkQueue, "finish", full)
    with pytest.raises(OutputFolderError, match="full"):
        fake.build(tmp_path / "b", fake.FakeMeasurement())
    build = Build(tmp_path / "b")
    assert build.counts().total("done") == 3
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    assert columns(build) == columns(fake.build(tmp_path / "a", fake.FakeMeasurement()))


def test_a_part_of_a_build_merges_to_the_rows_that_have_ended(fake, tmp_path, monkeypatch):
    monkeypatch.setattr("analognas.builder.coordinator._TELL_SECONDS", 0.0)  # after every unit
    whole = columns(fake.build(tmp_path / "whole", fake.FakeMeasurement()))
    build = Build.start(fake.settings(), tmp_path / "b", measurement=fake.FakeMeasurement())
    with pytest.raises(InvalidArgumentError, match="None of the 8 rows"):
        merge_build(build)

    class EnoughError(Exception):
        pass

    def stop(progress):
        if progress.counts.total("done") >= 7:
            raise EnoughError

    with pytest.raises(EnoughError):
        build.run(SerialWorkers(), measurement=fake.FakeMeasurement(), listen=stop)
    report = merge_build(build)
    assert (report.n_rows, report.n_open) == (3, 5)
    assert not MeasuredTable(report.path).complete
    part = pq.read_table(report.path).to_pydict()
    assert part == {name: values[:3] for name, values in whole.items()}


def test_two_specifications_started_at_once_in_one_folder(fake, tmp_path, monkeypatch):
    """The folder had the specification of one and the queue of the other."""
    real, other = WorkQueue.create, []

    def start_other():
        Build.start(fake.settings(7), tmp_path / "b", measurement=fake.FakeMeasurement())

    with ThreadPoolExecutor(1) as threads:

        def create(*arguments):
            monkeypatch.setattr(WorkQueue, "create", real)
            other.append(threads.submit(start_other))
            time.sleep(0.2)
            return real(*arguments)

        monkeypatch.setattr(WorkQueue, "create", create)
        build = Build.start(fake.settings(), tmp_path / "b", measurement=fake.FakeMeasurement())
        assert isinstance(other[0].exception(), ResumeError)
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    assert columns(build) == columns(fake.build(tmp_path / "a", fake.FakeMeasurement()))


def test_a_start_that_was_killed_before_its_specification_was_written(fake, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(type(fake.settings()), "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Build.start(fake.settings(7), tmp_path / "b", measurement=fake.FakeMeasurement())
    assert (tmp_path / "b" / "queue.sqlite").exists()
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    assert columns(build) == columns(fake.build(tmp_path / "a", fake.FakeMeasurement()))


def test_a_folder_belongs_to_one_specification(fake, tmp_path):
    fake.build(tmp_path / "b", fake.FakeMeasurement())
    with pytest.raises(ResumeError, match="sample differ"):
        Build.start(fake.settings(7), tmp_path / "b", measurement=fake.FakeMeasurement())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(OutputFolderError, match="thesis"):
        Build.start(fake.settings(), tmp_path / "other", measurement=fake.FakeMeasurement())
    with pytest.raises(ResumeError, match="no build"):
        Build(tmp_path / "absent")


def test_other_data_under_the_same_name_are_noticed(fake, tmp_path):
    build = Build.start(fake.settings(), tmp_path / "b", measurement=fake.FakeMeasurement())
    other = fake.FakeMeasurement()
    other.data_facts = lambda: {"name": "fake", "note": "", "sha256": "1" * 64}
    with pytest.raises(ResumeError, match="other examples"):
        build.run(SerialWorkers(), measurement=other)


def test_status_counts_rows_and_the_time_left(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    shutil.rmtree(tmp_path / "b" / "work", ignore_errors=True)
    facts = status_of(build)
    assert (facts["rows"], facts["rows_done"], facts["architectures"]) == (8, 8, 6)
    assert facts["seconds_spent"] == 8 * 5.0
    assert facts["worker_seconds_left"] == 0


def test_a_build_is_its_settings(tmp_path, fake):
    """Settings in, a folder with a table out; the folder is all that resuming needs."""
    measurement = fake.FakeMeasurement()
    whole = fake.build(tmp_path / "whole", measurement)
    given = whole.settings.to_dict()
    made = run_build(given, tmp_path / "b", SerialWorkers(), measurement=measurement)
    assert columns(made.build) == columns(whole)
    assert made.table.path == tmp_path / "b" / "table.parquet"
    assert made.table.path.is_file()
    again = resume_build(tmp_path / "b", measurement=measurement, retry_failed=True)
    assert again.counts.total("done") == made.counts.total() > 0
    assert again.table.checksum == made.table.checksum
    with pytest.raises(ResumeError, match="no build"):
        resume_build(tmp_path / "absent", measurement=measurement)
    known = run_build(given, tmp_path / "c", known=[made.table.path], measurement=measurement)
    assert columns(known.build) == columns(whole)


def test_a_build_in_which_everything_fails_has_no_table(tmp_path, fake):
    class Failing(fake.FakeMeasurement):
        def run(self, *arguments, **options):
            raise DivergedError("no number")

    settings = fake.settings(sample={"method": "random", "n": 1})
    result = run_build(settings, tmp_path / "b", SerialWorkers(), measurement=Failing())
    assert result.table is None
    assert result.counts.total("failed") == result.counts.total()


def test_workers_by_name():
    assert isinstance(make_workers(1), SerialWorkers)
    assert isinstance(make_workers(2), PoolWorkers)
    assert isinstance(make_workers(backend="serial"), SerialWorkers)
    assert make_workers(backend="pool", n=1).n == 1
    with pytest.raises(InvalidArgumentError, match="`gpus_per_worker` is an option of Ray"):
        make_workers(2, gpus_per_worker=1.0)


def test_a_worker_loads_torch_only_where_the_measurement_does(fake):
    code = "import sys, fake, analognas.builder.workers; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
