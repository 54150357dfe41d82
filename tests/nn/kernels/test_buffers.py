"""Reused memory, and memory as arrays."""

import threading

import pytest
import torch

from analognas.nn.kernels.buffers import (
    can_use_kernels,
    flat_array,
    flat_view,
    is_dense,
    scratch_like,
)

LAYOUTS = {
    "matrix": lambda: torch.randn(700, 300),
    "image": lambda: torch.randn(8, 16, 40, 40),
    "channels_last": lambda: torch.randn(8, 16, 40, 40).to(memory_format=torch.channels_last),
    "strided": lambda: torch.randn(700, 600)[:, ::2],
    "expanded": lambda: torch.randn(1, 300).expand(700, 300),
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_compiled_passes_take(layout):
    x = LAYOUTS[layout]()
    dense = layout not in ("strided", "expanded")
    assert can_use_kernels(x) == dense
    assert not can_use_kernels(x.double())
    assert not can_use_kernels(x, x.transpose(0, 1).contiguous().transpose(0, 1))
    if dense:
        assert can_use_kernels(x, torch.empty_like(x))
        assert not can_use_kernels(x, x.double())


@pytest.mark.parametrize("layout", ["matrix", "image", "channels_last"])
def test_flat_arrays_are_the_memory(layout):
    x = LAYOUTS[layout]().requires_grad_()
    array = flat_array(x)
    assert array.shape == (x.numel(),)
    array[:] = 7.0
    assert bool((x == 7.0).all())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_scratch_has_the_shape_and_layout(layout):
    x = LAYOUTS[layout]()
    scratch = scratch_like(x, "test")
    assert scratch.shape == x.shape
    if is_dense(x):
        assert scratch.stride() == x.stride()
        assert flat_view(scratch).is_contiguous()


def test_scratch_is_reused_for_one_use_and_type_of_one_thread():
    x = torch.zeros(1000)
    first = scratch_like(x, "one use")
    assert scratch_like(x[:10], "one use").data_ptr() == first.data_ptr()
    assert scratch_like(x, "other use").data_ptr() != first.data_ptr()
    assert scratch_like(x.double(), "one use").dtype == torch.float64
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(scratch_like(x, "one use")))
    thread.start()
    thread.join()
    assert elsewhere[0].data_ptr() != first.data_ptr()


def test_scratch_first_asked_for_in_inference_mode_serves_training():
    x = torch.ones(5)
    with torch.inference_mode():
        scratch_like(x, "inference first")
    weight = torch.ones(5, requires_grad=True)
    scratch = scratch_like(x, "inference first").copy_(x)
    (weight * scratch).sum().backward()
    assert torch.equal(weight.grad, x)


def test_memory_that_was_an_array_can_be_given_back():
    """As sharded weights are after each forward."""
    x = torch.ones(5)
    array = flat_array(x)
    array[1] = 7.0
    assert x.tolist() == [1.0, 7.0, 1.0, 1.0, 1.0]
    del array
    x.untyped_storage().resize_(0)
    assert x.untyped_storage().size() == 0
