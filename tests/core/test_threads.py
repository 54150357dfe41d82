import numpy as np
import scipy.linalg
from threadpoolctl import ThreadpoolController

from analognas.core.threads import one_blas_thread


def blas_threads():
    scipy.linalg.cholesky(np.eye(3))
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in libraries]


def test_one_thread_inside_and_as_before_outside():
    before = blas_threads()
    assert before  # numpy's and scipy's
    with one_blas_thread():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
