"""A document, YAML or JSON, as plain data; refuses what no configuration may hold, and never echoes the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unicodedata import category

import yaml

from shoal.cluster.grammar import Code
from shoal.cluster.problems import ConfigurationError, Location, Problem, make

MOST_NODES = 20_000
"""Values of a document with all its aliases expanded; the largest configuration allowed has about 1,500."""
DYNAMIC_REFERENCE = "{{resolve:"
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""


def parse(text: str) -> Mapping[Any, Any]:
    """Parse a YAML or JSON document.

    Raises:
        ConfigurationError: it is not one document with one mapping in it, or a key stands twice.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            raise ConfigurationError((_unreadable("is empty", "write at least Image, HeadNode and Scheduling"),))
        _refuse_expansion(root)
        duplicates = tuple(_duplicates(root, ()))
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError((_unreadable(f"is not valid YAML{where}", "correct the text there"),)) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError((_unreadable("is not valid YAML", "check it with a YAML linter"),)) from None
    if duplicates:
        raise ConfigurationError(duplicates)
    return mapping(data)


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
            if lines.setdefault(name, line) != line and key.tag != "tag:yaml.org,2002:merge":
                message = f"stands twice, in lines {lines[name]} and {line}"
                yield make((*location, name), Code.DUPLICATE_KEY, message, "keep one of them")
            yield from _duplicates(value, (*location, name))


def forbidden(data: object, location: Location = ()) -> Iterator[Problem]:
    """What no configuration may hold, whatever the key: nulls, dynamic references, control characters."""
    if data is None:
        yield make(location, Code.WRONG_TYPE, "has no value", "write one, or remove the key")
    elif isinstance(data, str):
        yield from _forbidden_text(data, location)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            name = key if isinstance(key, str) else "<unreadable key>"
            yield from (*_forbidden_text(name, (*location, name)), *forbidden(value, (*location, name)))
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            yield from forbidden(item, (*location, index))


def _forbidden_text(text: str, location: Location) -> Iterator[Problem]:
    if DYNAMIC_REFERENCE in text:
        message = "holds a dynamic reference, which CloudFormation would resolve with Shoal's rights"
        yield make(location, Code.FORBIDDEN, message, "write the value itself")
    elif any(category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        yield make(
            location, Code.FORBIDDEN, "holds a control character", "write it on one line, in printable characters"
        )


def without_nulls(data: object) -> object:
    """The data without the keys that have no value, which `forbidden` has told."""
    if isinstance(data, Mapping):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, list | tuple):
        return [without_nulls(item) for item in data]
    return data
