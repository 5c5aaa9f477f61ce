"""What Shoal's roles may do, and which of it a run has used."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIST = Path("tests/life/grants_used_elsewhere.tsv")
"""Grants that the life of a cluster does not use, each with the test that does."""


@dataclass(frozen=True, order=True)
class Grant:
    """An action that a role allows."""

    role: str
    """Without prefix, cluster and hash: `begin-operation`, `cluster/head-node`."""
    action: str
    """As the policy writes it, `s3:Get*` for example."""


def role_of(name: str, prefix: str, cluster: str) -> str:
    """A role's name without what differs from run to run."""
    own = name.removeprefix(f"{prefix}-")
    if own.startswith(f"{cluster}-"):
        return "cluster/" + own.removeprefix(f"{cluster}-").split("-", 1)[1]
    return own


def granted(iam: Any, prefix: str, cluster: str) -> set[Grant]:
    """Every action that a role of Shoal's allows now, from its policies in IAM."""
    found: set[Grant] = set()
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(f"{prefix}-"):
                name = role_of(role["RoleName"], prefix, cluster)
                found |= {Grant(name, action) for action in _allowed(iam, role["RoleName"])}
    return found


def _allowed(iam: Any, role: str) -> Iterator[str]:
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        if ":aws:policy/" not in attached["PolicyArn"]:
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            documents.append(answer["PolicyVersion"]["Document"])
    for document in documents:
        for statement in document["Statement"]:
            if statement["Effect"] == "Allow":
                actions = statement.get("Action", [])
                yield from [actions] if isinstance(actions, str) else actions


def used(decisions: Iterable[Mapping[str, Any]], prefix: str, cluster: str) -> set[Grant]:
    """Every action that a role was allowed, from the embedded AWS's record of decisions."""
    return {
        Grant(role_of(item["role"], prefix, cluster), item["action"])
        for item in decisions
        if item["decision"] == "ALLOW"
    }


def denied(decisions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every call that a role was refused, a line each."""
    return sorted(
        f"{item['role']}: {item['action']} on {item['resource']}" for item in decisions if item["decision"] == "DENY"
    )


def unused(allowed: Iterable[Grant], exercised: set[Grant]) -> list[Grant]:
    """The grants that nothing exercised; a pattern is exercised by any action it matches."""
    return sorted(grant for grant in set(allowed) if not any(matches(grant, item) for item in exercised))


def matches(grant: Grant, exercised: Grant) -> bool:
    """Whether a grant allowed what was done; IAM compares actions without case."""
    return grant.role == exercised.role and fnmatch.fnmatchcase(exercised.action.lower(), grant.action.lower())


def used_elsewhere(path: Path) -> dict[Grant, str]:
    """The checked-in list: a grant and the test that uses it."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {Grant(role, action): test for role, action, test in rows}
