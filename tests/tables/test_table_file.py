import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analognas.core import TableIntegrityError
from analognas.tables import read_table, write_table

COLUMNS = {
    "number": np.array([3, 1, 2], dtype=np.int32),
    "value": np.array([0.1, np.nan, -np.inf]),
    "name": np.array(["a", "ä|b", ""], dtype=object),
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, COLUMNS, {"name": "test", "licence": "none"})
    return path


def test_round_trip_is_exact(file):
    table = read_table(file)
    assert table.metadata["name"] == "test"
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(table.columns[name], values)
        assert table.columns[name].dtype == values.dtype
    # Bit for bit, the sign of zero and the payload of NaN included.
    assert table.columns["value"].tobytes() == COLUMNS["value"].tobytes()


def test_metadata_of_another_table_are_written_again(tmp_path, file):
    table = read_table(file)
    changed = {"number": np.array([7], dtype=np.int32)}
    checksum = write_table(tmp_path / "other.parquet", changed, table.metadata)
    other = read_table(tmp_path / "other.parquet")
    assert other.checksum == checksum != table.checksum
    assert other.metadata["name"] == "test"


def test_values_are_read_only(file):
    with pytest.raises(ValueError, match="read-only"):
        read_table(file).columns["value"][0] = 1


def test_columns_can_be_chosen(file):
    assert list(read_table(file, columns=["value"]).columns) == ["value"]


def test_checksum_covers_values_names_and_metadata(tmp_path, file):
    changed = COLUMNS | {"value": np.array([0.1, np.nan, np.inf])}
    renamed = {("other" if key == "number" else key): column for key, column in COLUMNS.items()}
    metadata = {"name": "test", "licence": "none"}
    sums = [
        write_table(tmp_path / "x", columns, described)
        for columns, described in [
            (COLUMNS, metadata),
            (changed, metadata),
            (renamed, metadata),
            (COLUMNS, metadata | {"licence": "MIT"}),
        ]
    ]
    assert len(set(sums)) == 4
    assert sums[0] == read_table(file).checksum


def test_every_truncation_is_noticed(tmp_path, file):
    whole = file.read_bytes()
    short = tmp_path / "short.parquet"
    for size in range(0, len(whole), 97):
        short.write_bytes(whole[:size])
        with pytest.raises(
            TableIntegrityError, match=r"short.parquet' is damaged or truncated.*sha256:abc"
        ):
            read_table(short, checksum="abc")


def test_no_flipped_byte_changes_a_value_unnoticed(tmp_path, file):
    whole = file.read_bytes()
    bad = tmp_path / "bad.parquet"
    noticed = 0
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0x40
        bad.write_bytes(damaged)
        try:
            table = read_table(bad)
        except TableIntegrityError:
            noticed += 1
        else:
            for name, values in COLUMNS.items():
                np.testing.assert_array_equal(table.columns[name], values)
    assert noticed > 50


def test_changed_value_with_old_checksum_names_both(tmp_path, file):
    arrow = pq.read_table(file)
    position = arrow.schema.get_field_index("number")
    other = arrow.set_column(position, "number", pa.array([3, 1, 5], type=pa.int32()))
    pq.write_table(other.replace_schema_metadata(arrow.schema.metadata), tmp_path / "x")
    with pytest.raises(
        TableIntegrityError, match="column 'number' has the checksum sha256:.*, expected sha256:"
    ):
        read_table(tmp_path / "x")


def test_known_checksum_is_enforced(file):
    own = read_table(file).checksum
    assert read_table(file, checksum=own).checksum == own
    with pytest.raises(
        TableIntegrityError, match=f"it has the checksum sha256:{own}, expected sha256:0000"
    ):
        read_table(file, checksum="0000")


def test_other_files(tmp_path, file):
    with pytest.raises(TableIntegrityError, match="does not exist"):
        read_table(tmp_path / "missing.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "plain.parquet")
    with pytest.raises(TableIntegrityError, match="no analognas table"):
        read_table(tmp_path / "plain.parquet")
    arrow = pq.read_table(file)
    described = json.loads(arrow.schema.metadata[b"analognas"]) | {"format_version": 99}
    newer = arrow.replace_schema_metadata({b"analognas": json.dumps(described)})
    pq.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(TableIntegrityError, match="format version 99"):
        read_table(tmp_path / "newer.parquet")


def test_a_table_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "t.parquet"
    rows = pa.array(np.zeros(1_000_000))
    table = pa.table({f"c{k}": rows for k in range(40)})
    described = json.dumps({"format": "analognas-table", "format_version": 1})
    pq.write_table(table.replace_schema_metadata({b"analognas": described}), path)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(TableIntegrityError, match=r"unpacks to 305\.2 MiB; the limit is 256 MiB"):
        read_table(path)


def test_texts_that_unpack_to_gigabytes(tmp_path):
    # 60 kB repeated in 100,000 rows: one entry of the dictionary, and a file of some 100 kB.
    path = tmp_path / "t.parquet"
    texts = pa.array(["a" * 60_000] * 1000)
    table = pa.table({"text": pa.chunked_array([texts] * 100)})
    checksum = {"table": "", "columns": {"text": ""}}
    described = {"format": "analognas-table", "format_version": 1, "checksum": checksum}
    described = json.dumps(described)
    table = table.replace_schema_metadata({b"analognas": described})
    pq.write_table(table, path)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(TableIntegrityError, match=r"unpacks to .* [GM]iB; the limit is 256 MiB"):
        read_table(path)


def test_texts_in_several_row_groups(tmp_path):
    path = tmp_path / "t.parquet"
    texts = np.array([f"t{k % 7}" for k in range(1000)], dtype=object)
    write_table(path, {"text": texts}, {"name": "t"})
    arrow = pq.read_table(path)
    pq.write_table(arrow, path, row_group_size=100)
    assert (read_table(path).columns["text"] == texts).all()
