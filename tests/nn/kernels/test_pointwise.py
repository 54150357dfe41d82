import pytest
import torch
from torch import nn

from analognas.nn import fuse_norms
from analognas.nn.kernels.pointwise import as_images, as_matrix, is_pointwise
from analognas.nn.tile.products import ConvProduct

LAST = torch.channels_last


def images(*shape):
    return torch.randn(shape).contiguous(memory_format=LAST)


def test_images_are_matrices_and_back():
    x = images(2, 3, 4, 5)
    matrix = as_matrix(x)
    assert matrix.data_ptr() == x.data_ptr()
    assert torch.equal(matrix[1 * 20 + 2 * 5 + 3], x[1, :, 2, 3])
    back = as_images(matrix, x)
    assert torch.equal(back, x)
    assert back.stride() == x.stride()


@pytest.mark.parametrize(
    ("x", "kernel", "stride", "padding", "groups"),
    [
        (images(2, 4, 3, 3), (1, 3), (1, 1), (0, 0), 1),
        (images(2, 4, 3, 3), (1, 1), (2, 2), (0, 0), 1),
        (images(2, 4, 3, 3), (1, 1), (1, 1), (1, 0), 1),
        (images(2, 4, 3, 3), (1, 1), (1, 1), (0, 0), 2),
        (images(2, 4, 3, 3), (1, 1), (1, 1), "same", 1),
        (images(2, 4, 3, 3).double(), (1, 1), (1, 1), (0, 0), 1),
        (torch.randn(2, 4, 3, 3), (1, 1), (1, 1), (0, 0), 1),
        (images(2, 4, 3, 3)[0], (1, 1), (1, 1), (0, 0), 1),
    ],
)
def test_other_convolutions_are_not(x, kernel, stride, padding, groups):
    assert not is_pointwise(x, kernel, stride, padding, groups)
    assert is_pointwise(images(2, 4, 3, 3), (1, 1), (1, 1), (0, 0), 1)


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_products_of_analog_layers_are_those_of_convolutions(factor):
    torch.manual_seed(0)
    product = ConvProduct((1, 1), (1, 1), (0, 0), (1, 1), 1)
    x, matrix, grad = images(3, 5, 4, 4), torch.randn(2, 5), torch.randn(3, 2, 4, 4)
    y = product.multiply(x, matrix, factor)
    assert y.is_contiguous(memory_format=LAST)
    torch.testing.assert_close(y, product.multiply(x.contiguous(), matrix, factor))
    for needs in ((True, True), (True, False), (False, True)):
        ours = product.backward(grad, x, matrix, needs, factor)
        theirs = product.backward(grad, x.contiguous(), matrix, needs, factor)
        for a, b, need in zip(ours, theirs, needs, strict=True):
            assert (a is not None) == need
            if a is not None and b is not None:
                torch.testing.assert_close(a, b)


@pytest.mark.parametrize("bias", [False, True])
def test_digital_convolutions_in_sequences(bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 3, 1, bias=bias)
    net = fuse_norms(nn.Sequential(conv))
    found = []
    for model in (conv, net):
        torch.manual_seed(1)
        x = images(2, 5, 4, 6).requires_grad_()
        y = model(x)
        conv.zero_grad()
        y.backward(torch.randn_like(y))
        assert y.is_contiguous(memory_format=LAST)
        found.append([y, x.grad, *(p.grad.clone() for p in conv.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(RuntimeError, match="channels"):
        net(images(2, 4, 3, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert net(images(2, 5, 4, 4)).dtype == torch.bfloat16
