"""What Shoal's roles may do, and which of it was done.

A grant belongs to its holder: the role whose own policy allows it, or the managed policy of Shoal's that several roles
share. A shared policy's grant is used when any of its roles uses it.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIST = Path("tests/life/grants_used_elsewhere.tsv")
"""Grants that the life of a cluster does not use, each with the test that does."""
OF_JOBS = frozenset({"cluster/host", "cluster/job"})
"""Holders of what jobs and their hosts may do; only jobs that run use it."""
BY_MACHINE = frozenset({"cluster/head-node", "retire-images"})
"""Holders of what a run uses on one machine and not on another: it depends on whether instances boot, and on whether a
cluster's queue is there by the time its first image is.
"""
_OF_A_CLUSTER = re.compile(r".+-[0-9a-f]{8}-(?:(?P<purpose>[a-z-]+)|n-[0-9a-f]{8})")
"""A cluster's role after the prefix: the cluster's name, a hash, what it is for; of the nodes of a compute resource,
`n` and another hash.
"""


@dataclass(frozen=True, order=True)
class Grant:
    """An action that a role's policy, or a policy that roles share, allows."""

    holder: str
    """Without prefix, cluster and hash: `begin-operation`, `cluster/compute-node`, `function-basics`."""
    action: str
    """As the policy writes it, `s3:Get*` for example."""


@dataclass
class Granted:
    """Every grant, and who uses whose policies."""

    grants: set[Grant] = field(default_factory=set)
    policies: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Holders of a role: itself, and the shared policies that are attached to it."""

    def used(self, decisions: Iterable[Mapping[str, Any]], prefix: str) -> set[Grant]:
        """What a record of decisions allowed, once for each holder that could have allowed it."""
        return {
            Grant(holder, item["action"])
            for item in decisions
            if item["decision"] == "ALLOW"
            for role in (name_of(item["role"], prefix),)
            for holder in {role} | self.policies.get(role, set())
        }


def name_of(name: str, prefix: str) -> str:
    """A role's or policy's name without what differs from run to run."""
    own = name.removeprefix(f"{prefix}-")
    of_a_cluster = _OF_A_CLUSTER.fullmatch(own)
    return f"cluster/{of_a_cluster['purpose'] or 'compute-node'}" if of_a_cluster else own


def granted(iam: Any, prefix: str) -> Granted:
    """Every action that a role of Shoal's allows now, from its policies in IAM."""
    found = Granted()
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(f"{prefix}-"):
                name = name_of(role["RoleName"], prefix)
                for holder, document in _documents(iam, role["RoleName"], name, prefix):
                    found.policies[name].add(holder)
                    found.grants |= {Grant(holder, action) for action in _allowed(document)}
    return found


def _documents(iam: Any, role: str, name: str, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Holder and text of a role's policies; AWS's own and the account's, which users attach, are not Shoal's."""
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield name, iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        if attached["PolicyName"].startswith(f"{prefix}-"):
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            yield name_of(attached["PolicyName"], prefix), answer["PolicyVersion"]["Document"]


def _allowed(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            actions = statement.get("Action", [])
            yield from [actions] if isinstance(actions, str) else actions


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
    return grant.holder == exercised.holder and fnmatch.fnmatchcase(exercised.action.lower(), grant.action.lower())


def by_holder(items: Iterable[Grant]) -> list[str]:
    """Grants in one line for each holder."""
    actions = defaultdict(list)
    for grant in sorted(items):
        actions[grant.holder].append(grant.action)
    return [f"{holder}: {', '.join(named)}" for holder, named in actions.items()]


def used_elsewhere(path: Path) -> dict[Grant, str]:
    """The checked-in list: a grant and the test that uses it.

    Raises:
        ValueError: a grant stands in two rows, or a row has not three columns.
    """
    rows = [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    found = {Grant(holder, action): test for holder, action, test in rows}
    if len(found) < len(rows):
        raise ValueError(f"{path} names a grant twice")
    return found
