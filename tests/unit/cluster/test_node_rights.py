"""May nodes of a Slurm cluster do what they must, and nothing to another cluster, another group, another secret?"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from tests.support import application
from tests.support.clusters import HEAD_SUBNET, site_for, storage
from tests.support.intrinsics import Filled
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

GROUP = "arn:aws:autoscaling:us-east-1:111111111111:autoScalingGroup:1b2c:autoScalingGroupName/"
TABLE = "arn:aws:dynamodb:us-east-1:111111111111:table/shoal-genomics-nodes"
QUEUE = "arn:aws:sqs:us-east-1:111111111111:shoal-genomics-nodes"
LARGEST_ROLE = 10_240
"""Characters of all policies in a role, without white space, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
END = "autoscaling:TerminateInstanceInAutoScalingGroup"


def rendered(*queues: dict[str, Any], **sections: Any) -> dict[str, Any]:
    cluster = load(slurm_configuration(*queues, **sections))
    template = blueprint(cluster, site_for(cluster)).template
    filled: dict[str, Any] = Filled(template).fill(template["Resources"])
    return filled


def statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = resource["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def compute_roles(resources: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {name: statements(item) for name, item in resources.items() if name.startswith("ComputeRole")}


def matching(policy: list[dict[str, Any]], action: str, on: str) -> Iterator[dict[str, Any]]:
    """The statements that allow an action on a resource, whatever their conditions."""
    for statement in policy:
        actions, resources = application.listed(statement["Action"]), application.listed(statement["Resource"])
        if any(fnmatch.fnmatchcase(action, known) for known in actions) and any(
            fnmatch.fnmatchcase(on, known) for known in resources
        ):
            yield statement


def may(policy: list[dict[str, Any]], action: str, on: str) -> bool:
    return any(matching(policy, action, on))


TWO = (slurm_queue("one", slurm_resource("a"), slurm_resource("b")), slurm_queue("two", slurm_resource("a")))


def test_a_node_ends_and_protects_instances_of_its_own_group_alone() -> None:
    groups = [f"{GROUP}shoal-genomics_{name}" for name in ("one-a", "one-b", "two-a")]
    for action in (END, "autoscaling:SetInstanceProtection"):
        allowed = [
            [may(policy, action, group) for group in groups] for policy in compute_roles(rendered(*TWO)).values()
        ]
        assert allowed == [[True, False, False], [False, True, False], [False, False, True]]


def test_a_node_cannot_ask_for_more_instances() -> None:
    for policy in compute_roles(rendered()).values():
        assert not may(policy, "autoscaling:SetDesiredCapacity", f"{GROUP}shoal-genomics_main-work")


def test_a_node_reads_the_munge_key_and_no_other_item_and_writes_none() -> None:
    (policy,) = compute_roles(rendered()).values()
    (read,) = matching(policy, "dynamodb:GetItem", TABLE)
    assert read["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["secret#munge"]}}
    for action in ("BatchGetItem", "DeleteItem", "PutItem", "Query", "Scan", "UpdateItem"):
        assert not may(policy, f"dynamodb:{action}", TABLE)


def test_a_node_posts_to_its_clusters_queue_and_reads_none() -> None:
    (policy,) = compute_roles(rendered()).values()
    assert may(policy, "sqs:SendMessage", QUEUE)
    assert not may(policy, "sqs:SendMessage", f"{QUEUE}-dead")
    assert not may(policy, "sqs:ReceiveMessage", QUEUE)
    assert not may(policy, "sqs:DeleteMessage", QUEUE)


@pytest.mark.parametrize("action", ["cloudformation:SignalResource", "cloudwatch:PutMetricData", "ec2:CreateTags"])
def test_a_node_neither_signals_nor_tags_nor_makes_metrics_that_cost(action: str) -> None:
    (policy,) = compute_roles(rendered()).values()
    assert not may(policy, action, "*")


def test_a_node_fetches_the_node_package_and_nothing_else_of_the_regions_bucket() -> None:
    (policy,) = compute_roles(rendered()).values()
    bucket = "arn:aws:s3:::shoal-control-111111111111-us-east-1"
    assert may(policy, "s3:GetObjectVersion", f"{bucket}/node-packages/shoal_node-0.1.0.zip")
    assert not may(policy, "s3:GetObjectVersion", f"{bucket}/clusters/other.json")


def test_a_node_writes_to_its_clusters_log_group_only_where_there_is_one() -> None:
    streams = "arn:aws:logs:us-east-1:111111111111:log-group:/shoal/genomics-20261124T101530/compute:log-stream:i-1"
    (policy,) = compute_roles(rendered()).values()
    (silent,) = compute_roles(rendered(Monitoring={"Logs": {"CloudWatch": {"Enabled": False}}})).values()
    assert may(policy, "logs:PutLogEvents", streams)
    assert not may(silent, "logs:PutLogEvents", streams)


def test_a_queues_buckets_are_for_its_nodes_alone() -> None:
    shared = {"S3Access": [{"BucketName": "data"}]}
    one, two = compute_roles(rendered(slurm_queue("one", Iam=shared), slurm_queue("two"))).values()
    assert may(one, "s3:GetObject", "arn:aws:s3:::data/key")
    assert not may(two, "s3:GetObject", "arn:aws:s3:::data/key")


def test_policies_of_a_queue_are_attached_to_the_roles_of_its_nodes() -> None:
    policy = "arn:aws:iam::111111111111:policy/mine"
    resources = rendered(slurm_queue("one", Iam={"AdditionalIamPolicies": [{"Policy": policy}]}))
    (role,) = (item for name, item in resources.items() if name.startswith("ComputeRole"))
    assert role["Properties"]["ManagedPolicyArns"] == [policy]


def test_a_role_of_the_users_gets_a_profile_and_a_profile_of_the_users_is_used() -> None:
    role = {"InstanceRole": "arn:aws:iam::111111111111:role/team/nodes"}
    with_role = rendered(slurm_queue("one", Iam=role))
    assert not compute_roles(with_role)
    (made,) = (item for name, item in with_role.items() if name.startswith("ComputeProfile"))
    assert made["Properties"]["Roles"] == ["nodes"]
    profile = {"InstanceProfile": "arn:aws:iam::111111111111:instance-profile/team/nodes"}
    with_profile = rendered(slurm_queue("one", Iam=profile))
    assert not [name for name in with_profile if name.startswith(("ComputeRole", "ComputeProfile"))]
    (template,) = (item for name, item in with_profile.items() if name.startswith("LaunchTemplateOne"))
    assert template["Properties"]["LaunchTemplateData"]["IamInstanceProfile"] == {"Name": "nodes"}


def test_the_head_node_scales_its_own_groups_and_not_those_of_a_cluster_whose_name_goes_on() -> None:
    policy = statements(rendered()["HeadNodeRole"])
    for action in ("autoscaling:SetDesiredCapacity", END):
        assert may(policy, action, f"{GROUP}shoal-genomics_main-work")
        assert not may(policy, action, f"{GROUP}shoal-genomics-two_main-work")
        assert not may(policy, action, f"{GROUP}other")


def test_the_head_node_reads_its_own_queue_and_keeps_its_own_table() -> None:
    policy = statements(rendered()["HeadNodeRole"])
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
        assert may(policy, action, QUEUE)
        assert not may(policy, action, QUEUE.replace("genomics", "other"))
    for action in ("PutItem", "UpdateItem", "DeleteItem", "Scan", "BatchGetItem", "GetItem"):
        assert may(policy, f"dynamodb:{action}", TABLE)
        assert not may(policy, f"dynamodb:{action}", TABLE.replace("genomics", "other"))


def test_the_head_node_reads_and_signals_its_own_stack_and_passes_no_role() -> None:
    policy = statements(rendered()["HeadNodeRole"])
    stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/one/1"
    for action in ("cloudformation:DescribeStackResource", "cloudformation:SignalResource"):
        assert may(policy, action, stack)
        assert not may(policy, action, stack.replace("one", "two"))
    assert "iam:" not in json.dumps([statement["Action"] for statement in policy])
    assert "batch:" not in json.dumps([statement["Action"] for statement in policy])


def test_only_the_clusters_own_topic_sends_to_the_queue() -> None:
    (statement,) = rendered()["FleetQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Action"] == ["sqs:SendMessage"]
    assert list(statement["Condition"]["ArnEquals"]) == ["aws:SourceArn"]


def test_sns_has_one_name_in_all_partitions() -> None:
    cluster = load(slurm_configuration())
    site = site_for(cluster, partition="aws-cn", url_suffix="amazonaws.com.cn")
    policy = blueprint(cluster, site).template["Resources"]["FleetQueuePolicy"]["Properties"]["PolicyDocument"]
    assert policy["Statement"][0]["Principal"] == {"Service": "sns.amazonaws.com"}


def largest() -> dict[str, Any]:
    """Fifty compute resources with names as long as they can be, storage that asks for identities, and buckets."""
    resources = [slurm_resource(f"resource-{number:012}") for number in range(5)]
    access = {"S3Access": [{"BucketName": f"bucket-{number}", "EnableWriteAccess": True} for number in range(20)]}
    identity = {"EncryptionInTransit": True, "IamAuthorization": True}
    efs = [
        storage(f"e{n}", StorageType="Efs", EfsSettings={"FileSystemId": f"fs-{n:017}", **identity}) for n in range(10)
    ]
    queues = [slurm_queue(f"queue-{number:015}", *resources, Iam=access) for number in range(10)]
    heads = {"InstanceType": "t3.micro", "Networking": {"SubnetId": HEAD_SUBNET}, "Iam": access}
    return rendered(*queues, HeadNode=heads, SharedStorage=efs)


def test_no_role_is_larger_than_iam_takes() -> None:
    roles = [item for item in largest().values() if item["Type"] == "AWS::IAM::Role"]
    assert len(roles) == 51
    sizes = [
        len(json.dumps(role["Properties"]["Policies"][0]["PolicyDocument"], separators=(",", ":"))) for role in roles
    ]
    assert max(sizes) <= LARGEST_ROLE


def test_roles_have_names_of_their_own_that_iam_takes_whatever_the_clusters_name() -> None:
    cluster = load(slurm_configuration(*TWO))
    site = site_for(cluster, cluster_name="c" * 31, name_prefix="p" * 12)
    resources = blueprint(cluster, site).template["Resources"].values()
    found = [item["Properties"]["RoleName"] for item in resources if item["Type"] == "AWS::IAM::Role"]
    assert len(set(found)) == len(found) == 4
    assert max(map(len, found)) <= 64


def boundary() -> list[dict[str, Any]]:
    template = application.translated()
    filled = Filled(template).fill(template["Resources"]["ClusterBoundary"]["Properties"]["PolicyDocument"])
    found: list[dict[str, Any]] = filled["Statement"]
    return found


def test_the_boundary_leaves_room_for_all_that_the_roles_allow() -> None:
    """A role can do what its policy and its boundary both allow."""
    allowed = [statement for statement in boundary() if statement["Effect"] == "Allow"]
    resources = rendered(*TWO)
    policies = [statements(resources["HeadNodeRole"]), *compute_roles(resources).values()]
    missing = {
        (action, on)
        for policy in policies
        for statement in policy
        for action in application.listed(statement["Action"])
        for on in application.listed(statement["Resource"])
        if not may(allowed, action, on)
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:111111111111:table/users"),
        ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:111111111111:orders"),
        (END, f"{GROUP}web-servers"),
        ("autoscaling:DeleteAutoScalingGroup", f"{GROUP}shoal-genomics_main-work"),
        ("ec2:CreateTags", "arn:aws:ec2:us-east-1:111111111111:vpc/vpc-0123456789abcdef0"),
    ],
)
def test_the_boundary_keeps_every_role_from_what_is_no_clusters(action: str, on: str) -> None:
    assert not may([statement for statement in boundary() if statement["Effect"] == "Allow"], action, on)
