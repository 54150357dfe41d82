import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from analognas.cli.device import device_app
from analognas.core import OutputFolderError, UnknownNameError
from analognas.physics import DEVICES, PCM, save_device

RUNNER = CliRunner()


def test_list_names_every_device():
    result = RUNNER.invoke(device_app, ["list"])
    assert result.exit_code == 0
    head, *lines = result.output.splitlines()
    assert head.split()[:3] == ["device", "conductance", "(µS)"]
    assert [line.split()[0] for line in lines] == DEVICES.names()


def test_list_as_json():
    rows = json.loads(RUNNER.invoke(device_app, ["list", "--json"]).output)
    assert [row["name"] for row in rows] == DEVICES.names()
    assert rows[0]["g_max"] == 25.0


@pytest.mark.figures
def test_show_writes_a_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(device_app, ["show", "PowerLaw-0.05"])
    assert result.output == "PowerLaw-0.05.png\n"
    assert (tmp_path / "PowerLaw-0.05.png").read_bytes().startswith(b"\x89PNG")


def test_show_takes_a_device_file(tmp_path):
    save_device(PCM(g_max=20.0), tmp_path / "mine.yaml")
    out = tmp_path / "figure.png"
    result = RUNNER.invoke(device_app, ["show", str(tmp_path / "mine.yaml"), "--out", str(out)])
    assert result.output.strip() == str(out)
    assert out.exists()


def test_errors_are_left_to_the_main_program(tmp_path):
    result = RUNNER.invoke(device_app, ["show", "PMC"])
    assert isinstance(result.exception, UnknownNameError)
    assert "Did you mean 'PCM'?" in str(result.exception)
    result = RUNNER.invoke(device_app, ["show", "PCM", "--out", str(tmp_path / "no" / "a.png")])
    assert isinstance(result.exception, OutputFolderError)


@pytest.mark.parametrize("module", ["analognas", "analognas.cli.device"])
def test_importing_is_light(module):
    heavy = "{'torch', 'matplotlib', 'analognas.physics'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
