import importlib
import json
import subprocess

import pytest

from analognas import version
from analognas.cli import main
from analognas.core import AnalogNASError

doctor_module = importlib.import_module("analognas.cli.doctor")


@pytest.mark.filterwarnings("error")
def test_everything_works(capsys, monkeypatch, tmp_path):
    (tmp_path / "hw-nas-bench").mkdir()
    (tmp_path / "hw-nas-bench" / "nasbench201.parquet").touch()
    (tmp_path / "cifar-10-python.tar.gz").touch()
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for text in ("numpy", "cpu: ", "ray", f"data in {tmp_path}", "Everything works."):
        assert text in out
    assert "hw-nas-bench  added" in out
    assert "nas-bench-201 not added: analognas data add nas-bench-201 FILE" in out
    assert "cifar-10-python.tar.gz" in out


def test_a_failed_check_is_named_and_sets_the_exit_code(capsys, monkeypatch):
    def broken():
        raise AnalogNASError("The table is damaged.")

    monkeypatch.setattr(doctor_module, "_SELF_TEST", {"look": broken, "fine": lambda: None})
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "failed: The table is damaged." in out
    assert "1 of 2 checks failed: look" in out
    assert main(["doctor", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["self_test"] == [
        {"name": "look", "problem": "The table is damaged."},
        {"name": "fine", "problem": None},
    ]


def test_wrong_numbers_are_found():
    with pytest.raises(AnalogNASError, match="must be 2 ± 0.1, but is 3"):
        doctor_module._expect("sum", 3.0, 2.0, 0.1)


def test_version_names_the_commit_of_a_build(monkeypatch, tmp_path, capsys):
    (tmp_path / version.COMMIT_FILE).write_text("0123456789ab\n")
    monkeypatch.setattr(version, "_PACKAGE", tmp_path)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"analognas {version.__version__} (commit 0123456789ab)\n"


def test_version_of_a_checkout(monkeypatch, tmp_path):
    package = tmp_path / "src" / "analognas"
    package.mkdir(parents=True)
    monkeypatch.setattr(version, "_PACKAGE", package)
    (tmp_path / "pyproject.toml").touch()
    assert version.commit() is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    clean = version.commit()
    assert clean is not None
    assert len(clean) == 12
    (tmp_path / "pyproject.toml").write_text("changed")
    assert version.commit() == f"{clean}-dirty"
    assert version.version_text() == f"{version.__version__} (commit {clean}-dirty)"


def test_version_of_a_git_address(monkeypatch, tmp_path):
    class Installed:
        def read_text(self, name):
            return json.dumps({"vcs_info": {"commit_id": "f" * 40}})

    monkeypatch.setattr(version, "_PACKAGE", tmp_path / "site-packages" / "analognas")
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed())
    assert version.commit() == "f" * 12
