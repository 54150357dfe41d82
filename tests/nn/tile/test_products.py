import pytest
import torch
from torch.nn import functional

from analognas.nn.tile.products import ConvProduct, LinearProduct

CONVOLUTIONS = {
    "1-D": (ConvProduct((3,), (2,), (1,), (1,), 1), (3, 4, 9), 4),
    "2-D": (ConvProduct((3, 2), (1, 2), (1, 0), (2, 1), 1), (3, 4, 9, 8), 4),
    "groups": (ConvProduct((3, 3), (1, 1), (0, 0), (1, 1), 2), (3, 4, 6, 6), 2),
    "depthwise": (ConvProduct((3, 3), (1, 1), (1, 1), (1, 1), 4), (3, 4, 6, 6), 1),
    "3-D": (ConvProduct((2, 1, 2), (1, 1, 1), (0, 1, 0), (1, 1, 1), 1), (2, 3, 4, 4, 4), 3),
}
CASES = {"linear": (LinearProduct(), (5, 7), 7), **CONVOLUTIONS}


def tensors(name, *chips):
    product, shape, channels = CASES[name]
    torch.manual_seed(0)
    kernel = torch.Size(getattr(product, "kernel", ())).numel()
    matrix = torch.randn(*chips, 8, channels * kernel, dtype=torch.float64)
    return product, torch.randn(*chips, *shape, dtype=torch.float64), matrix


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_torchs(name):
    product, x, matrix = tensors(name)
    x.requires_grad_(), matrix.requires_grad_()
    if name == "linear":
        expected = functional.linear(x, matrix)
    else:
        convolve = getattr(functional, f"conv{len(product.kernel)}d")
        kernels = matrix.unflatten(-1, (-1, *product.kernel))
        expected = convolve(
            x, kernels, None, product.stride, product.padding, product.dilation, product.groups
        )
    torch.testing.assert_close(product.multiply(x, matrix), expected)
    grad = torch.randn_like(expected)
    grads = product.backward(grad, x.detach(), matrix.detach(), (True, True))
    for ours, theirs in zip(grads, torch.autograd.grad(expected, (x, matrix), grad), strict=True):
        torch.testing.assert_close(ours, theirs)
    grad_x, grad_w = product.backward(grad, x.detach(), matrix.detach(), (False, True))
    assert grad_x is None
    assert grad_w.shape == matrix.shape


@pytest.mark.parametrize("name", CASES)
def test_chips_side_by_side_are_the_chips_one_by_one(name):
    product, x, matrix = tensors(name, 3)
    together = product.multiply(x, matrix)
    for chip in range(3):
        torch.testing.assert_close(together[chip], product.multiply(x[chip], matrix[chip]))


@pytest.mark.parametrize("name", CASES)
def test_parts_of_the_channels_sum_to_the_whole(name):
    product, x, matrix = tensors(name)
    channels, kernel = CASES[name][2], matrix.shape[1] // CASES[name][2]
    half = (channels + 1) // 2
    parts = [slice(0, half), slice(half, channels)] if channels > 1 else [slice(0, 1)]
    total = sum(
        product.multiply(
            product.channels(x, part), matrix[:, part.start * kernel : part.stop * kernel]
        )
        for part in parts
    )
    torch.testing.assert_close(total, product.multiply(x, matrix))


@pytest.mark.parametrize("name", CASES)
def test_shapes_of_what_acts_on_outputs(name):
    product, x, matrix = tensors(name, 2)
    y = product.multiply(x, matrix)
    values = torch.arange(16.0).view(2, 8)
    scaled = torch.ones_like(y) * product.per_output(values)
    axis = 2 if name != "linear" else y.ndim - 1
    assert torch.equal(
        scaled.select(axis, 5).unique(), torch.tensor([5.0, 13.0], dtype=torch.float64)
    )
    assert torch.equal(
        product.sum_positions(torch.ones_like(y[0])),
        torch.full((8,), y[0].numel() / 8.0, dtype=torch.float64),
    )
    flags = torch.zeros_like(y[0], dtype=torch.bool)
    flags[(1, *(0,) * (flags.ndim - 1))] = True
    assert bool((flags & product.any_output(flags)).any())
    assert int(product.any_output(flags).sum()) == 1
    assert float((x / product.largest(x)).abs().amax()) == 1.0


def test_gradients_of_small_strided_pointwise_weights_do_not_use_whole_images(monkeypatch):
    # oneDNN writes beyond a buffer if the input with channels last has exactly stride x output pixels.
    product = ConvProduct((1, 1), (2, 2), (0, 0), (1, 1), 1)
    x = torch.randn(4, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    matrix = torch.randn(4, 3)
    grad = torch.randn_like(product.multiply(x, matrix))
    sizes, plain = [], ConvProduct._gradients

    def noted(self, grad, x, kernels, needs):
        if needs[1]:
            sizes.append(tuple(x.shape[-2:]))
        return plain(self, grad, x, kernels, needs)

    monkeypatch.setattr(ConvProduct, "_gradients", noted)
    grad_x, grad_matrix = product.backward(grad, x, matrix, (True, True), 2.0)
    exact = torch.einsum("nohw,nihw->oi", grad.double(), x[:, :, ::2, ::2].double())
    assert torch.allclose(grad_matrix.double(), 2.0 * exact, atol=1e-3)
    assert grad_x.shape == x.shape
    assert sizes == [(15, 15)]
    assert product.backward(grad, x, matrix, (True, False))[1] is None
    assert product.backward(grad, x, matrix, (False, True))[0] is None
    product.backward(grad, x.contiguous(), matrix, (False, True))
    assert sizes[-1] == (16, 16)
