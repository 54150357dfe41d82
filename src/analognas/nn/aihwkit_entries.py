"""Configurations of aihwkit, read without aihwkit.

The fields are read by name from the object, so nothing of aihwkit is imported. A field that this package cannot
follow must have a value that switches it off; otherwise an error names it.
"""

from __future__ import annotations

import math
from typing import Any

from ..core import InvalidArgumentError

__all__ = ["aihwkit_entries"]

_NO_CLIP = 1e8  # larger bounds never clip
_SWITCHED_OFF = (
    "inp_sto_round",
    "out_sto_round",
    "inp_asymmetry",
    "out_asymmetry",
    "out_noise_std",
    "out_nonlinearity",
    "v_offset_std",
    "r_series",
    "w_read_asymmetry_dtod",
    "nm_thres",
)
_WIRE_RATIO = 1.0 / 0.35 / 5e-6  # aihwkit's conductance of a wire segment over that of a device
_REFERENCE_G_MAX = 25.0  # µS, of the coefficients of programming noise
_MODIFIERS = {
    "none": "none",
    "copy": "none",
    "discretize": "discretize",
    "multnormal": "multiplicative",
    "addnormal": "additive",
    "poly": "polynomial",
    "prognoise": "programming",
    "dropconnect": "none",
}
_CLIPS = {"none": "none", "fixedvalue": "fixed", "layergaussian": "gaussian"}
_REMAPS = {"none": None, "layerwisesymmetric": "layer", "channelwisesymmetric": "column"}
_PASSES = {"onepass": "one", "ideal": "ideal"}
_BOUND_MANAGEMENT = {"none": False, "iterative": True}
_READ_NOISE = {
    "none": None,
    "additiveconstant": "constant",
    "pcmread": "pcm",
    "pcmreadnoise": "pcm",
}
_PCM_FIELDS = {
    "g_max": "g_max",
    "t_0": "t_0",
    "t_read": "t_read",
    "prog_noise_scale": "prog_noise_scale",
    "read_noise_scale": "read_noise_scale",
    "drift_scale": "drift_scale",
}


def aihwkit_entries(config: Any) -> dict[str, Any]:
    """Return the entries of an :class:`.AnalogConfig` for an ``InferenceRPUConfig`` of aihwkit.

    Args:
        config: The object, or one with the same attributes; what it lacks has aihwkit's meaning of absent.

    Raises:
        InvalidArgumentError: If it has no forward pass, or a field has no counterpart here; names the field.
    """
    forward = getattr(config, "forward", None)
    if forward is None:
        raise InvalidArgumentError(
            f"A configuration of aihwkit must have `forward`, but {type(config).__name__} has none: pass an "
            "InferenceRPUConfig."
        )
    entries = {
        "tile": _tile(config),
        "modifier": _modifier(getattr(config, "modifier", None)),
        "clip": _clip(getattr(config, "clip", None)),
        "scaling": _scaling(config),
        "input_range": _input_range(config),
        "compensation": {"kind": _compensation(getattr(config, "drift_compensation", None))},
        **_forward(forward),
    }
    noise = getattr(config, "noise_model", None)
    return entries if noise is None else {**entries, "device": _device(noise)}


def _forward(forward: Any) -> dict[str, Any]:
    """Converters and noise of a product."""
    passes = _choice("forward.mv_type", getattr(forward, "mv_type", "OnePass"), _PASSES)
    if getattr(forward, "is_perfect", False) or passes == "ideal":
        return {
            "dac": {"bits": None},
            "adc": {"bits": None, "bound": None},
            "out_noise": 0.0,
        }
    _must("forward.inp_bound", getattr(forward, "inp_bound", 1.0), 1.0)
    _must("forward.out_scale", getattr(forward, "out_scale", 1.0), 1.0)
    for name in _SWITCHED_OFF:
        _must(f"forward.{name}", getattr(forward, name, 0.0), 0.0)
    ir_drop = float(getattr(forward, "ir_drop", 0.0))
    if ir_drop:
        ratio = float(getattr(forward, "ir_drop_g_ratio", _WIRE_RATIO))
        close = math.isclose(ratio, _WIRE_RATIO)
        _must("forward.ir_drop_g_ratio", _WIRE_RATIO if close else ratio, _WIRE_RATIO)
    bound = float(getattr(forward, "out_bound", 12.0))
    open_ended = bound <= 0.0 or bound >= _NO_CLIP or math.isinf(bound)
    bits = _bits("forward.out_res", getattr(forward, "out_res", -1.0))
    if open_ended and bits is not None:
        raise InvalidArgumentError(
            f"`forward.out_res` needs a finite `forward.out_bound`, but got {bound:g}: rounding has no steps."
        )
    management = getattr(forward, "bound_management", "none")
    managed = _choice("forward.bound_management", management, _BOUND_MANAGEMENT) and not open_ended
    kind = _choice("forward.w_noise_type", getattr(forward, "w_noise_type", "none"), _READ_NOISE)
    std = float(getattr(forward, "w_noise", 0.0)) if kind is not None else 0.0
    return {
        "dac": {
            "bits": _bits("forward.inp_res", getattr(forward, "inp_res", -1.0)),
            "noise": float(getattr(forward, "inp_noise", 0.0)),
        },
        "adc": {
            "bits": bits,
            "bound": None if open_ended else bound,
            "bound_management": managed,
        },
        "out_noise": float(getattr(forward, "out_noise", 0.0)),
        "read_noise": {"std": std, **({} if kind is None else {"kind": kind})},
        "ir_drop": ir_drop,
    }


def _bits(name: str, resolution: Any) -> int | None:
    """Bits of a resolution, given as a step relative to the whole range, or as the number of states."""
    value = float(resolution)
    if value <= 0.0:
        return None
    states = value if value > 1.0 else 1.0 / value
    bits = math.log2(states + 2.0)
    if abs(bits - round(bits)) > 0.01 or not 2 <= round(bits) <= 24:
        raise InvalidArgumentError(
            f"`{name}` must be 1 / (2^bits - 2) with 2 to 24 bits, or at most 0 for none, but got {value:g}."
        )
    return round(bits)


def _tile(config: Any) -> dict[str, Any]:
    mapping = getattr(config, "mapping", None)
    sizes = {
        "rows": getattr(mapping, "max_input_size", 512),
        "columns": getattr(mapping, "max_output_size", 512),
    }
    return {name: int(size) if size and size > 0 else None for name, size in sizes.items()}


def _scaling(config: Any) -> dict[str, Any]:
    mapping = getattr(config, "mapping", None)
    omega = float(getattr(mapping, "weight_scaling_omega", 1.0))
    _must("mapping.weight_scaling_omega", omega, 1.0)
    _must("mapping.digital_bias", getattr(mapping, "digital_bias", True), True)
    columns = bool(getattr(mapping, "weight_scaling_columnwise", False))
    learned = bool(getattr(mapping, "learn_out_scaling", False))
    if learned:
        of_output = getattr(mapping, "out_scaling_columnwise", columns)
        _must("mapping.out_scaling_columnwise", of_output, columns)
    remap = getattr(config, "remap", None)
    kind = _choice("remap.type", getattr(remap, "type", "none"), _REMAPS)
    if kind == "column":
        _must("mapping.weight_scaling_columnwise", columns, True)
    for name, neutral in (("remapped_wmax", 1.0), ("max_scale_range", 0.0)):
        _must(f"remap.{name}", getattr(remap, name, neutral), neutral)
    return {
        "per": "column" if columns else "tile",
        "remap": kind is not None,
        "learned": learned,
    }


def _modifier(modifier: Any) -> dict[str, Any]:
    if modifier is None:
        return {"kind": "none"}
    kind = _choice("modifier.type", getattr(modifier, "type", "none"), _MODIFIERS)
    entries: dict[str, Any] = {
        "kind": kind,
        "std": float(getattr(modifier, "std_dev", 0.0)),
        "drop_connect": float(getattr(modifier, "pdrop", 0.0)),
    }
    for name, neutral in (
        ("sto_round", False),
        ("enable_during_test", False),
        ("rel_to_actual_wmax", True),
        ("per_batch_sample", False),
        ("copy_last_column", False),
    ):
        _must(f"modifier.{name}", getattr(modifier, name, neutral), neutral)
    if kind in ("polynomial", "programming") and hasattr(modifier, "coeffs"):
        entries["coeffs"] = [float(value) for value in modifier.coeffs]
    if kind == "discretize":
        entries["bits"] = _bits("modifier.res", getattr(modifier, "res", 0.0)) or 24
    return entries


def _clip(clip: Any) -> dict[str, Any]:
    if clip is None:
        return {"kind": "none"}
    kind = _choice("clip.type", getattr(clip, "type", "none"), _CLIPS)
    entries: dict[str, Any] = {"kind": kind}
    if kind == "gaussian" and float(getattr(clip, "fixed_value", -1.0)) > 0.0:
        raise InvalidArgumentError(
            "`clip.fixed_value` must be at most 0 beside another kind of clipping, but got "
            f"{clip.fixed_value!r}."
        )
    if kind == "gaussian":
        entries["sigma"] = float(getattr(clip, "sigma", 2.5))
    elif kind == "fixed":
        entries["value"] = float(getattr(clip, "fixed_value", 1.0))
    return entries


def _input_range(config: Any) -> dict[str, Any]:
    ranges = getattr(getattr(config, "pre_post", None), "input_range", None)
    if ranges is None or not getattr(ranges, "enable", False):
        managed = getattr(config.forward, "noise_management", "absmax")
        kinds = {"none": {"kind": "fixed", "init": 1.0}, "absmax": {"kind": "absmax"}}
        return dict(_choice("forward.noise_management", managed, kinds))
    if _name(getattr(config.forward, "noise_management", "none")) != "none":
        raise InvalidArgumentError(
            "`forward.noise_management` must be NONE where `pre_post.input_range` is enabled, but got "
            f"{_name(config.forward.noise_management)!r}."
        )
    return {
        "kind": "learned" if getattr(ranges, "learn_input_range", True) else "fixed",
        "init": float(getattr(ranges, "init_value", 3.0)),
        "init_std": float(getattr(ranges, "init_std_alpha", 3.0)),
        "init_batches": int(getattr(ranges, "init_from_data", 100)),
        "decay": float(getattr(ranges, "decay", 0.001)),
        "min_unclipped": float(getattr(ranges, "input_min_percentage", 0.95)),
    }


def _compensation(compensation: Any) -> str:
    if compensation is None:
        return "none"
    if (kind := type(compensation).__name__) != "GlobalDriftCompensation":
        raise InvalidArgumentError(
            f"`drift_compensation` must be None or a GlobalDriftCompensation, but is a {kind}."
        )
    return "global"


def _device(noise: Any) -> dict[str, Any]:
    kind = type(noise).__name__
    if kind == "PCMLikeNoiseModel":
        entries: dict[str, Any] = {"model": "PCM"}
        for theirs, ours in _PCM_FIELDS.items():
            if (value := getattr(noise, theirs, None)) is not None:
                entries[ours] = float(value)
        coefficients = getattr(noise, "prog_coeff", None)
        if coefficients is not None:
            reference = float(getattr(noise, "prog_coeff_g_max_reference", _REFERENCE_G_MAX))
            scale = _REFERENCE_G_MAX / reference
            entries["prog_coeffs"] = [scale * float(value) for value in coefficients]
        converter = getattr(noise, "g_converter", None)
        if converter is not None:
            if (found := type(converter).__name__) != "SinglePairConductanceConverter":
                raise InvalidArgumentError(
                    f"`noise_model.g_converter` must be a SinglePairConductanceConverter, but is a {found}: "
                    "choose `weight_mapping` of the AnalogConfig instead."
                )
            entries["g_min"] = float(getattr(converter, "g_min", None) or 0.0)
        return entries
    raise InvalidArgumentError(
        f"`noise_model` must be a PCMLikeNoiseModel, but is a {kind}: set it to None, and `device` of the "
        "AnalogConfig to a device of analognas.physics."
    )


def _name(value: Any) -> str:
    """Name of a member of an enumeration, or a text, in small letters without underscores."""
    text = getattr(value, "value", value)
    return str(text).rpartition(".")[2].replace("_", "").lower()


def _choice(field: str, value: Any, known: dict[str, Any]) -> Any:
    name = _name(value)
    if name not in known:
        raise InvalidArgumentError(
            f"`{field}` must be one of {', '.join(known)}, but got {name!r}, which has no counterpart."
        )
    return known[name]


def _must(field: str, value: Any, neutral: float | bool) -> None:
    if float(value) != float(neutral):
        raise InvalidArgumentError(
            f"`{field}` must be {neutral}, as it has no counterpart here, but got {value!r}."
        )
