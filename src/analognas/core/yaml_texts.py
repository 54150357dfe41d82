"""YAML texts, read strictly and within limits.

Plain values are read by the core schema of YAML 1.2, the numbers and truth values that JSON has too: ``1e-6``
is a number, ``no`` and ``1:30`` are texts. A key that is in one mapping twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from .limits import DEEPEST_JSON, LARGEST_YAML, size_text

__all__ = ["YAML_ERRORS", "YAML_SCALARS", "compose_yaml", "load_yaml"]

_LONGEST_INTEGER = 400
_SHORT = 1 << 14  # characters
_MOST_ALIASED = 100_000
_BRACKETS = re.compile(r"[\[{\]}]")
# PyYAML raises the last two where a tag such as `!!bool` stands before another text.
YAML_ERRORS = (OSError, RecursionError, ValueError, yaml.YAMLError, LookupError, AttributeError)
"""Errors of :func:`load_yaml` and :func:`compose_yaml`."""

# Source: YAML 1.2.2, section 10.3.2 (core schema), and the merge key of YAML 1.1.
YAML_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.nan|\.NaN|\.NAN",
    "merge": r"<<",
}
"""Patterns of plain values by their tag."""


def load_yaml(text: str) -> Any:
    """Return the value of a YAML text, or raise one of :data:`YAML_ERRORS`."""
    _check_length(text)
    # Both loaders are safe ones.
    return yaml.load(text, Loader=_loader(text))  # nosec B506


def compose_yaml(text: str) -> yaml.Node | None:
    """Return a YAML text as nodes with line numbers, or raise one of :data:`YAML_ERRORS`."""
    _check_length(text)
    return yaml.compose(text, Loader=_loader(text))


def _loader(text: str) -> type[_Loader] | type[_FastLoader]:
    """Return the C loader for long texts, else the Python loader, which has better error messages."""
    return _FastLoader if len(text) > _SHORT else _Loader


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


class _Strict(yaml.constructor.SafeConstructor):
    """Plain values by the core schema; a duplicate key of a mapping is an error."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()  # type: ignore[misc]
        if node is not None:
            _check_nodes(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # SafeConstructor raises an error: it is not hashable
            key, line = (key_node.tag, key_node.value), key_node.start_mark.line + 1
            if key in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key_node.value!r} is in one mapping twice, "
                    f"first in line {lines[key]}",
                    problem_mark=key_node.start_mark,
                )
            lines[key] = line
        return super().construct_mapping(node, deep)


class _Loader(_Strict, yaml.SafeLoader):
    """Loader in Python, with better error messages."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - filled below, once


class _FastLoader(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Loader in C for long texts, if PyYAML was built with libyaml."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - filled below, once


def _decimal_int(loader: Any, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > _LONGEST_INTEGER:
        raise yaml.constructor.ConstructorError(
            problem=f"an integer has {len(text):,} digits; the limit is {_LONGEST_INTEGER}",
            problem_mark=node.start_mark,
        )
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _check_nodes(root: yaml.Node) -> None:
    """Check that aliases expand to a limited number of entries and do not contain themselves.

    A few hundred bytes of nested aliases can expand to more entries than fit into memory.

    Raises:
        yaml.constructor.ConstructorError: If there are too many entries, an alias contains itself, or entries
            are nested too deeply.
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
                    problem="an alias contains itself", problem_mark=part.start_mark
                )
            waiting.append((part, False))
    problem = None
    if depths[id(root)] > DEEPEST_JSON:
        problem = f"it is nested {depths[id(root)]:,} deep; the limit is {DEEPEST_JSON}"
    if sizes[id(root)] > len(sizes) + _MOST_ALIASED:
        problem = f"aliases expand to more than {_MOST_ALIASED:,} entries, the limit"
    if problem is not None:
        raise yaml.constructor.ConstructorError(problem=problem, problem_mark=root.start_mark)


def _inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


for _class in (_Loader, _FastLoader):
    for _tag, _pattern in YAML_SCALARS.items():
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), None
        )
    _class.add_constructor("tag:yaml.org,2002:int", _decimal_int)
