"""Every configuration key as data, read from the fields: what the reference page, the plan and the tests go through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shoal.cluster.grammar import Change, Matching, NotOffered, Only, Refused, Section, Unique, key_of
from shoal.cluster.problems import section_of

DEPENDS = "depends"
_NAMES = MappingProxyType({bool: "boolean", float: "number", int: "integer", str: "string"})


@dataclass(frozen=True)
class Key:
    """One key of the configuration."""

    path: str
    """`SharedStorage[].EbsSettings.Size`."""
    type: str
    """`integer`, `boolean`, `string`, `section`, `map of strings`, `list of strings`, `list of sections`, or two of
    them with `or`."""
    required: bool
    default: object
    """None where nothing stands for an absent key; `DEPENDS` where other keys decide, as the docstring says."""
    choices: tuple[str, ...]
    bounds: str
    """Range, length or form in words; empty where there is none."""
    docstring: str
    change: Change | None
    """None for a section, whose keys have their own, and for a key that is refused."""
    refused: Refused | None
    identity: str | None
    """The key by which an update recognises the items of a list of sections."""
    values_refused: Mapping[str, Refused] = field(default_factory=dict)
    only: Only | None = None
    """The kind of cluster that has the key, if one kind alone has it."""


def walk(section: type[Section], prefix: str = "") -> Iterator[Key]:
    """The keys of a section and of all sections in it, in their order."""
    for name, info in section.model_fields.items():
        path = f"{prefix}{key_of(name)}"
        key = _key(path, info)
        yield key
        inner = None if key.refused else section_of(info.annotation)
        if inner is not None:
            yield from walk(inner, f"{path}[]." if key.type == "list of sections" else f"{path}.")


def _key(path: str, info: FieldInfo) -> Key:
    notes = (*info.metadata, *_notes(info.annotation))
    refused = _first(notes, Refused)
    unique = _first(notes, Unique)
    values_refused = _first(notes, NotOffered)
    return Key(
        path=path,
        type="" if refused else _type(info.annotation),
        required=info.is_required(),
        default=DEPENDS if info.default_factory else _plain(info.get_default()),
        choices=() if refused else _choices(info.annotation),
        bounds=_bounds(notes, "items" if _has_items(info.annotation) else "characters"),
        docstring=" ".join((info.description or "").split()),
        change=_first(notes, Change),
        refused=refused,
        identity=unique.key if unique else None,
        values_refused=values_refused.values if values_refused else {},
        only=_first(notes, Only),
    )


def _first[T](notes: tuple[object, ...], kind: type[T]) -> T | None:
    return next((note for note in notes if isinstance(note, kind)), None)


def _notes(annotation: Any) -> Iterator[object]:
    """The metadata inside a type: that of `SubnetId` in `SubnetId | None` and `tuple[SubnetId, ...]`."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from _notes(part)


def _parts(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(plain for part in get_args(annotation) if part is not type(None) for plain in _parts(part))
    return (annotation,)


def _type(annotation: Any) -> str:
    return " or ".join(_plain_type(part) for part in _parts(annotation))


def _plain_type(annotation: Any) -> str:
    if get_origin(annotation) is tuple:
        kind, of, items = _type(get_args(annotation)[0]).partition(" of ")
        return f"list of {kind}s{of}{items}"
    if get_origin(annotation) is dict:
        return f"map of {_type(get_args(annotation)[1])}s"
    if get_origin(annotation) is Literal:
        return "string"
    return "section" if issubclass(annotation, Section) else _NAMES[annotation]


def _has_items(annotation: Any) -> bool:
    return any(get_origin(part) in (tuple, dict) for part in _parts(annotation))


def _choices(annotation: Any) -> tuple[str, ...]:
    return tuple(choice for part in _parts(annotation) if get_origin(part) is Literal for choice in get_args(part))


def _plain(default: object) -> object:
    """A default worth telling: a section or an empty list or map says nothing."""
    return None if default is PydanticUndefined or isinstance(default, Section | tuple | dict) else default


def _bounds(notes: tuple[object, ...], unit: str) -> str:
    least, most = _first(notes, Ge), _first(notes, Le)
    shortest, longest = _first(notes, MinLen), _first(notes, MaxLen)
    form = _first(notes, Matching)
    words = (
        _range(least and least.ge, most and most.le),
        _range(shortest and shortest.min_length, longest and longest.max_length, f" {unit}"),
        form.like if form else "",
    )
    return "; ".join(word for word in words if word)


def _range(least: object, most: object, unit: str = "") -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"at least {least}{unit}"
    return f"at most {most}{unit}" if least is None else f"{least} to {most}{unit}"
