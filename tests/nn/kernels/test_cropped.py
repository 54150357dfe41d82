"""No layer gives torch images that make oneDNN write beyond a buffer in the gradient of a 1 x 1 weight."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from analognas.nn import channels_last, set_mode, to_analog
from analognas.nn.kernels.pointwise import cropped
from analognas.nn.quantize.integer_layers import calibrate_quantization, quantize

_LAST = torch.channels_last


class Backwards(TorchDispatchMode):
    """Notes the sizes of images for which torch computes the gradient of a weight."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution_backward.default and args[10][1]:
            self.sizes.append(tuple(args[1].shape[-2:]))
        return func(*args, **(kwargs or {}))


def ideal(net):
    return set_mode(to_analog(net), "ideal")


def quantized(net):
    return calibrate_quantization(quantize(net), [torch.randn(4, 3, 16, 16)]).train()


@pytest.mark.parametrize("convert", [lambda net: net, to_analog, ideal, quantized])
def test_gradients_of_small_strided_pointwise_weights_do_not_use_whole_images(convert):
    net = channels_last(convert(nn.Sequential(nn.Conv2d(3, 4, 1, 2))))
    y = net(torch.randn(4, 3, 16, 16))
    assert y.shape == (4, 4, 8, 8)
    with Backwards() as backwards:
        y.square().sum().backward()
    assert backwards.sizes == [(15, 15)]


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (6, 9), (16, 16)])
@pytest.mark.parametrize("stride", [(2, 2), (1, 3), (4, 2)])
def test_cropped_images_have_the_same_outputs(size, stride):
    x = torch.randn(2, 3, *size).contiguous(memory_format=_LAST)
    weight = torch.randn(4, 3, 1, 1)
    for images in (x, x[0]):
        read = cropped(images, (1, 1), stride, "valid", 1)
        y = nn.functional.conv2d(read, weight, stride=stride)
        assert torch.allclose(y, nn.functional.conv2d(images, weight, stride=stride), atol=1e-6)
        sizes = zip(read.shape[-2:], y.shape[-2:], stride, strict=True)
        assert all(have == (out - 1) * step + 1 for have, out, step in sizes)
    kept = x.contiguous()
    assert cropped(kept, (1, 1), stride, (0, 0), 1).shape == kept.shape
    assert cropped(x, (1, 1), stride, (1, 1), 1) is x
    assert cropped(x, (3, 3), stride, (0, 0), 1) is x
