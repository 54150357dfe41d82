from analognas.nn import get_config


def test_rasch2023_is_what_the_paper_says():
    config = get_config("rasch2023")
    assert (config.tile.rows, config.dac.bits, config.adc.bits, config.adc.bound) == (
        512,
        8,
        8,
        10.0,
    )
    assert (config.out_noise, config.read_noise.std, config.ir_drop) == (0.04, 0.0175, 1.0)
    assert config.read_noise.kind == "pcm"
    assert (config.scaling.per, config.scaling.learned, config.scaling.remap) == (
        "column",
        True,
        True,
    )
    assert (config.clip.kind, config.clip.value) == ("fixed", 1.0)
    assert config.modifier.drop_connect == 0.01


def test_analognasbench_is_what_its_table_was_made_with():
    config = get_config("analognasbench")
    assert (config.modifier.kind, config.modifier.std) == ("additive", 0.06)
    assert (config.clip.kind, config.clip.sigma) == ("gaussian", 2.0)
    assert (config.out_noise, config.adc.bound, config.dac.bits, config.adc.bits) == (
        0.04,
        10.0,
        8,
        8,
    )
    ranges = config.input_range
    assert (ranges.kind, ranges.init_std, ranges.init_batches) == ("learned", 3.0, 50)
    assert (ranges.decay, ranges.min_unclipped) == (0.01, 0.995)
    assert (config.scaling.per, config.scaling.remap) == ("layer", True)
    assert (config.compensation.kind, config.device.g_max) == ("global", 25.0)
