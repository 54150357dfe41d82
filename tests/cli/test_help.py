"""Help fits one screen, its examples parse, and completion asks the same parser."""

import re
import shlex
import subprocess
import sys

import pytest

from analognas.cli import main
from analognas.cli.completion import names_of
from analognas.cli.main import _command

WIDTH, HEIGHT = 80, 40


def commands(command=None, words=()):
    """Words and command of each command, groups included."""
    command = _command() if command is None else command
    yield list(words), command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


ALL = list(commands())


def ids(words):
    return " ".join(words) or "analognas"


def shown_help(capsys, words, option="--help"):
    assert main([*words, option]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [words for words, _ in ALL], ids=ids)
def test_help_fits_one_screen_and_has_an_example(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    text = shown_help(capsys, words)
    lines = text.splitlines()
    assert len(lines) <= HEIGHT
    assert max(map(len, lines)) <= WIDTH
    if "Commands:" in text:
        assert "..." not in text.split("Commands:")[1]
    examples = re.findall(r"Example: (.*)", text)
    assert len(examples) == (1 if words else 0)
    for example in examples:
        parsed = shlex.split(example)
        if parsed[0] == "eval":
            parsed = shlex.split(parsed[1].strip("$()"))
        assert parsed[: len(words) + 1] == ["analognas", *words]
        check_words(parsed[1:])


def check_words(words):
    """Parse words as a command does, without running it."""
    command = _command()
    context = command.make_context("analognas", list(words))
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, rest, parent=context)


def test_help_begins_with_the_three_things_that_people_do(capsys):
    text = shown_help(capsys, [])
    begin = text.index("analognas search") < text.index("analognas drift") < text.index("Options")
    assert begin
    assert text.index("analognas cost") < text.index("Options")
    for line in re.findall(r"^.*?(?:  |:  +)analognas (.*)$", text, flags=re.M):
        check_words(shlex.split(line))


@pytest.mark.parametrize("command", ["search", "cost", "drift", "train"])
def test_rare_options_are_in_the_full_help(command, capsys):
    short, full = (shown_help(capsys, [command], option) for option in ("--help", "--help-all"))
    every = {name for word in full.split() if (name := word.strip("],")).startswith("--")}
    (declared,) = (one for words, one in ALL if words == [command])
    options = {option for one in declared.params for option in one.opts if option.startswith("--")}
    assert options <= every
    hidden = [
        option for option in options if not re.search(rf"^  {option}(?= |$)", short, flags=re.M)
    ]
    said = int(re.search(r"(\d+) more options: analognas \w+ --help-all", short)[1])
    assert len(hidden) == said > 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_ANALOGNAS_COMPLETE=complete_{shell}" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_another_shell(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("analognas se", "search\nsensitivity"),
        ("analognas search --bu", "--budget"),
        ("analognas search --optimizer random", "random_search"),
        ("analognas schema dri", "drift"),
        ("analognas device show PCM", "PCM\nPCMDrift"),
    ],
)
def test_the_parser_completes(line, expected, capsys, monkeypatch):
    monkeypatch.setenv("_ANALOGNAS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    monkeypatch.setattr(sys, "argv", ["analognas"])
    assert main() == 0
    found = capsys.readouterr().out.split()
    assert set(expected.split()) <= set(found) or found == ["PCM"]


def test_unknown_beginnings_complete_to_nothing():
    assert names_of("core:METRICS")("no_such") == []
