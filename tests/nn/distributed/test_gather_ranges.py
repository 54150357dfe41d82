"""Two processes that call different layers, or run out of batches, end with equal and right ranges."""

import pytest
import torch

INIT_STD = 3.0


def expected(results, name):
    """The mean over steps of the mean over the processes that used a layer, and the number of such steps."""
    steps = []
    for own, other in zip(results[0]["seen"], results[1]["seen"], strict=True):
        found = [step[name] for step in (own, other) if name in step]
        if found:
            steps.append(sum(found) / len(found))
    return INIT_STD * sum(steps) / len(steps), len(steps)


@pytest.mark.parametrize("name", ["heads", "stochastic_depth"])
def test_processes_that_call_different_layers(together, name):
    results = together[name]
    assert results[0]["ranges"] == results[1]["ranges"]
    for i, (layer, value) in enumerate(results[0]["ranges"].items()):
        mean, n = expected(results, layer)
        assert value == pytest.approx(mean, rel=1e-5)
        assert [result["counts"][i] for result in results] == [n, n]


def test_the_heads_of_two_processes_are_not_mixed(together):
    first, second = together["heads"][0]["ranges"].values()
    assert 2.5 < first < 3.5
    assert 25.0 < second < 35.0


def test_each_layer_ends_its_warm_up_in_its_own_time(together):
    one, other = together["heads_to_the_end"]
    assert one["counts"] == other["counts"] == [2, 2]
    assert one["ranges"] == other["ranges"]
    # The range of the head that all use is learned long since; the other's is the mean of its two batches.
    mean = INIT_STD * sum(step["heads.1"] for step in other["seen"] if "heads.1" in step) / 4
    assert one["ranges"]["heads.1"] == pytest.approx(mean, rel=0.2)


def test_processes_that_run_out_of_batches(together):
    results = together["join"]
    first = [result["first"] for result in results]
    assert first[0]["ranges"] == first[1]["ranges"]
    assert first[0]["counts"] == first[1]["counts"] == [5, 5]
    spreads = [step["heads.0"] for report in first for step in report["seen"]]
    assert len(spreads) == 8
    mean = INIT_STD * sum(spreads) / 8
    assert first[0]["ranges"]["heads.0"] == pytest.approx(mean, rel=1e-5)
    again = INIT_STD * (spreads[0] + spreads[3]) / 2
    for result in results:
        assert result["counts"] == [6, 6]
        assert result["ranges"]["heads.0"] == pytest.approx((5 * mean + again) / 6, rel=1e-5)


def test_the_head_of_the_process_that_ended_first_is_kept(together):
    """The context copies the network of the last process to the others."""
    results = together["join_heads"]
    for rank in range(2):
        seen = [step[f"heads.{rank}"] for step in results[rank]["first"]["seen"]]
        for result in results:
            value = result["first"]["ranges"][f"heads.{rank}"]
            assert value == pytest.approx(INIT_STD * sum(seen) / len(seen), rel=1e-5)
            assert result["first"]["counts"] == [3, 5]


def test_small_batches_before_a_step_are_all_taken(together):
    results = together["accumulation"]
    assert results[0]["ranges"] == results[1]["ranges"]
    assert [result["counts"] for result in results] == [[9], [9]]
    steps = [a + b for a, b in zip(results[0]["seen"], results[1]["seen"], strict=True)]
    mean = INIT_STD * sum(sum(step) / len(step) for step in steps) / 3
    assert results[0]["ranges"]["0"] == pytest.approx(mean, rel=1e-5)


def test_checkpointing_changes_nothing(together):
    for result in together["checkpointing"]:
        assert result["counts"] == [2, 2]
        for plain, repeated in result["pairs"]:
            assert torch.equal(plain, repeated)


def test_a_process_without_examples_holds_nobody_up(together):
    one, other = together["empty"]
    assert one["ranges"] == other["ranges"]
    assert one["counts"] == other["counts"] == [4, 4]


def test_networks_that_are_not_wrapped_wait_for_nobody(together):
    one, other = together["alone"]
    assert one["before"] != other["before"]
    assert one["ranges"] == other["ranges"]  # gather_input_ranges() was called
    assert one["counts"] == other["counts"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["without_attach", "heads_under_fsdp"])
def test_heads_without_attach_and_under_fsdp(together_slow, together, name):
    expected = together["heads"][0]["ranges"]
    for result in together_slow[name]:
        assert result["ranges"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compiled", "compiled_as_a_whole"])
def test_compiled_networks(together_slow, name):
    """The range is learned from one batch later on."""
    for result in together_slow[name]:
        assert result["counts"] == [2, 2]
        for plain, compiled in result["pairs"]:
            torch.testing.assert_close(compiled, plain, rtol=2e-4, atol=2e-5)
