"""A network under FSDP trains as it does under DistributedDataParallel."""

import pytest
import torch


def assert_same(results, tolerance=1e-5):
    for by_wrapper in results:
        reference = by_wrapper["ddp"]
        for name, state in by_wrapper.items():
            assert state.keys() == reference.keys()
            for key, value in state.items():
                torch.testing.assert_close(
                    value,
                    reference[key],
                    rtol=0.02 if "bf16" in name else tolerance,
                    atol=0.002 if "bf16" in name else 1e-6,
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
