"""The work queue: claims, needs, leases, failures, and what several owners do to one queue."""

import json
import multiprocessing
import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from analognas.builder import work_queue
from analognas.builder.lease_owners import Owner
from analognas.builder.units import Unit
from analognas.builder.work_queue import WorkQueue
from analognas.core import InvalidArgumentError, OutputFolderError, ResumeError

ROWS = [(0, 1), (1, 1), (2, 0)]
CONDITIONS = {"digital": (), "ptq": ("digital",), "hwa": ("digital",)}


def units(n=3, seeds=(0,)):
    return [
        Unit(position, seed, condition, needs)
        for position in range(n)
        for seed in seeds
        for condition, needs in CONDITIONS.items()
    ]


@pytest.fixture
def queue(tmp_path):
    with WorkQueue.create(tmp_path / "queue.sqlite", {"name": "test"}, ROWS, units()) as made:
        yield made


def result(value=1.0):
    return {"values": {"x": value}, "stds": {}, "sems": {}}


def work_off(queue, owner):
    done = []
    while claims := queue.claim(owner):
        for claim in claims:
            queue.finish(claim.unit_id, result(claim.position), 2.0, 1.0)
            done.append((claim.position, claim.condition))
    return done


def test_units_are_claimed_in_order_once_their_needs_are_done(queue):
    owner = Owner.here()
    first = queue.claim(owner, 9)
    assert [(c.position, c.condition, c.genotype) for c in first] == [
        (0, "digital", (0, 1)),
        (1, "digital", (1, 1)),
        (2, "digital", (2, 0)),
    ]
    assert queue.claim(owner) == []
    queue.finish(first[1].unit_id, result(), 1.0, 1.0)
    assert [(c.position, c.condition) for c in queue.claim(owner, 9)] == [(1, "ptq"), (1, "hwa")]


def test_every_unit_is_done_once(queue):
    done = work_off(queue, Owner.here())
    assert sorted(done) == sorted((u.position, u.condition) for u in units())
    counts = queue.counts()
    assert counts.total("done") == counts.total() == 9
    assert counts.mean_seconds == {"digital": 2.0, "ptq": 2.0, "hwa": 2.0}
    assert counts.mean_cpu_seconds == {"digital": 1.0, "ptq": 1.0, "hwa": 1.0}
    assert queue.is_finished(0, 0)


def test_the_time_left_counts_what_is_open_in_each_condition(queue):
    owner = Owner.here()
    assert queue.counts().seconds_left is None
    for seconds in (4.0, 6.0, 8.0):
        (claim,) = queue.claim(owner)
        queue.finish(claim.unit_id, result(), seconds, seconds)
    # One digital unit at 4, ptq at 6 and hwa at 8 are done; two of each are left.
    assert queue.counts().seconds_left == 2 * (4 + 6 + 8)


def test_a_lease_that_ran_out_is_claimed_by_another_and_the_first_result_counts(queue, monkeypatch):
    slow, quick = Owner.here(), Owner.here()
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", -1.0)
    (late,) = queue.claim(slow)
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", 60.0)
    (again,) = queue.claim(quick)
    assert again == late
    assert queue.finish(again.unit_id, result(1.0), 1.0, 1.0)
    assert not queue.finish(late.unit_id, result(2.0), 1.0, 1.0)
    (unit,) = [u for u in queue.units() if u["state"] == "done"]
    assert unit["result"] == result(1.0)
    # The needs were counted down once, so the dependants are claimed once.
    assert [c.condition for c in queue.claim(quick, 2)] == ["ptq", "hwa"]


def test_a_heartbeat_keeps_a_lease(queue, monkeypatch):
    slow, quick = Owner.here(), Owner.here()
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", -1.0)
    (held,) = queue.claim(slow)
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", 60.0)
    queue.renew(slow, [held.unit_id])
    assert queue.claim(quick)[0] != held


def test_failures_are_retried_up_to_the_cap_then_recorded_with_those_that_need_them(queue):
    owner = Owner.here()
    for attempt in range(3):
        (claim,) = queue.claim(owner)
        assert claim.condition == "digital"
        assert claim.position == 0
        assert queue.fail(owner, claim.unit_id, "no luck", retries=2) is (attempt == 2)
    failed = {u["condition"]: u["error"] for u in queue.units() if u["state"] == "failed"}
    assert failed["digital"] == "no luck"
    assert failed.keys() == {"digital", "ptq", "hwa"}
    assert "'digital'" in failed["hwa"]
    assert len(work_off(queue, owner)) == 6
    assert queue.retry_failed() == 3
    assert work_off(queue, owner) == [(0, "digital"), (0, "ptq"), (0, "hwa")]


def test_a_failure_reported_without_the_lease_changes_nothing(queue):
    owner, other = Owner.here(), Owner.here()
    (claim,) = queue.claim(owner)
    assert not queue.fail(other, claim.unit_id, "late", retries=0)
    assert next(u["state"] for u in queue.units()) == "running"


def test_units_of_a_dead_process_return_at_once(queue):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=os._exit, args=(0,))
    process.start()
    mine = Owner.here()
    theirs = Owner(mine.host, process.pid, mine.started + "0", "x")
    process.join()
    queue.claim(theirs, 2)
    (alive,) = queue.claim(mine)
    assert queue.release_dead() == 2
    assert alive.position == 2
    assert [c.position for c in queue.claim(mine, 2)] == [0, 1]


def test_an_owner_of_another_machine_is_not_taken_for_dead():
    mine = Owner.here()
    assert Owner.read(mine.text) == mine
    assert not mine.is_dead_here()
    assert not Owner("elsewhere", 2**22 + 1, "1", "x").is_dead_here()
    assert Owner(mine.host, mine.process, "1", "x").is_dead_here()


def test_a_unit_that_ends_every_owner_is_recorded(queue, monkeypatch):
    monkeypatch.setattr(work_queue, "LEASE_SECONDS", -1.0)
    owner = Owner.here()
    for _ in range(work_queue.MOST_LOSSES):
        assert queue.claim(owner)[0].position == 0
    assert queue.claim(owner)[0].position == 1
    assert "10 times" in next(u["error"] for u in queue.units() if u["state"] == "failed")


def test_release_returns_what_an_owner_holds(queue):
    owner, other = Owner.here(), Owner.here()
    queue.claim(owner, 2)
    (kept,) = queue.claim(other)
    queue.release(owner)
    assert [c.position for c in queue.claim(other, 9)] == [0, 1]
    assert kept.position == 2


def test_units_can_be_added_and_known_ones_stay(queue):
    owner = Owner.here()
    work_off(queue, owner)
    added = queue.add([*ROWS, (5, 5)], units(4, seeds=(0, 1)))
    assert added == 4 * 2 * 3 - 9
    assert len(work_off(queue, owner)) == added
    assert queue.genotypes() == [*ROWS, (5, 5)]


def test_two_processes_share_a_queue_without_doing_a_unit_twice(tmp_path):
    file = tmp_path / "queue.sqlite"
    rows = [(n, 0) for n in range(60)]
    WorkQueue.create(file, {}, rows, units(60)).close()
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        done = pool.map(_worker, [file, file])
    assert sorted(map(tuple, done[0] + done[1])) == sorted(
        (u.position, u.condition) for u in units(60)
    )


def _worker(file):
    with WorkQueue(file) as queue:
        owner, done, empty = Owner.here(), [], 0
        while empty < 50:
            found = work_off(queue, owner)
            done += found
            empty = 0 if found else empty + 1
        return done


def test_creating_a_queue_that_exists_opens_it(tmp_path):
    file = tmp_path / "queue.sqlite"
    with WorkQueue.create(file, {"name": "first"}, ROWS, units()) as first:
        work_off(first, Owner.here())
    with WorkQueue.create(file, {"name": "second"}, ROWS, units()) as second:
        assert second.facts == {"name": "first"}
        assert second.counts().total("done") == 9
    assert os.listdir(tmp_path) == ["queue.sqlite"]


def test_a_full_disk_is_named_where_a_queue_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "text.sqlite").write_text("not a database" * 100)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=4096))
    with pytest.raises(ResumeError, match="disk is full"):
        WorkQueue(tmp_path / "text.sqlite")


def test_files_that_are_no_queues_are_named(tmp_path):
    with pytest.raises(ResumeError, match="no work queue"):
        WorkQueue(tmp_path / "absent.sqlite")
    (tmp_path / "text.sqlite").write_text("not a database" * 100)
    with pytest.raises(ResumeError, match="cannot be read"):
        WorkQueue(tmp_path / "text.sqlite")
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE x (y)")
    with pytest.raises(ResumeError, match="not a work queue"):
        WorkQueue(tmp_path / "other.sqlite")


def test_a_queue_of_a_later_version_is_not_touched(tmp_path):
    file = tmp_path / "queue.sqlite"
    WorkQueue.create(file, {}, ROWS, units()).close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ResumeError, match="version 99"):
        WorkQueue(file)


def test_a_disk_that_is_full_is_one_clear_error(queue, tmp_path):
    connection = queue._connection
    connection.execute(
        f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}"
    )
    owner = Owner.here()
    (claim,) = queue.claim(owner)
    with pytest.raises(OutputFolderError, match="full"):
        queue.finish(claim.unit_id, {"values": {"x" * 200_000: 1.0}}, 1.0, 1.0)
    # Nothing half-written: the unit is still running, and its needs are still open.
    connection.execute("PRAGMA max_page_count = 100000")
    assert next(u["state"] for u in queue.units()) == "running"
    assert [c.condition for c in queue.claim(owner, 9)] == ["digital", "digital"]


def test_results_are_kept_exactly(queue):
    (claim,) = queue.claim(Owner.here())
    exact = {"values": {"x": 0.1 + 0.2, "y": float("nan")}, "stds": {}, "sems": {}}
    queue.finish(claim.unit_id, exact, 1.0, 1.0)
    found = next(u["result"] for u in queue.units() if u["state"] == "done")
    assert json.dumps(found) == json.dumps(exact)


def changed(queue, statement, *values):
    """Change a queue by hand, as another program or a flipped bit would."""
    queue.close()
    with closing(sqlite3.connect(queue.path)) as connection, connection:
        connection.execute(statement, values)


def test_a_result_that_was_changed_is_noticed(queue):
    work_off(queue, Owner.here())
    assert next(queue.units())["result"] == result(0)
    changed(queue, "UPDATE units SET result = replace(result, '0', '1') WHERE id = 1")
    with WorkQueue(queue.path, snapshot=True) as found:
        assert found.state() == "ok"
        with pytest.raises(
            ResumeError, match="'digital' of architecture 0, seed 0, does not match"
        ):
            list(found.units())


def test_a_result_belongs_to_its_architecture(queue):
    work_off(queue, Owner.here())
    changed(queue, "UPDATE architectures SET genotype = '[1, 2]' WHERE position = 0")
    with (
        WorkQueue(queue.path, snapshot=True) as found,
        pytest.raises(ResumeError, match="checksum"),
    ):
        list(found.units())


def test_results_of_earlier_versions_have_no_checksum(queue):
    work_off(queue, Owner.here())
    text = json.dumps(result(2))
    changed(queue, "UPDATE units SET result = ? WHERE id = 1", text)
    with WorkQueue(queue.path) as found:
        assert next(found.units())["result"] == result(2)
        unit = Unit(0, 0, "digital")
        found.add_done(ROWS, [(unit, result(2))], "another")
        with pytest.raises(InvalidArgumentError, match="contradicts"):
            found.add_done(ROWS, [(unit, result(3))], "another")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", 9),
        ("state", "x"),
        ("state", 0),
        ("seed", None),
        ("position", 1.5),
        ("condition", 7),
        ("owner", "nobody"),
        ("owner", "a|99999999999|b|c"),
        ("result", None),
        ("result", "[" * 100_000),
        ("result", "[]"),
        ("result", '{"values": {"x": "1"}, "stds": {}, "sems": {}}'),
        ("result", '{"values": {}, "stds": {}, "sems": {}, "sha25v": ""}'),
        ("seconds", "long"),
    ],
)
def test_fields_that_no_queue_has(queue, column, value):
    work_off(queue, Owner.here())
    changed(queue, f"UPDATE units SET {column} = ? WHERE id = 2", value)
    with (
        WorkQueue(queue.path, snapshot=True) as found,
        pytest.raises(ResumeError, match="cannot be read: .*Restore a copy") as error,
    ):
        list(found.units())
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("text", ["[0", '"ab"', "[0.5]", "{}"])
def test_genotypes_that_are_none(queue, text):
    changed(queue, "UPDATE architectures SET genotype = ? WHERE position = 0", text)
    with WorkQueue(queue.path) as found:
        with pytest.raises(ResumeError, match="cannot be read"):
            found.genotypes()
        with pytest.raises(ResumeError, match="cannot be read"):
            found.claim(Owner.here())


def test_reading_changes_nothing_and_needs_no_right_to_write(queue, monkeypatch):
    work_off(queue, Owner.here())
    queue.close()
    before = os.listdir(queue.path.parent)

    def refused(path):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(work_queue, "connect", refused)
    with WorkQueue(queue.path, snapshot=True) as found:
        assert found.counts().total("done") == len(list(found.units())) == 9
        assert os.listdir(queue.path.parent) == before
    with pytest.raises(OutputFolderError, match="Cannot write the work queue .* readonly"):
        WorkQueue(queue.path)


def test_a_snapshot_sees_what_another_has_written_meanwhile(queue):
    (claim,) = queue.claim(Owner.here())
    queue.finish(claim.unit_id, result(), 1.0, 1.0)
    with WorkQueue(queue.path, snapshot=True) as found:
        assert found.counts().total("done") == 1
