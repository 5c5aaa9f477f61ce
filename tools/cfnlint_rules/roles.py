"""Rules about what a cluster's roles are and may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

STARS = {
    "FindTheService": "the ECS agent's discovery and ec2:DescribeTags know no resource",
    "LogInToTheRegistry": "ecr:GetAuthorizationToken knows no resource",
    "SeeGroups": "what describes Auto Scaling groups and EC2 instances knows no resource",
    "SeeJobs": "what lists and describes in Batch and EC2 knows no resource",
    "SessionManager": "the agent's channels know no resource",
    "WriteItsMetrics": "metrics have no ARN; a condition on the namespace bounds the statement",
}
"""Statements, by Sid, that may name every resource, and why."""

type Found = Iterator[tuple[list[Any], dict[str, Any]]]


def _roles(cfn: Any) -> Found:
    for name, resource in cfn.get_resources("AWS::IAM::Role").items():
        yield ["Resources", name, "Properties"], resource["Properties"]


def _statements(cfn: Any) -> Found:
    for path, properties in _roles(cfn):
        for number, policy in enumerate(properties["Policies"]):
            for index, statement in enumerate(policy["PolicyDocument"]["Statement"]):
                yield [*path, "Policies", number, "PolicyDocument", "Statement", index], statement


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class RoleIsBounded(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """A role has a name, a path and a boundary."""

    id = "E9101"
    shortdesc = "Role without name, path or boundary"
    description = "The stack's role may create roles only under the control plane's path, prefix and boundary"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each role and property."""
        needed = ("RoleName", "Path", "PermissionsBoundary")
        return [
            RuleMatch(path, f"the role needs {name}")
            for path, role in _roles(cfn)
            for name in needed
            if not isinstance(role.get(name), str) or not role[name]
        ]


class StarIsListed(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """Only listed statements name every resource."""

    id = "E9102"
    shortdesc = "Statement on every resource"
    description = "Resource: * stands only in statements that tools/cfnlint_rules/roles.py lists with a reason"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each statement."""
        return [
            RuleMatch(path, f"statement {statement.get('Sid')} allows {statement['Action']} on every resource")
            for path, statement in _statements(cfn)
            if "*" in _listed(statement["Resource"]) and statement.get("Sid") not in STARS
        ]


class PassesToNamedServices(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint has no types
    """`iam:PassRole` says to whom, and no action is open-ended."""

    id = "E9103"
    shortdesc = "PassRole to any service, or every action"
    description = "iam:PassRole stands with iam:PassedToService; no statement allows all actions of a service"
    tags = ["house"]  # noqa: RUF012 - as cfn-lint declares it

    def match(self, cfn: Any) -> list[RuleMatch]:
        """One match for each statement and fault."""
        return [
            RuleMatch(path, f"statement {statement.get('Sid')} {fault}")
            for path, statement in _statements(cfn)
            for fault in self._faults(statement)
        ]

    @staticmethod
    def _faults(statement: dict[str, Any]) -> Iterator[str]:
        actions = _listed(statement["Action"])
        if "iam:PassRole" in actions and "iam:PassedToService" not in str(statement.get("Condition")):
            yield "passes roles to any service"
        if any(action == "*" or action.endswith(":*") for action in actions):
            yield "allows every action of a service"
