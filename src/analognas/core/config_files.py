"""Mappings as YAML or JSON files: read strictly, written atomically.

This module handles the format; callers check the content. A duplicate key of a mapping is an error in both
formats.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .checks import check_choice
from .errors import InvalidArgumentError
from .files import CHECKSUM_KEY, dump_json, write_text
from .limits import LARGEST_TEXT, LARGEST_YAML, parse_json, shown
from .text_files import read_text
from .yaml_texts import YAML_ERRORS, YAML_SCALARS, compose_yaml, load_yaml

__all__ = [
    "CONFIG_ENDINGS",
    "Line",
    "check_keys",
    "check_mapping",
    "entry_lines",
    "is_config_file",
    "parse_value",
    "parse_yaml",
    "read_mapping",
    "read_mapping_text",
    "write_mapping",
    "yaml_text",
]

CONFIG_ENDINGS = (".yaml", ".yml", ".json")
"""Endings of such files, in any case."""

_UNFOLDED = 10**6


class Line(dict[str, Any]):
    """A mapping that is written on one line of YAML."""


def parse_yaml(text: Any, kind: str) -> dict[str, Any]:
    """Return the one mapping that a YAML text holds.

    Args:
        text: The text.
        kind: What it describes, for messages ("space").

    Raises:
        InvalidArgumentError: If it is not YAML, has a duplicate key, or is not a mapping.

    Example:
        >>> parse_yaml("{rate: 1e-4}", "space")
        {'rate': 0.0001}
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(
            f"A {kind} must be given as YAML text, but got {shown(repr(text))}."
        )
    try:
        payload = load_yaml(text)
    except YAML_ERRORS as error:
        raise InvalidArgumentError(f"Cannot read a {kind}: {_reason(error)}.") from None
    return dict(check_mapping(kind, payload))


def yaml_text(payload: Mapping[str, Any]) -> str:
    """Return plain values as YAML text, with every :class:`Line` on one line.

    Example:
        >>> print(yaml_text({"name": "mlp", "depth": Line(min=1, max=3)}), end="")
        name: mlp
        depth: {min: 1, max: 3}
    """
    text: str = yaml.dump(
        dict(payload), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_UNFOLDED
    )
    return text


def read_mapping(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Return the one mapping that a ``.yaml``, ``.yml`` or ``.json`` file holds.

    Args:
        path: The file.
        kind: What it describes, for messages ("device").

    Raises:
        UnknownNameError: If the ending is another one.
        InvalidArgumentError: If the file cannot be read, is not YAML or JSON, has a duplicate key, or is not a
            mapping.
    """
    return read_mapping_text(path, kind)[0]


def read_mapping_text(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], str]:
    """Return what :func:`read_mapping` returns, and the text of the file; raises the same."""
    ending = _ending(path, kind)
    where = f"Cannot read a {kind} from {str(path)!r}: it"
    try:
        text = read_text(path, LARGEST_TEXT if ending == ".json" else LARGEST_YAML)
        if ending == ".json":
            payload = parse_json(text, where=where, error=InvalidArgumentError)
            if isinstance(
                payload, dict
            ):  # of a file that a command has sealed; people may edit a copy
                payload.pop(CHECKSUM_KEY, None)
        else:
            payload = load_yaml(text)
    except InvalidArgumentError:
        raise
    except YAML_ERRORS as error:
        raise InvalidArgumentError(
            f"Cannot read a {kind} from {str(path)!r}: {_reason(error)}."
        ) from None
    return dict(check_mapping(str(path), payload)), text


def entry_lines(text: str) -> dict[tuple[str | int, ...], int]:
    r"""Return the line, from 1, of each entry of a YAML or JSON text, by its path; none of a very long text.

    Example:
        >>> entry_lines("name: mlp\nlayers:\n- {units: 3}")[("layers", 0, "units")]
        3
    """
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        root = compose_yaml(text.replace("\t", " "))  # JSON may have tabs
    except YAML_ERRORS:
        return lines
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), root)]
    seen: set[int] = set()  # an alias may refer to the mapping that holds it
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        entries: list[tuple[str | int, Any, Any]] = []
        if isinstance(node, yaml.MappingNode):
            entries = [(str(key.value), key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            entries = [(i, value, value) for i, value in enumerate(node.value)]
        for name, place, value in entries:
            lines[(*path, name)] = place.start_mark.line + 1
            waiting.append(((*path, name), value))
    return lines


def parse_value(text: str) -> Any:
    """Return one plain value that is given as a YAML text, as on a command line.

    Raises:
        InvalidArgumentError: If it is not a YAML text.

    Example:
        >>> parse_value("[1, 1e-4]"), parse_value("digits"), parse_value("null")
        ([1, 0.0001], 'digits', None)
    """
    try:
        return load_yaml(text)
    except YAML_ERRORS as error:
        raise InvalidArgumentError(
            f"Cannot read the value {shown(text)!r}: {_reason(error)}."
        ) from None


def write_mapping(path: str | os.PathLike[str], payload: Mapping[str, Any], kind: str) -> None:
    """Write a mapping of plain values to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Args:
        path: The file.
        payload: Mappings, lists, texts, numbers, truth values and None, in the order of the file.
        kind: What it describes, for messages ("device").

    Raises:
        UnknownNameError: If the ending is another one.
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    if _ending(path, kind) == ".json":
        write_text(path, dump_json(payload) + "\n")
    else:
        write_text(path, yaml.dump(payload, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def is_config_file(name: str) -> bool:
    """Return whether ``name`` has the ending of such a file, instead of being a name.

    Example:
        >>> is_config_file("mine.yaml"), is_config_file("PCM")
        (True, False)
    """
    return Path(name).suffix.lower() in CONFIG_ENDINGS


def check_mapping(name: str, payload: Any) -> Mapping[str, Any]:
    """Return ``payload`` if it is a mapping whose keys are texts.

    Raises:
        InvalidArgumentError: Otherwise.

    Example:
        >>> check_mapping("tile", {"rows": 256})
        {'rows': 256}
    """
    expected = f"`{name}` must be a mapping of names to values"
    if not isinstance(payload, Mapping):
        got = "nothing" if payload is None else type(payload).__name__
        raise InvalidArgumentError(f"{expected}, but got {got}.")
    for key in payload:
        if not isinstance(key, str):
            raise InvalidArgumentError(f"{expected}, but got the key {shown(key)}.")
    return payload


def check_keys(kind: str, payload: Mapping[str, Any], known: Iterable[str]) -> None:
    """Check that all keys are known.

    Args:
        kind: What a key is, for the message ("tile argument").
        payload: The mapping.
        known: Its possible keys.

    Raises:
        UnknownNameError: If one is not; names the nearest and lists the choices.
    """
    choices = list(known)
    for key in payload:
        check_choice(kind, key, choices)


def _ending(path: str | os.PathLike[str], kind: str) -> str:
    return check_choice(f"{kind} file ending", Path(path).suffix.lower(), CONFIG_ENDINGS)


def _reason(error: Exception) -> str:
    """Return in one line why a file could not be read."""
    if isinstance(error, yaml.MarkedYAMLError):
        text = ", ".join(part for part in (error.context, error.problem) if part)
        return f"{text} (line {error.problem_mark.line + 1})" if error.problem_mark else text
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError):
        return f"{error.strerror}; give the path of a file that exists"
    if isinstance(error, LookupError | AttributeError):
        return "a value does not have the form that its tag asks for"
    return " ".join(str(error).split())


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line; quotes texts that YAML 1.1 or 1.2 would read as other types."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        # PyYAML would fold these line breaks into a blank.
        style = '"' if any(mark in data for mark in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def represent_line(self, data: Line) -> yaml.MappingNode:
        return self.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)

    def represent_plain_list(self, data: list[Any]) -> yaml.SequenceNode:
        flow = not any(isinstance(entry, list | dict) for entry in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flow)


for _tag, _pattern in YAML_SCALARS.items():
    _Dumper.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), None
    )
_Dumper.add_representer(list, _Dumper.represent_plain_list)
_Dumper.add_representer(Line, _Dumper.represent_line)
_Dumper.add_representer(str, _Dumper.represent_text)
