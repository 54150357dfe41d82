"""More rows for a build, joined tables, and what contradicts."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analognas.builder import (
    Build,
    SerialWorkers,
    add_architectures,
    add_further,
    add_seeds,
    add_table,
    find_specification,
    measurement,
    merge_build,
    merge_tables,
    start_with_tables,
    verify_build,
    verify_table,
)
from analognas.builder.status import status_of
from analognas.builder.work_queue import WorkQueue
from analognas.core import InvalidArgumentError, OutOfSpaceError, ResumeError, TableIntegrityError
from analognas.data import npz
from analognas.spaces import NASBench201Space
from analognas.tables import SHIPPED_TABLE, MeasuredTable


def run(build, fake, **options):
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement(**options))
    return MeasuredTable(merge_build(build).path)


def test_further_architectures_are_drawn_like_the_first(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    before = build.population()
    assert add_further(build, 4, measurement=fake.FakeMeasurement()) == 4 * 2
    table = run(build, fake)
    assert len(table) == 10
    assert (build.population()[:6] == before).all()
    twin = fake.build(tmp_path / "twin", fake.FakeMeasurement())
    add_further(twin, 4, measurement=fake.FakeMeasurement())
    assert (twin.population() == build.population()).all()


def test_named_architectures_are_added_once(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    known = build.population()[0]
    added = add_architectures(
        build, ["No.5780", known.tolist()], measurement=fake.FakeMeasurement()
    )
    assert added == 2
    assert "No.5780" in run(build, fake)
    with pytest.raises(OutOfSpaceError):
        add_architectures(build, ["No.99999"], measurement=fake.FakeMeasurement())


def test_further_seeds_follow_those_that_are_there(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    rows = build.population()
    assert add_seeds(build, 2, measurement=fake.FakeMeasurement()) == 6 * 2 * 2
    table = run(build, fake)
    assert sorted(len(table.seeds(row)) for row in rows) == [3, 3, 3, 3, 4, 4]
    assert all(table.seeds(row) == tuple(range(len(table.seeds(row)))) for row in rows)
    add_seeds(build, 1, [rows[1]], measurement=fake.FakeMeasurement())
    assert len(run(build, fake).rows) == len(table.rows) + 1
    with pytest.raises(InvalidArgumentError, match="not in the build"):
        add_seeds(build, 1, ["No.5780"], measurement=fake.FakeMeasurement())


def test_rows_of_another_table_count_as_done(fake, tmp_path):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    merge_build(whole)
    other = Build.start(fake.settings(), tmp_path / "other", measurement=fake.FakeMeasurement())
    taken = add_table(other, whole.table_file, measurement=fake.FakeMeasurement())
    assert taken == 8
    assert other.counts().total("done") == other.counts().total()
    assert pq.read_table(merge_build(other).path).equals(pq.read_table(whole.table_file))


def test_another_table_that_contradicts_the_build_changes_nothing(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    merge_build(build)
    other = fake.FakeMeasurement()
    real = other.run

    def shifted(architecture, unit, **options):
        result = real(architecture, unit, **options)
        result.values = {name: value + 1.0 for name, value in result.values.items()}
        return result

    other.run = shifted
    second = Build.start(fake.settings(), tmp_path / "c", measurement=other)
    second.run(SerialWorkers(), measurement=other)
    before = pq.read_table(build.table_file)
    with pytest.raises(InvalidArgumentError, match="contradicts"):
        add_table(build, tmp_path / "c", measurement=fake.FakeMeasurement())
    assert pq.read_table(merge_build(build).path).equals(before)
    with pytest.raises(InvalidArgumentError, match="contradicts"):
        merge_tables([build.table_file, tmp_path / "c"], tmp_path / "both.parquet")
    assert not (tmp_path / "both.parquet").exists()


def test_tables_of_parts_join_to_the_whole(fake, tmp_path):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    population = whole.population()
    parts = []
    for name, rows in (("a", population[:4]), ("b", population[2:])):
        settings = fake.settings(
            sample={"method": "list", "architectures": rows.tolist()}, repeats={"n": 0}
        )
        part = Build.start(settings, tmp_path / name, measurement=fake.FakeMeasurement())
        part.run(SerialWorkers(), measurement=fake.FakeMeasurement())
        parts.append(part.folder)
    report = merge_tables(parts, tmp_path / "both.parquet")
    assert report.n_rows == 6
    both, one = MeasuredTable(report.path), MeasuredTable(merge_build(whole).path)
    assert (both.population == one.population).all()
    assert [entry["name"] for entry in both.metadata["sources"]] == ["fake", "fake"]
    firsts = one.rows.seeds == 0
    assert (
        np.sort(both.rows.values["avm"]).tolist()
        == np.sort(one.rows.values["avm"][firsts]).tolist()
    )
    # The files of tables join to the same rows as their builds, and can be joined again.
    files = [merge_build(Build(part)).path for part in parts]
    again = merge_tables(
        [merge_tables(files, tmp_path / "again.parquet").path], tmp_path / "c.parquet"
    )
    assert (MeasuredTable(again.path).population == both.population).all()


def test_a_row_with_an_error_gives_way_to_one_without(fake, tmp_path):
    code = int(
        NASBench201Space().codes(fake.build(tmp_path / "a", fake.FakeMeasurement()).population())[1]
    )
    bad = fake.build(tmp_path / "b", fake.FakeMeasurement(raising=[code]))
    merge_build(bad)
    for order in ([tmp_path / "a", bad.table_file], [bad.table_file, tmp_path / "a"]):
        report = merge_tables(order, tmp_path / "both.parquet")
        assert (report.n_rows, report.n_failed) == (8, 0)


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        (
            {
                "measurement": {
                    "data": "digits",
                    "conditions": ["digital", "hwa"],
                    "hwa": {"epochs": 7},
                }
            },
            "hwa.epochs",
        ),
        (
            {
                "measurement": {
                    "data": "digits",
                    "conditions": ["digital", "hwa"],
                    "chips": {"n": 3},
                }
            },
            "chips.n",
        ),
        ({"space": "resnet", "sample": {"n": 3, "constraints": ["params<=1e5"]}}, "space"),
    ],
)
def test_tables_of_other_specifications_do_not_merge(fake, tmp_path, change, entry):
    fake.build(tmp_path / "a", fake.FakeMeasurement())

    class OfAnySpace(fake.FakeMeasurement):
        def run(self, architecture, unit, *, seed, folder=None):
            return fake.FakeResult({"analog_accuracy": 1.0}, 1.0)

    other = Build.start(fake.settings(**change), tmp_path / "b", measurement=OfAnySpace())
    other.run(SerialWorkers(), measurement=OfAnySpace())
    with pytest.raises(InvalidArgumentError, match=entry):
        merge_tables([tmp_path / "a", tmp_path / "b"], tmp_path / "both.parquet")
    with pytest.raises(InvalidArgumentError, match=entry):
        add_table(Build(tmp_path / "a"), tmp_path / "b", measurement=fake.FakeMeasurement())


def test_what_is_no_measured_table_does_not_merge(fake, tmp_path):
    fake.build(tmp_path / "a", fake.FakeMeasurement())
    with pytest.raises(TableIntegrityError, match="not a table of measured"):
        merge_tables([tmp_path / "a", SHIPPED_TABLE], tmp_path / "both.parquet")
    with pytest.raises(InvalidArgumentError, match="nothing to merge"):
        merge_tables([], tmp_path / "both.parquet")


def test_a_sound_build_is_verified_also_by_measuring_again(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    merge_build(build)
    report = verify_build(build, again=2, measurement=fake.FakeMeasurement())
    assert report.problems == ()
    assert sum("measured again" in text for text in report.checks) == 2


def test_what_cannot_be_repeated_is_a_problem(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    other = fake.FakeMeasurement()
    other.run = lambda architecture, unit, **options: fake.FakeResult(
        {"baseline_accuracy": 1.0}, 1.0
    )
    (problem,) = verify_build(build, again=1, measurement=other).problems
    assert "baseline_accuracy is 1.0" in problem


def test_a_table_that_is_not_the_queues_is_a_problem(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    merge_build(build)
    add_further(build, 1, measurement=fake.FakeMeasurement())
    build.run(SerialWorkers(), measurement=fake.FakeMeasurement())
    (problem,) = verify_build(build).problems
    assert "merge again" in problem
    build.table_file.write_bytes(build.table_file.read_bytes()[:-100])
    (problem,) = verify_build(build).problems
    assert "damaged" in problem


def test_an_edited_specification_is_a_problem(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    file = tmp_path / "b" / "spec.yaml"
    file.write_text(file.read_text().replace("hwa: {}", "hwa: {epochs: 9}"))
    (problem,) = verify_build(Build(tmp_path / "b")).problems
    assert "measurement" in problem
    assert build.counts().total("done") == 16


def test_a_table_with_holes_is_a_problem(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    with WorkQueue(build.queue_file) as queue:
        queue._connection.execute(
            "UPDATE units SET result = ? WHERE id = 2", ('{"values": {}, "stds": {}, "sems": {}}',)
        )
    (problem,) = verify_table(merge_build(build).path).problems
    assert "no analog_accuracy" in problem


def part_of(build, path, monkeypatch):
    """Write the table of a build of which the units of two architectures are open."""
    with WorkQueue(build.queue_file) as queue:
        genotypes = queue.genotypes()
    units = WorkQueue.units

    def some(self):
        for unit in units(self):
            yield unit if unit["position"] < len(genotypes) - 2 else {**unit, "state": "waiting"}

    with monkeypatch.context() as patched:
        patched.setattr(WorkQueue, "units", some)
        merge_build(build, path)
    return path


def test_a_build_whose_folder_is_lost_goes_on_from_its_table(fake, tmp_path, monkeypatch):
    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    whole_table = pq.read_table(merge_build(whole).path)
    part = part_of(whole, tmp_path / "part.parquet", monkeypatch)
    measured = []

    class Counting(fake.FakeMeasurement):
        def run(self, architecture, unit, **options):
            measured.append((tuple(architecture.tolist()), unit))
            return super().run(architecture, unit, **options)

    build = start_with_tables(fake.settings(), tmp_path / "b", [part], measurement=Counting())
    assert build.counts().total("waiting") == 2 * 2
    # The same command again joins the folder.
    start_with_tables(fake.settings(), tmp_path / "b", [part], measurement=Counting())
    build.run(SerialWorkers(), measurement=Counting())
    last = [tuple(row) for row in whole.population()[-2:].tolist()]
    assert sorted(measured) == sorted((row, unit) for row in last for unit in Counting.units)
    assert pq.read_table(merge_build(build).path).equals(whole_table)


def test_an_entry_that_came_later_counts_with_its_default(fake, tmp_path, monkeypatch):
    from analognas.builder import additions, merge

    whole = fake.build(tmp_path / "whole", fake.FakeMeasurement())
    opened = merge.open_source

    def older(path):
        rows, described = opened(path)
        measurement = {**described["measurement"]}
        del measurement["fast_norms"]
        measurement["hwa"] = {k: v for k, v in measurement["hwa"].items() if k != "ramp"}
        fidelity = {"epochs": described["fidelity"]["epochs"]}
        return rows, {**described, "measurement": measurement, "fidelity": fidelity}

    monkeypatch.setattr(additions, "open_source", older)
    build = start_with_tables(
        fake.settings(), tmp_path / "b", [whole.folder], measurement=fake.FakeMeasurement()
    )
    assert build.counts().total("waiting") == 0
    measurement = {"data": "digits", "conditions": ["digital", "hwa"], "fast_norms": False}
    with pytest.raises(InvalidArgumentError, match="fast_norms is False and True"):
        start_with_tables(
            fake.settings(measurement=measurement),
            tmp_path / "c",
            [whole.folder],
            measurement=fake.FakeMeasurement(),
        )
    assert not (tmp_path / "c").exists()


def test_a_known_table_that_is_damaged_leaves_no_folder(fake, tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    for name in ("t.parquet", "none.parquet"):
        with pytest.raises(TableIntegrityError):
            start_with_tables(
                fake.settings(),
                tmp_path / "b",
                [tmp_path / name],
                measurement=fake.FakeMeasurement(),
            )
    assert not (tmp_path / "b").exists()


def black(arrays, split):
    """Black pictures in the place of those of an archive."""
    return np.zeros((len(arrays[f"{split}_offset"]) - 1, 3, 32, 32), np.uint8)


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_table_beside_the_package_counts_as_measured(tmp_path, shared, monkeypatch, real):
    path = Path(__file__).parents[2] / "experiments" / "tables" / "nb201-check.parquet"
    if not path.exists():
        pytest.skip("experiments are not here")
    if not real:  # decoding 60,000 pictures takes 14 s
        digest = MeasuredTable(path).metadata["data"]["sha256"]
        facts = measurement.data_facts
        monkeypatch.setattr(npz, "_decoded", black)
        monkeypatch.setattr(measurement, "data_facts", lambda x: {**facts(x), "sha256": digest})
    settings = find_specification("nb201-check")
    build = start_with_tables(settings, tmp_path / "b", [path], root=shared / "data")
    known = pq.read_table(path)
    assert build.counts().total("done") == 2 * len(known) > 0
    assert pq.read_table(merge_build(build).path).equals(known)


def test_a_result_that_cannot_be_does_not_reach_a_table(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    with WorkQueue(build.queue_file) as queue:
        queue._connection.execute(
            "UPDATE units SET result = ? WHERE id = 1",
            ('{"values": {"baseline_accuracy": 116.68}, "stds": {}, "sems": {}}',),
        )
    with pytest.raises(TableIntegrityError, match=r"from 0 to 100.* got 116\.68"):
        merge_build(build)
    assert not build.table_file.exists()


def test_a_damaged_queue_is_one_error_of_every_reader(fake, tmp_path):
    build = fake.build(tmp_path / "b", fake.FakeMeasurement())
    build.queue_file.write_bytes(build.queue_file.read_bytes()[:-6000])
    for read in (verify_build, merge_build, status_of, Build.counts, Build.population):
        with pytest.raises(ResumeError, match=r"queue.sqlite' cannot be read: .* malformed"):
            read(build)
