import os
import pickle
import subprocess
import sys
import time
from collections import OrderedDict

import pytest

from analognas.core import TableIntegrityError
from analognas.core.legacy_pickle import LegacyRecord, read_legacy_pickle, read_pickled_arrays


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


def grown(first, wrapped, n=60):
    """Opcodes of a value that holds the one before it twice, ``n`` times: 2 ** n entries in 5 * n bytes."""
    opcodes = first + b"q\x00"
    for level in range(n):
        memo = bytes([level])
        opcodes += wrapped(b"h" + memo) + b"q" + bytes([level + 1])
    return opcodes


def pair(again):
    return b"0" + again + again + b"\x86"


def listed(again):
    return b"0]" + b"(" + again + again + b"e"


BOMBS = {
    "key of tuples": b"\x80\x04}" + grown(b"K\x01", pair) + b"K\x01s.",
    "keys of tuples": b"\x80\x04}(" + grown(b"K\x01", pair) + b"K\x01u.",
    "old mapping": b"(" + grown(b"K\x01", pair) + b"K\x01d.",
    "key of sets": b"\x80\x04}"
    + grown(b"K\x01", lambda again: b"0(" + again + b"\x91")
    + b"K\x01s.",
    "set of tuples": b"\x80\x04\x8f(" + grown(b"K\x01", pair) + b"\x90.",
    "frozen set of tuples": b"\x80\x04(" + grown(b"K\x01", pair) + b"\x91.",
    "deep tuple as a key": b"\x80\x02}" + b"K\x01" + b"\x85" * 300_000 + b"K\x01s.",
    "persistent list": b"\x80\x02" + grown(b"]", listed) + b"Q.",
    "persistent tuple": b"\x80\x02" + grown(b"K\x01", pair) + b"Q.",
    "type of lists": b"\x80\x02cnumpy\ndtype\n(" + grown(b"]", listed) + b"K\x00K\x01tR.",
    "order of lists": b"\x80\x02cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03"
    + grown(b"]", listed)
    + b"NNNtb.",
    "encoding of lists": b"\x80\x02c_codecs\nencode\n(X\x01\x00\x00\x00a"
    + grown(b"]", listed)
    + b"tR.",
    "text of lists": b"\x80\x02c_codecs\nencode\n(" + grown(b"]", listed) + b"tR.",
    "raw of lists": b"\x80\x02cnumpy.core.multiarray\nscalar\n("
    + grown(b"]", listed)
    + b"U\x01atR.",
    "memo index": b"\x80\x02K\x01r" + (150_000_000).to_bytes(4, "little") + b"h\x00.",
    "memo index as a text": b"I1\np150000000\ng0\n.",
    "long bytes": b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
    "long bytes, old": b"\x80\x05\x8e" + (2**40).to_bytes(8, "little") + b".",
    "long number": b"\x80\x02\x8b" + (2**30).to_bytes(4, "little") + b".",
    "long frame": b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + b".",
    "many digits": b"I" + b"9" * 10_000 + b"\n.",
    "module of megabytes": b"\x80\x02c" + b"x" * 2_000_000 + b"\ny\n.",
    "class of lists": b"\x80\x04" + grown(b"]", listed) + b"\x8c\x01x\x93.",
    "state of lists": b"\x80\x02cnumpy\ndtype\n(U\x02u1tR" + grown(b"]", listed) + b"b.",
    "no memo": b"\x80\x02h\x05.",
    "empty stack": b"\x80\x020000.",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("reader", ["records", "arrays"])
def test_bombs(tmp_path, name, reader):
    """300 bytes that took hours or gigabytes, or ended the process."""
    readers = {
        "records": lambda file: read_legacy_pickle(file, admitted={("a", "B")}),
        "arrays": lambda file: read_pickled_arrays(file.read_bytes(), "file.pickle"),
    }
    file = tmp_path / "file.pickle"
    file.write_bytes(BOMBS[name])
    start = time.process_time()
    with pytest.raises(TableIntegrityError) as caught:
        readers[reader](file)
    assert time.process_time() - start < 2
    assert len(str(caught.value)) < 1000


def test_bombs_take_no_memory():
    code = f"""
import resource, sys
from analognas.core import TableIntegrityError
from analognas.core.legacy_pickle import read_pickled_arrays
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in {[data for data in BOMBS.values() if len(data) < 10**5]!r}:
    try:
        read_pickled_arrays(data, "x")
    except TableIntegrityError:
        pass
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 100_000, grown
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_records_that_share_are_read(tmp_path):
    """What published files share stays shared, and is counted no more than it may be."""
    shared = Plain()
    value = {(i, 0): [shared, "a name of some length", (1, 2.5)] for i in range(3000)}
    name = (Plain.__module__, "Plain")
    found = read_legacy_pickle(write(tmp_path, value), admitted={name})
    assert found[7, 0][0] is found[8, 0][0]
    assert found[7, 0][1:] == ["a name of some length", (1, 2.5)]
