"""``analognas schema``: the JSON schemas of all settings, for editors and for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..core import Registry, dump_json
from ..core.text_tables import hanging
from .completion import names_of

if TYPE_CHECKING:
    from ..core.settings import Settings

SCHEMAS: Registry[type[Settings]] = Registry(
    "schema",
    {
        "search": "analognas.search:SearchSettings",
        "build": "analognas.builder:BuildSettings",
        "measurement": "analognas.builder:MeasurementSettings",
        "training": "analognas.training:RunConfig",
        "data": "analognas.data:DataSettings",
        "recipe-digital": "analognas.training:DigitalRecipe",
        "recipe-ptq": "analognas.training:PTQRecipe",
        "recipe-qat": "analognas.training:QATRecipe",
        "recipe-hwa": "analognas.training:HWARecipe",
        "model": "analognas.training:ModelRecord",
        "drift": "analognas.drift:DriftSettings",
        "analog": "analognas.nn:AnalogConfig",
        "quantization": "analognas.nn.quantize.quantizers:Quantization",
        "device-pcm": "analognas.physics:PCM",
        "device-hermes": "analognas.physics.hermes:Hermes",
        "device-custom-drift": "analognas.physics.custom:CustomDrift",
        "device-power-law": "analognas.physics.power_law:PowerLaw",
        "device-state-independent": "analognas.physics.power_law:StateIndependent",
        "device-ideal": "analognas.physics.power_law:Ideal",
        "device-reram-wan2022": "analognas.physics.reram:ReRAMWan2022",
        "device-reram-cmo": "analognas.physics.reram:ReRAMCMO",
        "device-fitted-power-law": "analognas.physics.fitted:FittedPowerLaw",
        "device-fitted-relaxation": "analognas.physics.fitted:FittedRelaxation",
        "fit": "analognas.physics.fitting:FitSettings",
        "analysis": "analognas.analysis:AnalysisSettings",
        "experiment": "analognas.reproduce:ExperimentSettings",
        "map": "analognas.hardware.hybrid:MapSettings",
        "layer-mapping": "analognas.drift.layer_mapping:LayerMapping",
        "mapping-single": "analognas.physics.mapping:SingleDevice",
        "mapping-pair": "analognas.physics.mapping:DifferentialPair",
        "mapping-multi-pair": "analognas.physics.mapping:MultiPair",
        "chip": "analognas.hardware:AIMCChip",
        "upkeep": "analognas.hardware:UpkeepSettings",
        "mvm-unit": "analognas.hardware:MVMUnit",
        "mvm-calibration": "analognas.hardware:Calibration",
        "mvm-coefficients": "analognas.hardware.mvm_coefficients:Coefficients",
        "measured-point": "analognas.hardware.calibration:MeasuredPoint",
    },
)
"""Classes of settings that a file can hold, by name; parts of them are inside their schemas."""


def schema(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Which settings; without a name, all are listed.",
            autocompletion=names_of("cli.schema:SCHEMAS"),
        ),
    ] = None,
) -> None:
    """Print the JSON schema of a settings file: every entry with type, bounds, default and meaning.

    Example: analognas schema search
    """
    if name is None:
        for known in SCHEMAS:
            title = (SCHEMAS.get(known).__doc__ or "").splitlines()[0]
            print(hanging(known, title, 26))
        return
    print(dump_json(SCHEMAS.get(name).json_schema()))
