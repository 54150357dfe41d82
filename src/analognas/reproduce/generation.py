"""Text that a language model continues, digitally and on a simulated chip."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core import InvalidArgumentError, RandomStreams
from ..core.times import time_name
from ..data import DataSet
from ..drift import DriftStudy
from ..nn import at_time, program, set_mode
from ..training import load_model
from .settings import ExperimentSettings, TaskSettings

__all__ = ["continued", "generated_texts"]

PROMPT = 8
"""Tokens of the test set that are continued."""


def generated_texts(
    experiment: ExperimentSettings, task: TaskSettings, hwa: Path, digital: Path
) -> dict[str, str]:
    """Return a prompt of the test set, and how the hardware-aware network continues it.

    Args:
        experiment: The experiment.
        task: The task; its ``generate`` is the number of tokens.
        hwa: Folder of the hardware-aware network.
        digital: Folder of the digital network.

    Returns:
        Texts by what continued them: the digital network, and the first chip at the first and the last time.

    Raises:
        InvalidArgumentError: If the task is not a language model.
    """
    study = DriftStudy(task.drift_settings(experiment, hwa, digital))
    data = study.dataset
    if data.task != "language_model":
        raise InvalidArgumentError(
            f"`generate` is for language models, but the task {task.name!r} is {data.task}; omit it."
        )
    assert study.digital is not None  # the settings name it
    prompt = data.test.inputs[0][:PROMPT].tolist()
    found = {
        "prompt": _words(data, prompt),
        "digital": _words(data, continued(study.digital, prompt, task.generate, data)),
    }
    network = copy.deepcopy(load_model(hwa)[0]).eval()
    program(network, generator=RandomStreams(experiment.seed).torch("chip", 0))
    for t in (experiment.times[0], experiment.times[-1]):
        set_mode(at_time(network, t), "chip")
        name = f"chip after {time_name(t)}"
        found[name] = _words(data, continued(network, prompt, task.generate, data))
    return found


@torch.no_grad()
def continued(model: nn.Module, prompt: list[int], n: int, data: DataSet) -> list[int]:
    """Return the most probable next tokens, one after another.

    Args:
        model: A language model.
        prompt: Token ids to continue.
        n: Number of tokens.
        data: The data set; the model sees as many tokens as its windows have.
    """
    ids = list(prompt)
    length = data.input_shape[0]
    model.eval()
    for _ in range(n):
        outputs: Any = model(torch.tensor([ids[-length:]]))
        ids.append(int(outputs[0, -1].argmax()))
    return ids[len(prompt) :]


def _words(data: DataSet, ids: list[int]) -> str:
    known = data.vocabulary
    return " ".join(str(i) if known is None else known[i] for i in ids)
