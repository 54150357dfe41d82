"""The file format of tables: Parquet with schema, provenance, licence and checksums in its metadata.

The metadata sit under the key ``analognas`` as JSON. Every column has a SHA-256 over its values (numbers as
little-endian bytes, text as newline-joined UTF-8); the table's checksum is the SHA-256 over the lines
``name:checksum`` and the other metadata. A column is verified whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..core import InvalidArgumentError, TableIntegrityError, atomic_write
from ..core.limits import parse_json, size_text, unpacked_limit

FORMAT = "analognas-table"
FORMAT_VERSION = 1
_KEY = b"analognas"
_CELL = 8


@dataclass(frozen=True)
class Table:
    """A table in memory.

    Attributes:
        columns: Column name to values, each of shape ``(n_rows,)``; read-only.
        metadata: Metadata of the file: name, space, provenance, licence, columns, checksum.

    Example:
        >>> from analognas.tables import SHIPPED_TABLE, read_table
        >>> read_table(SHIPPED_TABLE).metadata["name"]
        'AnalogNAS-Bench'
    """

    columns: dict[str, NDArray[Any]]
    metadata: dict[str, Any]

    @property
    def checksum(self) -> str:
        """SHA-256 of the whole table's content, hexadecimal."""
        return str(self.metadata["checksum"]["table"])


def check_path(path: Any) -> str | os.PathLike[str]:
    """Return what names a file.

    Raises:
        InvalidArgumentError: If it does not.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidArgumentError(
            "`path` must name a file, be a table of costs or None (what `analognas data add` keeps), but got "
            f"{path!r}."
        )
    return path


def write_table(
    path: str | os.PathLike[str],
    columns: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, Any],
    *,
    new: bool = False,
) -> str:
    """Write a table atomically and return its checksum.

    Args:
        path: File to write.
        columns: Column name to values; all of the same length.
        metadata: Anything JSON can hold. The checksums are added under ``checksum``, in place of those of a
            table that the metadata are from.
        new: Whether it is an error that the file exists.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> import numpy as np
        >>> checksum = write_table(f"{folder}/t.parquet", {"a": np.arange(3)}, {"name": "mine"})
        >>> os.listdir(folder)
        ['t.parquet']
    """
    described = {"format": FORMAT, "format_version": FORMAT_VERSION, **metadata}
    described.pop("checksum", None)
    sums = {name: _column_checksum(values) for name, values in columns.items()}
    total = _table_checksum(sums, described)
    described["checksum"] = {"algorithm": "sha256", "table": total, "columns": sums}
    arrow = pa.table({name: pa.array(values) for name, values in columns.items()})
    arrow = arrow.replace_schema_metadata({_KEY: json.dumps(described, ensure_ascii=False)})
    with atomic_write(path, new=new) as file:
        pq.write_table(arrow, file, compression="zstd", compression_level=19)
    return total


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    checksum: str | None = None,
) -> Table:
    """Read a table and verify every column that is read.

    Args:
        path: File written by :func:`write_table`.
        columns: Names of the columns to read; all by default.
        checksum: The table checksum that the file must have, if one is known beforehand.

    Raises:
        TableIntegrityError: If the file is missing, no such table, damaged or truncated, or has another
            checksum; names the file and the checksums.

    Example:
        >>> from analognas.tables import SHIPPED_TABLE
        >>> len(read_table(SHIPPED_TABLE).columns) > 10
        True
    """
    where = f"The table {os.fspath(path)!r}"
    wanted = f" A sound copy has the checksum sha256:{checksum}." if checksum else ""
    try:
        return _read(path, columns, checksum)
    except FileNotFoundError:
        raise TableIntegrityError(f"{where} does not exist.{wanted}") from None
    except TableIntegrityError as error:
        raise TableIntegrityError(f"{where} {error}") from None
    except Exception as error:
        # A damaged file can raise almost any error; show one line instead of a traceback.
        reason = " ".join(str(error).split()).rstrip(".")
        raise TableIntegrityError(
            f"{where} is damaged or truncated: {reason}.{wanted} Install it again."
        ) from None


def _read(
    path: str | os.PathLike[str], columns: Sequence[str] | None, checksum: str | None
) -> Table:
    # Read texts as codes and a dictionary, so that repeated texts are in memory once.
    texts = [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        raw = file.schema_arrow.metadata or {}
        described = parse_json(raw.get(_KEY, b"{}"), where="its metadata")
        if not isinstance(described, dict) or described.get("format") != FORMAT:
            raise TableIntegrityError(
                f"is a Parquet file but no analognas table: its metadata lack {_KEY.decode()!r}."
            )
        if described["format_version"] > FORMAT_VERSION:
            raise TableIntegrityError(
                f"has format version {described['format_version']}, but this analognas reads up to "
                f"{FORMAT_VERSION}; upgrade analognas."
            )
        _check_size(path, file.metadata)
        arrow = file.read(columns=None if columns is None else list(columns))
    stated = described["checksum"]
    limit = _limit(path)
    values = {name: _to_numpy(arrow.column(name), limit) for name in arrow.column_names}
    for name, column in values.items():
        found = _column_checksum(column)
        if found != stated["columns"][name]:
            raise TableIntegrityError(
                f"is damaged: column {name!r} has the checksum sha256:{found}, expected "
                f"sha256:{stated['columns'][name]}. Install it again."
            )
    rest = {key: value for key, value in described.items() if key != "checksum"}
    total = _table_checksum(stated["columns"], rest)
    expected = checksum or stated["table"]
    if total != expected:
        raise TableIntegrityError(
            f"is damaged or another table: it has the checksum sha256:{total}, expected "
            f"sha256:{expected}. Install it again."
        )
    return Table(values, described)


def _check_size(path: str | os.PathLike[str], metadata: Any) -> None:
    """Check the unpacked size of a file, in which equal values take almost no space."""
    unpacked = metadata.num_rows * metadata.num_columns * _CELL
    groups = (metadata.row_group(k) for k in range(metadata.num_row_groups))
    unpacked = max(unpacked, sum(group.total_byte_size for group in groups))
    _check_unpacked(unpacked, _limit(path))


def _limit(path: str | os.PathLike[str]) -> int:
    return unpacked_limit(os.stat(path).st_size)


def _check_unpacked(size: int, limit: int) -> None:
    if size > limit:
        raise TableIntegrityError(f"unpacks to {size_text(size)}; the limit is {size_text(limit)}.")


def _to_numpy(column: Any, limit: int) -> NDArray[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    values = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if values.null_count:
        raise TableIntegrityError("is damaged: it holds nulls.")
    if pa.types.is_dictionary(values.type):
        texts = np.array(values.dictionary.to_pylist(), dtype=object)
        codes = _numbers(values.indices)
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        _check_unpacked(int(lengths[codes].sum()), limit)
        array: NDArray[Any] = texts[codes]
    else:
        array = _numbers(values)
    array.flags.writeable = False
    return array


def _numbers(values: Any) -> NDArray[Any]:
    # The buffer itself: Array.to_numpy() would import pandas, where it is installed, for seconds.
    dtype = np.dtype(str(values.type))
    start = values.offset * dtype.itemsize
    array: NDArray[Any] = np.frombuffer(values.buffers()[1], dtype, len(values), start)
    return array


def _column_checksum(values: NDArray[Any]) -> str:
    if values.dtype.kind in "OU":
        return hashlib.sha256("\n".join(values.tolist()).encode()).hexdigest()
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return hashlib.sha256(little.data).hexdigest()


def _table_checksum(sums: Mapping[str, str], metadata: Mapping[str, Any]) -> str:
    lines = [f"{name}:{checksum}" for name, checksum in sums.items()]
    lines.append(json.dumps(metadata, sort_keys=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
