import numpy as np

from analognas.core.compiled import compiled
from analognas.core.memory_addresses import floats_at


@compiled("void(int64, int64, int64)")
def double(x, y, n):
    given, out = floats_at(x, n), floats_at(y, n)
    for i in range(n):
        out[i] = np.float32(2.0) * given[i]


def test_compiled_code_reads_and_writes_memory_at_an_address():
    x, y = np.arange(100, dtype=np.float32), np.zeros(100, dtype=np.float32)
    double(x.ctypes.data, y.ctypes.data, 99)
    np.testing.assert_array_equal(y, [*2.0 * x[:99], 0.0])


def test_python_code_does_too():
    x = np.arange(4, dtype=np.float32)
    floats_at(x.ctypes.data, 2)[1] = 7.0
    np.testing.assert_array_equal(x, [0.0, 7.0, 2.0, 3.0])
