"""Mappings as YAML or JSON files: read strictly, written atomically.

What is in a file is checked by those who know what it means; here is what all such files share. YAML is
read by the core schema of YAML 1.2, the numbers and truth values that JSON has too: ``1e-6`` is a number,
``no`` and ``1:30`` are texts. A key that is in one mapping twice is an error in both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .checks import check_choice
from .errors import InvalidArgumentError
from .files import dump_json, write_text
from .limits import DEEPEST_JSON, LARGEST_TEXT, LARGEST_YAML, parse_json, shown, size_text
from .text_files import read_text

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
_LONGEST_INTEGER = 400
_MOST_ALIASED = 100_000
_BRACKETS = re.compile(r"[\[{\]}]")
# PyYAML raises the last two where a tag such as `!!bool` stands before another text.
_UNREADABLE = (OSError, RecursionError, ValueError, yaml.YAMLError, LookupError, AttributeError)
# Source: YAML 1.2.2, section 10.3.2 (core schema), and the merge key of YAML 1.1.
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.nan|\.NaN|\.NAN",
    "merge": r"<<",
}


class Line(dict[str, Any]):
    """A mapping that YAML shows on one line."""


def parse_yaml(text: Any, kind: str) -> dict[str, Any]:
    """Return the one mapping that a YAML text holds.

    Args:
        text: The text.
        kind: What it describes, for messages ("space").

    Raises:
        InvalidArgumentError: If it is no YAML text, has a key twice or holds something else than a mapping.

    Example:
        >>> parse_yaml("{rate: 1e-4}", "space")
        {'rate': 0.0001}
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(
            f"A {kind} must be given as YAML text, but got {shown(repr(text))}."
        )
    try:
        payload = _load(text)
    except _UNREADABLE as error:
        raise InvalidArgumentError(f"Cannot read a {kind}: {_reason(error)}.") from None
    return dict(check_mapping(kind, payload))


def yaml_text(payload: Mapping[str, Any]) -> str:
    """Return plain values as YAML text, every :class:`Line` on a line of its own, however long.

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
        InvalidArgumentError: If the file cannot be read, is no such text, has a key twice or holds
            something else than a mapping.
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
        else:
            payload = _load(text)
    except InvalidArgumentError:
        raise
    except _UNREADABLE as error:
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
        _check_length(text)
        root = yaml.compose(text.replace("\t", " "), Loader=_Loader)  # JSON may have tabs
    except _UNREADABLE:
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
        return _load(text)
    except _UNREADABLE as error:
        raise InvalidArgumentError(
            f"Cannot read the value {shown(text)!r}: {_reason(error)}."
        ) from None


def write_mapping(path: str | os.PathLike[str], payload: Mapping[str, Any], kind: str) -> None:
    """Write a mapping of plain values to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Args:
        path: The file.
        payload: Mappings, lists, texts, numbers, truth values and None, in the order in which they are
            to stand.
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
    """Return whether ``name`` ends as such a file does, where a name or a file may be given.

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


def _load(text: str) -> Any:
    """Return what a YAML text holds, or raise one of ``_UNREADABLE``."""
    _check_length(text)
    return yaml.load(text, Loader=_Loader)


def _check_length(text: str) -> None:
    """Check that PyYAML can read a text.

    Raises:
        ValueError: If it has too many characters or open brackets; names the limit.
    """
    if len(text) > LARGEST_YAML:
        raise ValueError(
            f"it is longer than {size_text(LARGEST_YAML)}, the limit of YAML; write JSON"
        )
    depth = 0
    for bracket in _BRACKETS.findall(text):  # PyYAML takes seconds for a thousand of them
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        if depth > DEEPEST_JSON:
            raise ValueError(f"it has more than {DEEPEST_JSON} open brackets, the limit")


class _Loader(yaml.SafeLoader):
    """Reads plain values by the core schema; a key that is in one mapping twice is an error."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - filled below, once

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _check_nodes(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # refused as unhashable below
            key, line = (key_node.tag, key_node.value), key_node.start_mark.line + 1
            if key in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key_node.value!r} is in one mapping twice, "
                    f"first in line {lines[key]}",
                    problem_mark=key_node.start_mark,
                )
            lines[key] = line
        return super().construct_mapping(node, deep)

    def construct_decimal_int(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node)
        if len(text) > _LONGEST_INTEGER:
            raise yaml.constructor.ConstructorError(
                problem=f"an integer has {len(text):,} digits; the limit is {_LONGEST_INTEGER}",
                problem_mark=node.start_mark,
            )
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _check_nodes(root: yaml.Node) -> None:
    """Check that aliases stand for no more entries than are read in a moment, and none for what it is in.

    A few hundred bytes of aliases of aliases are more entries than memory holds.

    Raises:
        yaml.constructor.ConstructorError: If they do, or entries are nested too deeply.
    """
    sizes: dict[int, int] = {}  # entries of a node, aliases written out; 0 while it is counted
    depths: dict[int, int] = {}
    waiting: list[tuple[yaml.Node, bool]] = [(root, False)]
    while waiting:
        node, counted = waiting.pop()
        inner = _inner_nodes(node)
        if counted:
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in inner)
            depths[id(node)] = 1 + max((depths[id(part)] for part in inner), default=-1)
            continue
        if id(node) in sizes:
            continue
        sizes[id(node)] = 0
        waiting.append((node, True))
        for part in inner:
            if sizes.get(id(part)) == 0:
                raise yaml.constructor.ConstructorError(
                    problem="an alias stands for what it is in", problem_mark=part.start_mark
                )
            waiting.append((part, False))
    problem = None
    if depths[id(root)] > DEEPEST_JSON:
        problem = f"it is nested {depths[id(root)]:,} deep; the limit is {DEEPEST_JSON}"
    if sizes[id(root)] > len(sizes) + _MOST_ALIASED:
        problem = f"aliases stand for more than {_MOST_ALIASED:,} entries, the limit"
    if problem is not None:
        raise yaml.constructor.ConstructorError(problem=problem, problem_mark=root.start_mark)


def _inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line; quotes texts that YAML 1.1 or 1.2 would not read as such."""

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


for _class in (_Loader, _Dumper):
    for _tag, _pattern in _SCALARS.items():
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), None
        )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_decimal_int)
_Dumper.add_representer(list, _Dumper.represent_plain_list)
_Dumper.add_representer(Line, _Dumper.represent_line)
_Dumper.add_representer(str, _Dumper.represent_text)
