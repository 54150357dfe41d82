import json
import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analognas.core import AnalogNASError, ResumeError
from analognas.models import build_model
from analognas.training import (
    RECIPES,
    DigitalRecipe,
    EarlyAbort,
    OptimizerSettings,
    Recipe,
    RunConfig,
    Schedule,
    find_recipe,
    get_task,
    percentile_curve,
    train_run,
)
from analognas.training.early_abort import reason_to_abort
from analognas.training.recipes import adapted

ARCHITECTURE = {"out_channel0": 8, "M": 1, "R1": 1, "convblock1": 1, "widenfact1": 0.5, "B1": 1}


def test_cosine_is_its_formula():
    schedule = Schedule(kind="cosine", warmup=1.0, final=0.1)
    factors = [schedule.factor(step, 10, 110) for step in range(110)]
    assert factors[:10] == pytest.approx([(k + 1) / 11 for k in range(10)])
    assert factors[10] == 1.0
    assert factors[60] == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert factors[-1] == pytest.approx(0.1, abs=1e-3)


def test_steps_come_at_their_milestones():
    schedule = Schedule(kind="step", milestones=(0.5, 0.75), gamma=0.2)
    factors = [schedule.factor(step, 5, 20) for step in range(20)]
    assert factors == pytest.approx([1.0] * 10 + [0.2] * 5 + [0.04] * 5)


@given(
    st.sampled_from(["cosine", "step", "constant"]),
    st.floats(0, 5),
    st.integers(1, 30),
    st.integers(1, 10),
)
def test_factors_rise_while_warming_up_and_fall_after_it(kind, warmup, per_epoch, epochs):
    schedule, n = Schedule(kind=kind, warmup=warmup), per_epoch * epochs
    factors = [schedule.factor(step, per_epoch, n) for step in range(n)]
    warm = min(round(warmup * per_epoch), n)
    assert all(0.0 < factor <= 1.0 for factor in factors[:warm])
    assert all(a < b for a, b in pairwise(factors[:warm]))
    assert all(a >= b for a, b in pairwise(factors[warm:]))


@pytest.mark.parametrize("kind", RECIPES.names())
@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_recipes_survive_their_files(kind, ending, tmp_path):
    recipe = find_recipe(kind)
    if kind == "hwa":
        recipe = recipe.replace(analog=recipe.analog.replace(out_noise=0.01), ramp=0.5)
    recipe.save(tmp_path / f"mine.{ending}")
    assert find_recipe(str(tmp_path / f"mine.{ending}")) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"kind": "dgital"}, "Did you mean 'digital'"),
        ({"kind": "hwa", "schedul": {}}, "Did you mean 'schedule'"),
        ({"schedule": {"warm": 1}}, "Did you mean 'warmup'"),
        ({"schedule": None}, "mapping"),
        ({"schedule": {"milestones": [0.7, 0.5]}}, "`schedule.milestones`: it must hold ascending"),
        ({"optimizer": {"kind": "adam"}}, "Did you mean 'adamw'"),
        ({"optimizer": {"lr": 0}}, "`optimizer.lr` must be a finite number greater than 0"),
        ({"optimizer": {"betas": [0.9]}}, "`optimizer.betas\\[1\\]`"),
        ({"optimizer": {"betas": [0.9, 1.0]}}, "less than 1"),
        ({"epochs": 0}, "`epochs`"),
        ({"precision": "fp16"}, "precision"),
        ({"keep": "first"}, "keep"),
        ({"compile": 1}, "true or false"),
        ({"kind": "hwa", "analog": "rasch2032"}, "Did you mean 'rasch2023'"),
        ({"kind": "hwa", "distillation": {"temperature": 0}}, "distillation.temperature"),
        ({"kind": "ptq", "epochs": 3}, "ptq recipe entry 'epochs'"),
        ({"abort": {"curve": "fast"}}, "list of finite numbers"),
    ],
)
def test_recipes_are_checked(payload, text):
    with pytest.raises(AnalogNASError, match=text):
        Recipe.from_dict(payload)


def test_a_part_of_the_wrong_kind_is_an_error():
    with pytest.raises(AnalogNASError, match="`optimizer` must be a mapping"):
        DigitalRecipe(optimizer=Schedule())


def test_runs_are_hopeless_near_chance_or_below_the_curve():
    accuracy = get_task("classification")
    settings = EarlyAbort(after=2, min_skill=0.1, curve=(20.0, 50.0))
    assert "below the curve's 20" in reason_to_abort(settings, accuracy, 1, 0.15, 0.1)
    assert reason_to_abort(settings, accuracy, 1, 0.2, 0.1) == ""
    assert "too close to chance, 10" in reason_to_abort(settings, accuracy, 2, 0.11, 0.1)
    assert reason_to_abort(settings, accuracy, 3, 0.3, 0.1) == ""
    assert reason_to_abort(EarlyAbort(), accuracy, 9, 0.0, 0.1) == ""
    words = get_task("language_model")
    assert "above the curve's 90" in reason_to_abort(EarlyAbort(curve=(90.0,)), words, 1, 5.0, 6.0)


def test_the_curve_asks_for_the_percentile_in_either_direction():
    runs = [[{"validation_perplexity": 100.0 * i}] * 2 for i in range(1, 6)]
    assert percentile_curve(runs, get_task("language_model"), 25.0) == (400.0, 400.0)
    with pytest.raises(AnalogNASError, match="at least one run"):
        percentile_curve([], get_task("classification"))


def test_defaults_suit_the_data_and_choices_stay():
    recipe = adapted(DigitalRecipe(optimizer=OptimizerSettings(lr=3.0)), "language_model", 9999)
    assert (recipe.batch_size, recipe.optimizer.lr, recipe.clip_norm) == (20, 3.0, 0.5)
    assert adapted(DigitalRecipe(), "classification", 100).batch_size == 32
    assert adapted(DigitalRecipe(), "classification", 50_000) == DigitalRecipe()
    assert adapted(find_recipe("ptq"), "text_classification", 9999).batch_size == 64


def test_run_configurations_survive_their_files(tmp_path):
    config = RunConfig(
        recipe=find_recipe("hwa"), data_options={"validation": 0.2}, subset={"train": 100}
    )
    assert config.digital == DigitalRecipe()
    config.save(tmp_path / "config.yaml")
    assert RunConfig.load(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"modle": "cnn"}, "Did you mean 'model'"),
        ({"start": "x"}, "`start` must be omitted"),
        ({"digital": {"kind": "ptq"}, "recipe": {"kind": "qat"}}, "`digital.kind`"),
        ({"seed": -1}, "seed"),
        ({"model": 3}, "`model` must be a text"),
        ({"subset": [1]}, "subset"),
    ],
)
def test_run_configurations_are_checked(payload, text):
    with pytest.raises(AnalogNASError, match=text):
        RunConfig.from_dict(payload)


@pytest.mark.parametrize("text", ["epochs", "=3", "recipe..x=1", "seed.name=x"])
def test_settings_have_one_form(text):
    with pytest.raises(AnalogNASError, match="setting"):
        RunConfig().with_settings([text])


@pytest.mark.parametrize(
    "text",
    [json.dumps(ARCHITECTURE), "{" + ", ".join(f"{k}: {v}" for k, v in ARCHITECTURE.items()) + "}"],
    ids=["JSON", "YAML"],
)
def test_an_architecture_of_names_and_values_is_a_setting(text):
    """``--set model_options.architecture=...`` as ``best.json`` of a search over the ResNet space has it."""
    settings = [
        "model=searched",
        "model_options.space=resnet",
        f"model_options.architecture={text}",
    ]
    config = RunConfig().with_settings(settings)
    assert config.model_options["architecture"] == ARCHITECTURE
    network = build_model(
        config.model, input_shape=(1, 32, 32), n_classes=10, **config.model_options
    )
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_errors_of_a_file_name_entry_and_line(tmp_path):
    (tmp_path / "run.yaml").write_text(
        "seed: 1\nrecipe:\n  kind: hwa\n  distillation:\n    weight: 2\n"
    )
    with pytest.raises(AnalogNASError) as found:
        RunConfig.load(tmp_path / "run.yaml")
    assert "`recipe.distillation.weight` must be a finite number in [0, 1]" in str(found.value)
    assert "line 5" in str(found.value)


@pytest.mark.parametrize(
    "name", ["recipe_to_dict", "recipe_from_dict", "save_recipe", "Progress", "Scored"]
)
def test_former_names_still_work(name):
    import analognas.training

    with pytest.warns(DeprecationWarning, match=name):
        assert callable(getattr(analognas.training, name))


def test_there_must_be_a_run_to_resume(tmp_path):
    from analognas.training import resume_run

    with pytest.raises(ResumeError, match=r"config\.yaml"):
        resume_run(tmp_path)


def test_a_part_of_a_mapping_keeps_the_defaults_of_its_recipe():
    recipe = Recipe.from_dict(
        {"kind": "qat", "schedule": {"kind": "step"}, "optimizer": {"momentum": 0.5}}
    )
    assert recipe.schedule == Schedule(kind="step", warmup=0.5)
    assert recipe.optimizer == OptimizerSettings(lr=0.01, momentum=0.5)
    recipe = Recipe.from_dict({"kind": "qat", "quantization": {"batches": 2}})
    assert (recipe.quantization.batches, recipe.quantization.ranges) == (2, "learned")


def test_without_data_a_run_uses_those_of_the_network_it_starts_from(tmp_path):
    pytest.importorskip("sklearn")
    quick = {"subset": {"train": 40, "validation": 20, "test": 20}, "model": "cnn-2"}
    first = RunConfig.from_dict({**quick, "recipe": {"epochs": 1}})
    assert first.data is None
    train_run(first, tmp_path / "first")
    stored = RunConfig.load(tmp_path / "first" / "config.yaml")
    assert (stored.data, stored.data_options) == ("digits", {"size": 16})

    eight = first.replace(data="digits", data_options={"size": 8})
    train_run(eight, tmp_path / "eight")
    later = RunConfig.from_dict({"recipe": {"kind": "ptq"}, "start": str(tmp_path / "eight")})
    train_run(later, tmp_path / "ptq")
    stored = RunConfig.load(tmp_path / "ptq" / "config.yaml")
    assert (stored.data, stored.data_options, stored.subset.train) == ("digits", {"size": 8}, 40)
