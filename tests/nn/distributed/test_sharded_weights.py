"""A network under FSDP trains as it does under DistributedDataParallel."""

import pytest
import torch


def assert_same(results):
    """In bfloat16 numbers are coarser; compiled layers learn their range from one batch later on."""
    for by_wrapper in results:
        reference = by_wrapper["ddp"]
        for name, state in by_wrapper.items():
            close = not ("bf16" in name or "compiled" in name)
            assert state.keys() == reference.keys()
            for key, value in state.items():
                torch.testing.assert_close(
                    value,
                    reference[key],
                    rtol=1e-5 if close else 0.02,
                    atol=1e-6 if close else 0.002,
                    msg=lambda text, name=name, key=key: f"{name}, {key}: {text}",
                )


@pytest.mark.parametrize("name", ["fsdp", "fsdp_in_warm_up"])
def test_training(together, name):
    """Convolution, LSTM, attention and linear layer; clipped, remapped, with learned output factors."""
    results = together[name]
    assert_same(results)
    state = results[0]["fsdp1"]
    batches = 4 if name == "fsdp_in_warm_up" else 2
    assert int(state["conv.input_range_batches"]) == batches
    assert float(state["conv.input_range"]) != 3.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fsdp_variants", "fsdp_without_attach", "fsdp_chips"])
def test_variants(together_slow, name):
    """Nested wrappers, original parameters, sharded gradients, bfloat16; chips after a calibration."""
    assert_same(together_slow[name])
