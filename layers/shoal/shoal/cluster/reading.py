"""A document, YAML or JSON, as plain data; refuses what no configuration may hold, and never echoes the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import category

import yaml

from shoal.cluster.grammar import Code, Location
from shoal.cluster.problems import ConfigurationError, Problem, make

MOST_NODES = 20_000
"""Values of a document with all its aliases expanded; the largest configuration allowed has about 1,500."""
MOST_LEVELS = 20
"""Of sections and lists in each other; the configuration has 8."""
_JSON_INDENTATION = re.compile(r"^\t+", re.MULTILINE)
"""Tabs indent JSON and not YAML, which is otherwise its superset."""
DYNAMIC_REFERENCE = "{{resolve:"
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""


def parse(text: str) -> Mapping[Any, Any]:
    """Parse a YAML or JSON document.

    Raises:
        ConfigurationError: it is not one document with one mapping in it, or a key stands twice.
    """
    try:
        data, duplicates = _load(_JSON_INDENTATION.sub(_spaces, text) if text.lstrip().startswith("{") else text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError((_unreadable(f"is not valid YAML{where}", "correct the text there"),)) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError((_unreadable("is not valid YAML", "check it with a YAML linter"),)) from None
    if duplicates:
        raise ConfigurationError(duplicates)
    return mapping(data)


def _load(text: str) -> tuple[object, tuple[Problem, ...]]:
    loader = yaml.SafeLoader(text)
    root = loader.get_single_node()
    if root is None:
        raise ConfigurationError((_unreadable("is empty", "write at least Image, HeadNode and Scheduling"),))
    _refuse_expansion(root)
    return loader.construct_document(root), tuple(_duplicates(root, ()))


def _spaces(tabs: re.Match[str]) -> str:
    return " " * len(tabs[0])


def mapping(data: object) -> Mapping[Any, Any]:
    """The data, which must be a mapping.

    Raises:
        ConfigurationError: it is something else, or empty.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError((_unreadable("is not a mapping", "begin lines with keys like `HeadNode:`"),))
    if not data:
        raise ConfigurationError((_unreadable("is empty", "write at least Image, HeadNode and Scheduling"),))
    return data


def _unreadable(message: str, suggestion: str) -> Problem:
    return make((), Code.UNREADABLE, message, suggestion)


def _refuse_expansion(root: yaml.Node) -> None:
    """Refuse what a few aliases would blow up to, before anything walks it."""
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.setdefault(id(node), None)
        if known is None:
            if id(node) in open_nodes:
                raise yaml.YAMLError
            open_nodes.add(id(node))
            known = sizes[id(node)] = 1 + sum(size(child) for child in _children(node))
            open_nodes.discard(id(node))
        return known

    open_nodes: set[int] = set()
    if size(root) > MOST_NODES:
        raise ConfigurationError((_unreadable(f"has more than {MOST_NODES} values", "use fewer YAML aliases"),))


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _duplicates(node: yaml.Node, location: Location) -> Iterator[Problem]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicates(item, (*location, index))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in lines and key.tag != "tag:yaml.org,2002:merge":
                message = f"stands twice, in lines {lines[name]} and {line}"
                yield make((*location, name), Code.DUPLICATE_KEY, message, "keep one of them")
            lines.setdefault(name, line)
            yield from _duplicates(value, (*location, name))


def forbidden(data: object, location: Location = ()) -> Iterator[Problem]:
    """What no configuration may hold, whatever the key: nulls, dynamic references, control characters."""
    if len(location) > MOST_LEVELS:
        yield make(location[:1], Code.UNREADABLE, "is nested too deep", f"use at most {MOST_LEVELS} levels")
    elif data is None:
        yield make(location, Code.WRONG_TYPE, "has no value", "write one, or remove the key")
    elif isinstance(data, str):
        yield from _forbidden_text(data, location)
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            yield from forbidden(item, (*location, index))
    elif isinstance(data, Mapping):
        yield from _forbidden_entries(data, location)


def _forbidden_entries(section: Mapping[Any, Any], location: Location) -> Iterator[Problem]:
    for key, value in section.items():
        if isinstance(key, str):
            yield from (*_forbidden_text(key, (*location, key)), *forbidden(value, (*location, key)))
        else:
            yield make((*location, ""), Code.UNKNOWN_KEY, "is not a string", "write keys like `HeadNode:`")


def _forbidden_text(text: str, location: Location) -> Iterator[Problem]:
    if DYNAMIC_REFERENCE in text:
        message = "holds a dynamic reference, which CloudFormation would resolve with Shoal's rights"
        yield make(location, Code.FORBIDDEN, message, "write the value itself")
    elif any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        yield make(
            location, Code.FORBIDDEN, "holds a control character", "write it on one line, in printable characters"
        )


def readable(data: Any) -> Any:
    """The data without what has no value and what is no key, which `forbidden` has told."""
    if isinstance(data, Mapping):
        return {key: readable(value) for key, value in data.items() if value is not None and isinstance(key, str)}
    if isinstance(data, list | tuple):
        return [readable(item) for item in data]
    return data
