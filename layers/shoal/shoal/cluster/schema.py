"""The JSON Schema of a configuration (draft 2020-12), for editors; generated from the fields.

It knows every key, type, default and bound. Rules between keys, and what AWS knows, are checked by `shoal validate`
and `plan`.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shoal.cluster.configuration import Cluster
from shoal.cluster.grammar import Section


class _Generator(GenerateJsonSchema):
    """Pydantic's schema, less what a configuration cannot hold (null) and what says nothing (titles)."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if isinstance(schema.get("default"), Section | tuple | None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """The schema of the whole configuration."""
    schema = Cluster.model_json_schema(schema_generator=_Generator)
    definitions = {name: _tidy(definition) for name, definition in sorted(schema.pop("$defs").items())}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **_tidy(schema),
        "title": "Shoal cluster configuration",
        "$defs": definitions,
    }


def _tidy(section: dict[str, Any]) -> dict[str, Any]:
    """Without a title; why a key is not offered is told where editors show it."""
    del section["title"]
    for key in section["properties"].values():
        if "$comment" in key:
            key["description"] += f" {key.pop('$comment')}"
    return section
