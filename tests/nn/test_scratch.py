"""Reused memory, and tensors cut into pieces."""

import threading

import pytest
import torch

from analognas.nn.scratch import flat_view, is_dense, pieces, scratch_like

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
@pytest.mark.parametrize("rows", [False, True])
def test_pieces_are_the_whole_once(layout, rows):
    x = LAYOUTS[layout]()
    y = torch.empty_like(x).copy_(x)
    count = torch.zeros_like(y)
    for part, target in pieces(y, count, rows=rows):
        assert part.shape == target.shape
        target += part
    assert torch.equal(count, x)
    assert len(list(pieces(y, rows=rows))) > 1


def test_rows_keep_what_broadcasts():
    y, bias = torch.zeros(1000, 200), torch.arange(200.0)
    for (part,) in pieces(y, rows=True):
        part += bias
    assert torch.equal(y, bias.expand(1000, 200))


@pytest.mark.parametrize("n", [0, 1, 100])
def test_small_tensors_stay_whole(n):
    x = torch.zeros(n)
    assert [part[0] is x for part in pieces(x)] == [True]


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
