"""The JSON Schema of a configuration (draft 2020-12), for editors; generated from the fields.

It knows every key, type, default and bound. Rules between keys, and what AWS knows, are checked by `shoal validate`
and `plan`.
"""

from __future__ import annotations

from typing import Any

from annotated_types import Ge, Le
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shoal.cluster.configuration import Cluster
from shoal.cluster.grammar import Only, Section, key_of
from shoal.cluster.problems import section_of


class _Generator(GenerateJsonSchema):
    """Pydantic's schema, less what a configuration cannot hold (null) and what says nothing (titles)."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if isinstance(schema.get("default"), Section | tuple | dict | None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """The schema of the whole configuration."""
    schema = Cluster.model_json_schema(schema_generator=_Generator)
    definitions = schema.pop("$defs")
    for section in _sections(Cluster):
        _complete(definitions.get(section.__name__, schema), section)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "Shoal cluster configuration",
        "$defs": dict(sorted(definitions.items())),
    }


def _sections(root: type[Section]) -> set[type[Section]]:
    inner = {section for info in root.model_fields.values() if (section := section_of(info.annotation))}
    return {root}.union(*map(_sections, inner))


def _complete(definition: dict[str, Any], section: type[Section]) -> None:
    """Ranges, which pydantic leaves out of converted integers; why a key is not offered, where editors show it."""
    del definition["title"]
    for name, info in section.model_fields.items():
        key = definition["properties"][key_of(name)]
        if "$comment" in key:
            key["description"] += f" {key.pop('$comment')}"
        for note in info.metadata:
            if isinstance(note, Only):
                key["description"] = f"{key.get('description', '')} Only with Scheduler: {note.kind}.".lstrip()
            elif isinstance(note, Ge):
                key["minimum"] = note.ge
            elif isinstance(note, Le):
                key["maximum"] = note.le
