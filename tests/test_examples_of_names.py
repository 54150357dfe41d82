"""Every public name has a docstring, and every name of the first level an example; the others without one are listed."""

# ruff: noqa: SIM905 - words are easier to read than a list of quoted ones

import importlib
import inspect

import pytest

import analognas

ROOMS = (
    "analysis builder core data drift evaluators hardware models nn optimizers physics report search spaces "
    "tables testing training"
).split()

# Names that still have no example. The list only gets shorter: a name with an example must leave it.
WITHOUT = {
    "analysis": set(
        """
        Agreement AnalysisSettings ComparedNetwork LevelEffect Networks Prediction RobustnessAnalysis
        Slope Trait analyze rank_agreement run_analysis tau_b
        """.split()
    ),
    "builder": set(
        """
        Build BuildProgress BuildResult ExampleCounts Measurement MergeReport MetricComparison
        PoolWorkers Repeats Result SampleSettings SerialWorkers TableComparison VerifyReport Workers
        add_architectures add_further add_seeds add_table choose_architectures compare_tables
        make_workers merge_build merge_tables resume_build run_build start_with_tables status_of
        status_text verify_build verify_table
        """.split()
    ),
    "core": set(
        """
        atomic_write claim_folder claim_output hold_folder new_file register_metric total_violation
        """.split()
    ),
    "data": set(
        """
        Augmentation Compose SpectrogramMasks Standardise Tokenizer audio_data audio_split
        language_data load_npz load_tokenizer read_wav register_dataset text_data word_tokenizer
        """.split()
    ),
    "drift": set(
        """
        Conditions DriftProgress DriftSettings DriftStep DriftStudy MetricValues chip_metrics
        difference_of evaluate_conditions resume_drift run_drift
        read_drift verify_drift
        """.split()
    ),
    "evaluators": set(
        """
        CrossValidation DeviceCostEvaluator Evaluator GraphEnsemble MeasuredRegion Scale
        StochasticEvaluator Surrogate evaluator_from_definition igd_plus pooled_evaluation
        quality_curve
        """.split()
    ),
    "hardware": set(
        """
        Calibration MVMCost NamedLayers ProgrammingCost RecalibrationCost UpkeepResult
        UpkeepSettings register_chip upkeep
        """.split()
    ),
    "models": set(
        """
        KeywordCNN TextClassifier TransformerEncoder load_encoder register_model
        """.split()
    ),
    "nn": set(
        """
        ADC AnalogComposite AnalogLayer DAC InputRange MatrixTiles ReadNoise attach calibrate
        clip_and_remap gather_input_ranges register_converter register_fused run_chips
        """.split()
    ),
    "optimizers": set(
        """
        Optimizer Posterior
        """.split()
    ),
    "physics": set(
        """
        FittedRelaxation MultiPair PowerLawDevice register_device
        """.split()
    ),
    "report": set(
        """
        cell_columns comparison_figure convergence_figure remove_search_report training_figure
        write_final_report write_search_report write_training_report
        """.split()
    ),
    "search": set(
        """
        Backend BackendSettings Budget Comparison EvaluatorSettings FinalTraining ParallelBackend
        PoolBackend PosteriorEstimate RayBackend SearchProgress SearchView Standings TrialLog Trials
        find_evaluator make_backend model_of_search train_architecture
        """.split()
    ),
    "spaces": set(
        """
        Encoding LayerCounts Layers NamedLayers Space common_space count_networks register_encoding
        """.split()
    ),
    "tables": set(
        """
        Accuracies CellCosts LabelNoise MeasuredQuality MeasuredTable MeasurementMethod NASBench201
        TableRows TrueValues add_hw_nas_bench add_nas_bench_201 find_table read_csv_table read_rows
        write_rows
        """.split()
    ),
    "testing": set(
        """
        OptimizerConformance SpaceConformance
        """.split()
    ),
    "training": set(
        """
        ModelRecord Quantization Saving SplitScore Task TrainingProgress TrainingRecipe
        calibrate_quantization evaluate export_onnx from_pretrained load_model quantized_layers
        resume_run run_settings save_pretrained train_run
        """.split()
    ),
}


def public_names(room):
    """Classes and functions that a room exports."""
    module = importlib.import_module(f"analognas.{room}")
    exported = {name: getattr(module, name) for name in module.__all__}
    return {name: value for name, value in exported.items() if callable(value)}


def has_example(value):
    return ">>>" in (inspect.getdoc(value) or "")


def test_every_name_of_the_first_level_has_an_example():
    values = {name: getattr(analognas, name) for name in analognas.__all__}
    assert [name for name, value in values.items() if not has_example(value)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_a_docstring_and_an_example(room):
    names = public_names(room)
    assert [name for name, value in names.items() if not inspect.getdoc(value)] == []
    without = {name for name, value in names.items() if not has_example(value)}
    assert sorted(without - WITHOUT.get(room, set())) == [], "add an example"
    assert sorted(WITHOUT.get(room, set()) - without) == [], "these have one now; shorten the list"
