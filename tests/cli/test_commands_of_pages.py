"""Every command that a page shows exists, with its options."""

import re
import shlex
from pathlib import Path

import pytest

from analognas.cli.main import _command

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("docs/tutorials/*.md")),
]


def shown_commands(text):
    """Words after ``analognas`` of each command in the code blocks and the inline code of a page."""
    blocks = "\n".join(re.findall(r"^```(?:sh|bash)\n(.*?)^```", text, flags=re.M | re.S))
    lines = re.findall(r"^analognas (.*)$", blocks.replace("\\\n", " "), flags=re.M)
    lines += re.findall(r"`analognas ([^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return [shlex.split(line, comments=True) for line in lines]


def unknown_words(words):
    """Subcommands and options that do not exist; ``ls|show`` are two subcommands."""
    commands, words = [_command()], list(words)
    before = {option for parameter in commands[0].params for option in parameter.opts}
    while words and words[0] in before:
        del words[:2]
    while words and all(hasattr(command, "commands") for command in commands):
        names = words.pop(0).split("|")
        unknown = [name for name in names for each in commands if name not in each.commands]
        if unknown:
            return unknown
        commands = [each.commands[name] for name in names for each in commands]
    known = {
        frozenset(option for parameter in each.params for option in parameter.opts)
        for each in commands
    }
    options = [word.split("=")[0] for word in words if re.match(r"--[a-z]", word)]
    return [option for option in options if not all(option in each for each in known)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    for words in shown_commands(page.read_text()):
        assert unknown_words(words) == [], " ".join(words)


def test_commands_are_found_and_checked():
    text = "```sh\nanalognas search --budget 5   # 'comment'\n```\n`analognas trials ls|show X`"
    assert shown_commands(text) == [["search", "--budget", "5"], ["trials", "ls|show", "X"]]
    assert unknown_words(["search", "--budgte", "5"]) == ["--budgte"]
    assert unknown_words(["trials", "ls|delete", "X"]) == ["delete"]
    assert unknown_words(["--import", "mine", "train", "--budget"]) == ["--budget"]
