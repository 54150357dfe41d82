"""Random changes of files: of their bytes, and of the values in them."""

import copy
import io
import json
import math

SPECIAL_BYTES = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"\0" * 64,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"-1",
    b"1e999",
    b"[" * 300,
)
SPECIAL_VALUES = (
    None, True, False, 0, -1, 1, 10**30, -(10**30), 2**31, 2**63, 1.5, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf,
    "", "x", "x" * 100_000, "nan", "-1", "\0", "\ud800", "é\n'\"\\", "__class__", "module:name", "../../etc/passwd",
    [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, list(range(1000)), [[1, 2], [3]], "1" * 5000, "2024-01-01", "1e400",
)  # fmt: skip


def changed_bytes(data, generator):
    """Return bytes with one to three changes."""
    result = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        start = generator.randrange(len(result) + 1)
        end = min(len(result), start + generator.choice((1, 1, 2, 8, 64, 1000)))
        kind = generator.randrange(8)
        if kind == 0 and end > start:
            result[start] ^= 1 << generator.randrange(8)
        elif kind == 1 and end > start:
            result[start] = generator.randrange(256)
        elif kind == 2:
            del result[start:end]
        elif kind == 3:
            result[start:start] = result[start:end]
        elif kind == 4:
            del result[start:]
        elif kind == 5:
            result[start:end] = generator.choice(SPECIAL_BYTES)
        elif kind == 6:
            result[start:start] = generator.randbytes(generator.choice((1, 4, 100)))
        elif result:
            other = generator.randrange(len(result))
            result[start:end] = result[other : other + end - start]
    return bytes(result)


def _places(value, found, path=()):
    found.append(path)
    if isinstance(value, dict):
        for key in value:
            _places(value[key], found, (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 30)):
            _places(value[index], found, (*path, index))


def changed_values(payload, generator):
    """Return JSON types with one or two entries replaced, removed, renamed, repeated or exchanged."""
    result = copy.deepcopy(payload)
    for _ in range(generator.choice((1, 1, 2))):
        places = []
        _places(result, places)
        path = generator.choice(places)
        if not path:
            if generator.random() < 0.2:
                return copy.deepcopy(generator.choice(SPECIAL_VALUES))
            continue
        parent = result
        for key in path[:-1]:
            parent = parent[key]
        key, kind = path[-1], generator.randrange(6)
        if kind <= 2:
            parent[key] = copy.deepcopy(generator.choice(SPECIAL_VALUES))
        elif kind == 3:
            del parent[key]
        elif kind == 4 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        elif kind == 4:
            parent[str(generator.choice(("x", "", key + "_", key.upper())))] = parent.pop(key)
        else:
            value = parent[key]
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                parent[key] = [value]
            else:
                parent[key] = generator.choice(
                    (-value, value * 1e9, value + 0.5, str(value), value / 1e9)
                )
    return result


def json_bytes(payload):
    """JSON as other programs write it too, with NaN and lone surrogates."""
    return json.dumps(payload).encode("utf-8", "surrogatepass")


def changed_cells(text, generator, separator=","):
    """Return a CSV text with one to three cells, lines or columns changed."""
    lines = text.splitlines()
    for _ in range(generator.choice((1, 1, 2, 3))):
        row = generator.randrange(len(lines))
        cells = lines[row].split(separator)
        column, kind = generator.randrange(len(cells)), generator.randrange(6)
        if kind <= 2:
            value = generator.choice(SPECIAL_VALUES)
            cells[column] = value if isinstance(value, str) else repr(value)
        elif kind == 3:
            del cells[column]
        elif kind == 4:
            cells.insert(column, cells[column])
        else:
            lines.insert(row, generator.choice(("", "#", ",,,,", lines[row], lines[0])))
        lines[row] = separator.join(cells)
    return "\n".join(lines) + "\n"


def changed_array(array, generator):
    """Return an array of another type, shape or content."""
    import numpy as np

    kind = generator.randrange(9)
    if kind == 0:
        return array.astype(generator.choice(("f8", "f2", "i8", "u1", "?", "c16", "U8", "S4", "M8[s]")), casting="unsafe") if array.dtype.kind in "iufb" else array.astype("U9")  # fmt: skip
    if kind == 1:
        return array.reshape(-1)
    if kind == 2:
        return array[: generator.randrange(len(array) + 1)] if array.ndim else array[None]
    if kind == 3:
        return array[..., None]
    if kind == 4:
        return np.array(generator.choice((0, -1, math.nan, 10**18, "x", 1j)))
    if kind == 5:
        return np.full(array.shape, generator.choice((-1.0, math.nan, math.inf, 1e300, 255.5)))
    if kind == 6:
        return array.T
    if kind == 7:
        return np.asfortranarray(array[::-1])
    return (
        np.broadcast_to(array.reshape(-1)[:1] if array.size else np.zeros(1), (3, 0))
        if array.size == 0
        else array[:0]
    )


def npy_bytes(array, header=None, generator=None):
    """An array in numpy's format; with a header, which may lie about it."""
    import numpy as np

    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
    data = file.getvalue()
    return changed_bytes(data[:128], generator) + data[128:] if header else data
