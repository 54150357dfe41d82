import copyreg
import pickle
import struct
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from analognas.core import TableIntegrityError
from analognas.core.legacy_arrays import ArrayRecord, stand_ins
from analognas.core.legacy_pickle import read_pickled_arrays

TYPES = ["u1", "<i2", ">i4", "<i8", "f2", "<f4", ">f8", "?"]


@given(
    value=st.sampled_from(TYPES).flatmap(lambda t: arrays(t, array_shapes(min_side=0, max_dims=3))),
    protocol=st.integers(0, pickle.HIGHEST_PROTOCOL),
    fortran=st.booleans(),
)
def test_arrays_come_back(value, protocol, fortran):
    value = np.asfortranarray(value) if fortran else value
    back = read_pickled_arrays(pickle.dumps({"a": [value]}, protocol=protocol), "x")["a"][0]
    assert back.dtype == value.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, value)
    assert type(back) is np.ndarray


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_scalars_and_labels(protocol):
    value = {"labels": [np.int64(3), np.float32(0.5), 7], "name": ("x", None)}
    assert read_pickled_arrays(pickle.dumps(value, protocol=protocol), "x") == {
        "labels": [3, 0.5, 7],
        "name": ("x", None),
    }


def python_2(array, key=b"data"):
    """What Python 2 wrote at protocol 2 for ``{key: array}``: texts without encoding."""

    def text(value):
        return b"U" + struct.pack("<B", len(value)) + value

    raw = array.tobytes()
    shape = b"(" + b"".join(b"J" + struct.pack("<i", size) for size in array.shape) + b"t"
    return (
        b"\x80\x02}" + text(key)
        + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        + b"(K\x01" + shape
        + b"cnumpy\ndtype\n" + text(array.dtype.str[1:].encode()) + b"K\x00K\x01\x87R"
        + b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
        + b"s."
    )  # fmt: skip


def test_a_pickle_of_python_2():
    value = np.arange(200, 224, dtype=np.uint8).reshape(4, 6)
    data = python_2(value)
    # numpy itself agrees that this is what such a file looks like.
    np.testing.assert_array_equal(pickle.loads(data, encoding="bytes")[b"data"], value)
    back = read_pickled_arrays(data, "x")
    np.testing.assert_array_equal(back["data"], value)


class Calls:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def dtype_state(order="|", names=None, fields=None):
    return (3, order, None, names, fields, -1, -1, 0)


HOSTILE = {
    "objects": np.array([1, "x"], dtype=object),
    "fields": np.zeros(2, dtype=[("a", "i4")]),
    "times": np.zeros(2, dtype="M8[s]"),
    "texts": np.array(["ab"]),
    "a type that lies": Calls(np.dtype, "u1", state=dtype_state(names=("a",), fields={})),
    "a strange order": Calls(np.dtype, "u1", state=dtype_state(order="x")),
    "an own array": Calls(np.ndarray, (3,), "u1"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_no_plain_array_is_refused(name, protocol):
    with pytest.raises(TableIntegrityError, match="refused|damaged"):
        read_pickled_arrays(pickle.dumps(HOSTILE[name], protocol=protocol), "batch")


def test_too_few_bytes_for_the_shape():
    data = python_2(np.zeros((2, 3), dtype=np.uint8)).replace(
        struct.pack("<i", 3), struct.pack("<i", 4), 1
    )
    with pytest.raises(TableIntegrityError, match=r"6 bytes for shape \(2, 4\)"):
        read_pickled_arrays(data, "batch")


@pytest.mark.parametrize(
    "payload",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\nfrombuffer\n(tR.",
        b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        b"c__builtin__\nbytes\n(K\x05tR.",
        # Functions and classes of the reader cannot be changed by a file.
        b"c_codecs\nencode\n(dS'x'\nK\x01sb.",
        b"c_codecs\nencode\n(N}S'_call'\nK\x01stb.",
        b"cnumpy\nndarray\n(N}S'array'\nK\x01stb.",
        b"cnumpy\ndtype\n(dS'build'\nK\x01sb.",
    ],
)
def test_hostile_pickles(payload):
    before = ArrayRecord.array
    with pytest.raises(TableIntegrityError, match="'batch' is"):
        read_pickled_arrays(payload, "batch")
    assert ArrayRecord.array is before
    assert stand_ins(10)["_codecs", "encode"]("abc") == b"abc"
    assert read_pickled_arrays(pickle.dumps(np.arange(3), protocol=2), "x").tolist() == [0, 1, 2]


def test_a_list_that_holds_itself():
    data = []
    data.append(data)
    with pytest.raises(TableIntegrityError, match="RecursionError"):
        read_pickled_arrays(pickle.dumps(data), "batch")


def test_arrays_of_the_same_bytes():
    """20 kilobytes made 2 gigabytes: a hundred thousand arrays of one piece of memory."""
    raw, numpy_type = (
        bytes(10**4),
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    )
    start = (
        b"\x80\x02]q\x00(T" + struct.pack("<i", len(raw)) + raw + b"q\x01" + numpy_type + b"q\x02"
    )
    start += b"cnumpy.core.numeric\n_frombuffer\nq\x03"
    again = b"h\x03(h\x01h\x02(J" + struct.pack("<i", len(raw)) + b"tU\x01CtR"
    assert len(read_pickled_arrays(start + again * 3 + b"e.", "batch")) == 6
    with pytest.raises(TableIntegrityError, match="the same are used for several arrays"):
        read_pickled_arrays(start + again * 1000 + b"e.", "batch")
    text = (
        b"\x80\x02](c_codecs\nencode\nq\x01X" + struct.pack("<i", 10**4) + bytes(10**4) + b"q\x02"
    )
    with pytest.raises(TableIntegrityError, match="the same are used for several arrays"):
        read_pickled_arrays(text + b"h\x01(h\x02tR" * 1000 + b"e.", "batch")


@pytest.mark.parametrize(
    "shape",
    [
        b"(" + b"K\x01" * 40 + b"t",
        b"(\x8a\x10" + b"\x7f" * 16 + b"t",
        b"(K\x01K\x06N" + b"t",
        b"K\x06",
    ],
)
def test_shapes_that_cannot_be(shape):
    data = python_2(np.zeros(6, dtype=np.uint8))
    whole = b"(J" + struct.pack("<i", 6) + b"t"
    assert whole in data
    with pytest.raises(TableIntegrityError, match="not numbers in a shape"):
        read_pickled_arrays(data.replace(whole, shape), "batch")


def test_extension_codes_are_refused():
    copyreg.add_extension("os", "system", 7)
    try:
        with pytest.raises(TableIntegrityError, match="names os.system"):
            read_pickled_arrays(b"\x80\x02\x82\x07.", "batch")
    finally:
        copyreg.remove_extension("os", "system", 7)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_ordered_mappings(protocol):
    value = {"epochs": OrderedDict([(1, np.float64(2.5)), (0, OrderedDict())])}
    found = read_pickled_arrays(pickle.dumps(value, protocol=protocol), "x")
    assert found == {"epochs": {1: 2.5, 0: {}}}
    assert list(found["epochs"]) == [1, 0]


def test_references_to_references_stay_small():
    # 2^100 leaves for whoever walks them all.
    value = [1]
    for _ in range(100):
        value = [value, value]
    found = read_pickled_arrays(pickle.dumps(value), "x")
    for _ in range(100):
        assert found[0] is found[1]
        found = found[0]
    assert found == [1]
