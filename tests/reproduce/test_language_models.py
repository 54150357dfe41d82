"""Decoders on chips: a tiny experiment from a file of token ids, and text that a chip continues."""

import sys

import numpy as np
import pytest

from analognas.core import InvalidArgumentError
from analognas.reproduce import ExperimentSettings, read_reproduction, run_reproduction

pytest.importorskip("transformers", reason="transformers is not installed: pip install -e '.[dev]'")

WORDS = "a b c d e f g h".split()  # noqa: SIM905


@pytest.fixture
def settings(tmp_path):
    text = (np.arange(600) * 3 % len(WORDS)).astype("u2")
    vocabulary = np.frombuffer("\n".join(WORDS).encode(), dtype=np.uint8)
    np.savez(tmp_path / "tiny.npz", train=text, valid=text[:90], test=text[:90], vocab=vocabulary)
    return ExperimentSettings.from_dict(
        {
            "name": "tiny",
            "title": "A decoder",
            "chips": 2,
            "times": [1, 86400],
            "root": str(tmp_path),
            "tasks": [
                {
                    "name": "gpt2",
                    "title": "GPT-2 type",
                    "ptq": None,
                    "generate": 3,
                    "training": {
                        "model": "gpt2",
                        "model_options": {"width": 8, "layers": 1, "heads": 2, "dropout": 0.0},
                        "data": "npz",
                        "root": "tiny.npz",
                        "data_options": {"length": 9, "validation": 0},
                        "digital": {"epochs": 8, "batch_size": 5, "optimizer": {"lr": 0.02}},
                        "recipe": {"kind": "hwa", "epochs": 1, "batch_size": 5},
                    },
                }
            ],
        }
    )


@pytest.mark.filterwarnings("ignore::analognas.nn.StaysDigitalWarning")
def test_a_decoder_is_trained_measured_and_continues_a_text(settings, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    task = run_reproduction(settings, folder).tasks[0]
    assert task.metric == "perplexity"
    assert 1.0 < task.first.reference < 8.0  # better than chance
    texts = task.data["generated"]
    assert list(texts) == ["prompt", "digital", "chip after 1 s", "chip after 1 day"]
    assert texts["prompt"] == "a d g b e h c f"
    assert [len(text.split()) for text in texts.values()] == [8, 3, 3, 3]
    assert "chip after 1 day" in str(read_reproduction(folder))


def test_without_transformers_the_error_says_what_to_install(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(InvalidArgumentError, match=r"pip install 'analognas\[hf\]'"):
        run_reproduction(settings, folder)
