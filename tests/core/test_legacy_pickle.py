import os
import pickle
from collections import OrderedDict

import pytest

from analognas.core import TableIntegrityError
from analognas.core.legacy_pickle import LegacyRecord, read_legacy_pickle


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def write(tmp_path, value, **options):
    path = tmp_path / "file.pickle"
    path.write_bytes(pickle.dumps(value, **options))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_code_runs(tmp_path, protocol):
    target = tmp_path / "made-by-the-pickle"
    path = write(tmp_path, [1, Hostile(str(target))], protocol=protocol)
    with pytest.raises(TableIntegrityError, match=r"refused: it names (posix|nt)\.mkdir"):
        read_legacy_pickle(path, admitted={("a", "B")})
    assert not target.exists()


def test_plain_data_and_admitted_classes(tmp_path):
    value = {(0, 1): [1.5, "x", None, True]}
    assert read_legacy_pickle(write(tmp_path, value), admitted=()) == value
    with pytest.raises(TableIntegrityError, match=r"collections\.OrderedDict"):
        read_legacy_pickle(write(tmp_path, OrderedDict(a=1)), admitted=())
    name = (Plain.__module__, "Plain")
    record = read_legacy_pickle(write(tmp_path, Plain()), admitted={name})
    assert isinstance(record, LegacyRecord)
    assert vars(record) == {"x": 3}


class Plain:
    def __init__(self):
        self.x = 3


def test_references_to_outside_are_refused(tmp_path):
    path = tmp_path / "file.pickle"
    # Protocol 0: a persistent id, as torch's old checkpoints use them.
    path.write_bytes(b"Pstorage-1\n.")
    with pytest.raises(
        TableIntegrityError,
        match=r"refused: it refers to an object outside the file \('storage-1'\)",
    ):
        read_legacy_pickle(path, admitted=())


def test_damaged_and_missing(tmp_path):
    path = write(tmp_path, {"a": list(range(100))})
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(TableIntegrityError, match="no readable pickle or is damaged"):
            read_legacy_pickle(path, admitted=())
    with pytest.raises(TableIntegrityError, match="Cannot read .*No such file"):
        read_legacy_pickle(tmp_path / "missing", admitted=())
