"""The role CloudFormation assumes for cluster stacks: enough for every resource, and no way to escalate.

What a resource type needs is what CloudFormation's own registry says of its handlers, in the schemas that cfn-lint
carries.
"""

from __future__ import annotations

import fnmatch
import functools
import json
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from shoal.cluster import blueprint
from tests.support import application, clusters

ROLE = "ClusterStackRole"
TEMPLATE = application.translated()
NOT_USED = {
    # replication, ACLs, websites and other features that no cluster's bucket has
    "s3:*Abac",
    "s3:*Accelerate*",
    "s3:*Acl",
    "s3:*Analytics*",
    "s3:*CORS",
    "s3:*Cors",
    "s3:*IntelligentTiering*",
    "s3:*Inventory*",
    "s3:*Logging",
    "s3:*Metadata*",
    "s3:*Metrics*",
    "s3:*Notification",
    "s3:*ObjectLock*",
    "s3:*Replication*",
    "s3:*Website",
    "s3:DeleteBucketEncryption",
    "s3:DeleteBucketLifecycle",
    "s3:DeleteObject",
    "s3:REST.PUT.OBJECT",
    "s3tables:*",
    # file systems are neither replicated nor have they policies
    "elasticfilesystem:*Replication*",
    "elasticfilesystem:DeleteFileSystemPolicy",
    # IPv6 and address transfers
    "ec2:*Ipv6*",
    "ec2:AcceptAddressTransfer",
    "ec2:CopyVolumes",
    "ec2:ModifyPublicIpDnsNameOptions",
    # log groups without keys, indexes, protection or delivery
    "firehose:*",
    "logs:*Bearer*",
    "logs:*DataProtectionPolicy",
    "logs:*DeletionProtection",
    "logs:*IndexPolicy",
    "logs:*KmsKey",
    "logs:*LogDelivery",
    "logs:*ResourcePolicy",
    # Batch on EKS and capacity tags
    "eks:*",
    "batch:SetCapacityTags",
    # SSM associations are not declared on instances
    "ssm:*Association*",
    # groups behind no load balancer, without hooks, refreshes and suspended processes, of one instance type
    "autoscaling:*InstanceRefresh",
    "autoscaling:*LifecycleHook",
    "autoscaling:*Processes",
    "autoscaling:Attach*",
    "autoscaling:Detach*",
    "ec2:Get*",
    "elasticloadbalancing:*",
    "managed-fleets:*",
    "ssm:Get*",
    "vpc-lattice:*",
    # tables without replicas, imports, streams, policies and keys of their own; nobody writes items but the nodes
    "dynamodb:*TableReplica",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DescribeImport",
    "dynamodb:DisableKinesisStreamingDestination",
    "dynamodb:EnableKinesisStreamingDestination",
    "dynamodb:GetItem",
    "dynamodb:ImportTable",
    "dynamodb:PutItem",
    "dynamodb:PutResourcePolicy",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "dynamodb:UpdateKinesisStreamingDestination",
    "kinesis:*",
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:ListAliases",
    "kms:RevokeGrant",
    "logs:*LogStream*",
    "logs:PutLogEvents",
    "s3:GetObject",
    # topics without a policy on their data
    "sns:PutDataProtectionPolicy",
    # service-linked roles are made by the plan, before any stack
    "iam:CreateServiceLinkedRole",
    # a cluster's boundary is never taken away
    "iam:DeleteRolePermissionsBoundary",
}


# IAM compares actions without case, and the registry writes them with several


@functools.cache
def registry() -> dict[str, set[str]]:
    """The rights that each resource type's handlers need, listing apart."""
    folder = Path(cfnlint.__file__).parent / "data/schemas/resources"
    found: dict[str, set[str]] = {}
    for path in folder.glob("*.json"):
        schema = json.loads(path.read_text())
        handlers = {name: item for name, item in schema.get("handlers", {}).items() if name != "list"}
        rights = {right.lower() for item in handlers.values() for right in item.get("permissions", [])}
        found[schema["typeName"]] = {right for right in rights if ":" in right}  # some schemas say just "none"
    return found


def rendered_types() -> list[str]:
    types = {
        resource["Type"]
        for cluster in clusters.examples()
        for resource in blueprint.blueprint(cluster, clusters.site_for(cluster)).template["Resources"].values()
    }
    return sorted(kind for kind in types if kind.startswith("AWS::"))


def allowed() -> list[str]:
    return [
        action.lower()
        for statement in application.statements(TEMPLATE, ROLE)
        if statement["Effect"] == "Allow"
        for action in application.listed(statement["Action"])
    ]


@pytest.mark.parametrize("resource_type", rendered_types())
def test_the_role_may_do_all_that_a_resource_of_a_cluster_needs(resource_type: str) -> None:
    granted = allowed()
    missing = {
        right
        for right in registry()[resource_type]
        if not any(fnmatch.fnmatchcase(right, pattern) for pattern in [*granted, *map(str.lower, NOT_USED)])
    }
    assert missing == set()


def statement(sid: str) -> dict[str, Any]:
    return dict(next(item for item in application.statements(TEMPLATE, ROLE) if item.get("Sid") == sid))


def test_the_role_makes_roles_only_inside_the_boundary() -> None:
    makes = statement("MakeRolesInsideTheBoundary")
    assert {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"} <= set(makes["Action"])
    assert set(makes["Condition"]["StringEquals"]) == {"iam:PermissionsBoundary"}


def test_the_role_makes_roles_only_under_our_path_and_prefix() -> None:
    for sid in ("MakeRolesInsideTheBoundary", "KeepRoles"):
        assert statement(sid)["Resource"]["Fn::Sub"].endswith(":role${IamPath}${NamePrefix}-*")


def test_every_role_is_passed_to_named_services_only() -> None:
    for role in application.of_type(TEMPLATE, "AWS::IAM::Role"):
        for item in application.statements(TEMPLATE, role):
            if item["Effect"] == "Allow" and "iam:PassRole" in application.listed(item.get("Action", [])):
                assert "iam:PassedToService" in item["Condition"]["StringEquals"], role


def test_no_role_may_take_a_boundary_away_or_change_a_policy_of_ours() -> None:
    forbidden = {"iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"}
    for role in application.of_type(TEMPLATE, "AWS::IAM::Role"):
        for item in application.statements(TEMPLATE, role):
            actions = application.listed(item.get("Action", []))
            if item["Effect"] == "Allow":
                assert not [a for a in forbidden if any(fnmatch.fnmatchcase(a, pattern) for pattern in actions)], role


def test_no_role_reads_secrets_or_parameters_of_the_account() -> None:
    for role in application.of_type(TEMPLATE, "AWS::IAM::Role"):
        for item in application.statements(TEMPLATE, role):
            for action in application.listed(item.get("Action", [])):
                assert not action.startswith("secretsmanager:"), role
                if action.startswith("ssm:"):
                    assert json.dumps(item["Resource"]).count("parameter/aws/service/") >= 1, role


def test_nothing_is_left_out_that_no_resource_of_a_cluster_asks_for() -> None:
    asked = {right for kind in rendered_types() for right in registry()[kind]}
    stale = {left_out for left_out in NOT_USED if not fnmatch.filter(asked, left_out.lower())}
    assert stale == set()
