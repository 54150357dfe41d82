"""Decoders of transformers: sizes, training on chips, and what is said without the package."""

import sys

import pytest
import torch

from analognas.core import InvalidArgumentError
from analognas.models import build_model, digital_parts
from analognas.nn import analog_layers, to_analog

pytest.importorskip("transformers", reason="transformers is not installed: pip install -e '.[dev]'")


@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.filterwarnings("ignore::analognas.nn.StaysDigitalWarning")
def test_decoders_are_causal_and_convert(name):
    made = torch.Generator().manual_seed(0)
    net = build_model(name, input_shape=(6,), n_classes=11, width=16, generator=made).eval()
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    changed = tokens.clone()
    changed[0, -1] = 7
    first, second = net(tokens), net(changed)
    assert first.shape == (1, 6, 11)
    torch.testing.assert_close(first[:, :-1], second[:, :-1])
    assert (first[:, -1] != second[:, -1]).any()
    analog = to_analog(net, exclude=digital_parts(net))
    per_layer = {"gpt2": 4, "llama": 7}[name]
    assert len(dict(analog_layers(analog))) == 2 * per_layer + 1


def test_a_checkpoint_is_read_from_a_folder(tmp_path):
    net = build_model("gpt2", input_shape=(6,), n_classes=11, width=16).eval()
    net.decoder.save_pretrained(tmp_path)
    again = build_model("decoder", input_shape=(6,), n_classes=11, checkpoint=str(tmp_path)).eval()
    tokens = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(again(tokens), net(tokens))
    with pytest.raises(InvalidArgumentError, match="token ids of the checkpoint"):
        build_model("decoder", input_shape=(6,), n_classes=12, checkpoint=str(tmp_path))


def test_wrong_sizes_and_a_missing_package(monkeypatch):
    with pytest.raises(InvalidArgumentError, match="`heads`"):
        build_model("llama", input_shape=(6,), n_classes=11, width=10, heads=4)
    with pytest.raises(InvalidArgumentError, match="`key_heads`"):
        build_model("llama", input_shape=(6,), n_classes=11, width=16, key_heads=3)
    with pytest.raises(InvalidArgumentError, match="`input_shape`"):
        build_model("gpt2", input_shape=(3, 8, 8), n_classes=11)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'analognas\[hf\]'"):
        build_model("gpt2", input_shape=(6,), n_classes=11)
