"""Models of timm, which no extra installs: it brings torchvision and with it another build of torch."""

import warnings

import pytest
import torch
from torch import nn

from analognas.nn import (
    AnalogConfig,
    InputRange,
    at_time,
    calibrate,
    program,
    run_chips,
    set_mode,
    summary,
    to_analog,
    to_digital,
)

timm = pytest.importorskip("timm", reason="timm is not installed")

READY = AnalogConfig(input_range=InputRange(init_batches=0))

# Share of the parameters that must be on tiles; all else are embeddings, norms and tables.
MODELS = {
    "resnet18": 0.99,
    "vit_tiny_patch16_224": 0.98,
    "convnext_atto": 0.99,
    "mobilenetv3_small_050": 0.97,
    "tf_efficientnet_b0": 0.98,
}


@pytest.mark.parametrize("name", MODELS)
def test_there_on_a_chip_and_back(name):
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=10).eval()
    x = torch.randn(1, *model.default_cfg["input_size"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analog = to_analog(model, READY)
    result = summary(analog)
    assert result.analog_parameters >= MODELS[name] * result.parameters
    set_mode(analog, "ideal")
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(analog(x), expected)
    set_mode(analog, "train")
    nn.functional.cross_entropy(analog(x), torch.tensor([3])).backward()
    assert all(value.grad is not None for value in analog.parameters())
    calibrate(analog, [x])  # warns of layers that are not called, which would be an error here
    program(analog, generator=torch.Generator().manual_seed(0), chips=2)
    at_time(analog, 86400.0)
    y = run_chips(analog, x)
    assert torch.isfinite(y).all()
    assert not torch.equal(y[0], y[1])
    back = to_digital(analog)
    assert [type(part) for part in back.modules()] == [type(part) for part in model.modules()]
    with torch.no_grad():
        assert torch.equal(back(x), expected)


def test_weights_that_a_fused_attention_reads_itself_are_said():
    model = timm.create_model("beit_base_patch16_224", pretrained=False, depth=1).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analog = to_analog(model, READY)
    with pytest.warns(UserWarning, match=r"never called, first 'blocks\.0\.attn\.qkv'"):
        calibrate(analog, [torch.randn(1, 3, 224, 224)])
