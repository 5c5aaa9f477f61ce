"""What the control plane may see of a Slurm cluster's node table: what its head node publishes, never the munge key."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import application
from tests.support.intrinsics import Filled

TABLE = "arn:aws:dynamodb:us-east-1:111111111111:table/shoal-genomics-nodes"
SECRET = "secret#munge"
READING = ("BatchGetItem", "ExportTableToPointInTime", "GetItem", "GetRecords", "PartiQLSelect", "Query", "Scan")
WRITING = ("BatchWriteItem", "DeleteItem", "PartiQLUpdate", "PutItem", "UpdateItem")
MAY_SEE = {"status#head", "configuration#*"}
MAY_WRITE = {"fleet"}


def granted(*actions: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The roles of the control plane that may do something to the items of a node table, and by which statement."""
    filled = Filled(application.translated())
    for role in application.of_type(application.translated(), "AWS::IAM::Role"):
        for raw in application.statements(application.translated(), role):
            statement = filled.fill(raw)
            on_table = any(
                fnmatch.fnmatchcase(TABLE, each) for each in application.listed(statement.get("Resource", []))
            )
            allowed = application.listed(statement.get("Action", []))
            does = any(fnmatch.fnmatchcase(f"dynamodb:{action}", each) for action in actions for each in allowed)
            if statement["Effect"] == "Allow" and on_table and does:
                yield role, statement


def keys(statement: dict[str, Any]) -> set[str]:
    """The keys of the items that a statement is bound to; every key where it is bound to none."""
    conditions = statement.get("Condition", {}).items()
    found = [
        application.listed(condition["dynamodb:LeadingKeys"])
        for operator, condition in conditions
        if operator in ("ForAllValues:StringEquals", "ForAllValues:StringLike") and "dynamodb:LeadingKeys" in condition
    ]
    return set(found[0]) if found else {"*"}


@pytest.mark.parametrize(("actions", "may"), [(READING, MAY_SEE), (WRITING, MAY_WRITE)], ids=["read", "write"])
def test_roles_touch_only_the_items_that_are_meant_for_the_control_plane(
    actions: tuple[str, ...], may: set[str]
) -> None:
    found = list(granted(*actions))
    assert found
    assert {role: keys(statement) - may for role, statement in found if keys(statement) - may} == {}


def test_no_role_reads_the_munge_key() -> None:
    readers = [
        role for role, statement in granted(*READING) for key in keys(statement) if fnmatch.fnmatchcase(SECRET, key)
    ]
    assert readers == []


@pytest.mark.parametrize("action", ["Scan", "Query", "BatchGetItem"])
def test_no_role_reads_items_whose_keys_it_does_not_name(action: str) -> None:
    assert list(granted(action)) == []
