"""Grants that only AWS itself, or an instance in an account, can use: held to the list of a page of AWS's.

The embedded AWS traces nothing, delivers no logs of machines, makes no managed rules, reads no resource before it
changes it, and runs nothing on an instance. So `tests/life/grants_used_elsewhere.tsv` names the tests of this file for
such grants; `DECLARED` says which ones each of them may stand for.
"""

from __future__ import annotations

import ast
import fnmatch
import functools
from collections.abc import Mapping
from typing import Any

import pytest

from shoal.aws.sweepers import SWEEPERS
from shoal.cluster import blueprint, user_data
from shoal_cli.life.grants import LIST, used_elsewhere
from tests.support import application, clusters, definitions
from tests.support.application import ROOT
from tests.template import test_cluster_stack_role

HERE = "tests/template/test_grants_of_aws.py"

XRAY_OF_FUNCTIONS = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""AWSXRayDaemonWriteAccess as far as Lambda needs it, https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"""
XRAY_OF_MACHINES = XRAY_OF_FUNCTIONS | {"xray:GetSamplingRules", "xray:GetSamplingTargets"}
"""https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html"""
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
"""https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"""
MANAGED_RULE = {"events:PutTargets", "events:PutRule", "events:DescribeRule"}
"""https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html"""
SYNC_BUILD = {"codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"}
"""https://docs.aws.amazon.com/step-functions/latest/dg/connect-codebuild.html"""
SYNC_EXECUTION = {"states:DescribeExecution", "states:StopExecution"}
"""https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html"""
HEAD_BUCKET = {"s3:ListBucket"}
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""
TEMPLATE_URL = {"s3:GetObject", "s3:GetObjectVersion"}
"""CloudFormation reads a template with its caller's rights, a version of it with the second:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
CODEBUILD_SOURCE = {"s3:GetObject", "s3:GetObjectVersion"}
"""https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html"""
PROJECT_HANDLERS = {
    "codebuild:CreateProject",
    "codebuild:UpdateProject",
    "codebuild:DeleteProject",
    "codebuild:BatchGetProjects",
}
"""CloudFormation's registry has no handlers of AWS::CodeBuild::Project; the actions on projects and their reading are
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html"""
CUSTOM_RESOURCES = {"lambda:InvokeFunction"}
"""A stack with a service role invokes its custom resources with that role:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html"""
BATCH_CLIENT = {
    "ec2:DescribeInstances": "describe_instances",
    "ecs:DescribeContainerInstances": "describe_container_instances",
}
"""What awsbhosts asks about a cluster's hosts, by boto3's names; none run on the embedded AWS."""
CONTAINER_INSTANCE = {
    "ec2:DescribeTags",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "ecs:DeregisterContainerInstance",
    "ecs:DiscoverPollEndpoint",
    "ecs:Poll",
    "ecs:RegisterContainerInstance",
    "ecs:StartTelemetrySession",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
    "ecs:TagResource",
    "ecs:UpdateContainerInstancesState",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}
"""AmazonEC2ContainerServiceforEC2Role with `ecs:Submit*` written out and without CreateCluster, which Batch does:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html"""
SESSION_MANAGER = {
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html"""
NODE_PACKAGE = {
    "cloudformation:SignalResource": "signal_resource",
    "cloudwatch:PutMetricData": "put_metric_data",
    "ec2:CreateTags": "create_tags",
    "logs:CreateLogStream": "create_log_stream",
    "logs:PutLogEvents": "put_log_events",
}
"""What the node package calls, by boto3's names."""


@functools.cache
def template() -> dict[str, Any]:
    """The control plane's template."""
    return application.translated()


def of_policy(logical_id: str) -> set[str]:
    """Every action of a managed policy of the template."""
    document = template()["Resources"][logical_id]["Properties"]["PolicyDocument"]
    return actions(document["Statement"])


def of_role(logical_id: str) -> set[str]:
    """Every action that a role of the template allows by its own policies."""
    policies = template()["Resources"][logical_id]["Properties"].get("Policies", [])
    statements = [item for policy in policies for item in policy["PolicyDocument"]["Statement"]]
    return actions(statements)


def actions(statements: list[Mapping[str, Any]]) -> set[str]:
    """What the statements allow."""
    return {
        action
        for item in statements
        if item["Effect"] == "Allow"
        for action in application.listed(item.get("Action", []))
    }


@functools.cache
def of_cluster_role(logical_id: str) -> set[str]:
    """Every action of a role of a cluster, in any of the examples."""
    found = set()
    for cluster in clusters.examples():
        resources = blueprint.blueprint(cluster, clusters.site_for(cluster)).template["Resources"]
        for policy in resources.get(logical_id, {}).get("Properties", {}).get("Policies", []):
            found |= actions(policy["PolicyDocument"]["Statement"])
    return found


def waiting_machines() -> dict[str, set[str]]:
    """The machines that wait for a child execution or a build, with the rights that waiting takes."""
    found = {}
    for machine in definitions.NAMES:
        resources = [task["Resource"] for task in definitions.tasks(definitions.definition(machine)).values()]
        if any(".sync" in resource for resource in resources):
            builds = any("codebuild" in resource for resource in resources)
            found[machine.replace("_", "-")] = MANAGED_RULE | (SYNC_BUILD if builds else SYNC_EXECUTION)
    return found


def stack_rights() -> set[str]:
    """What CloudFormation's handlers of the types that clusters have need, by its own registry."""
    registry = test_cluster_stack_role.registry()
    return set().union(*(registry[kind] for kind in test_cluster_stack_role.rendered_types()))


def spelled(granted: set[str], needed: set[str]) -> set[str]:
    """Those of some grants, patterns among them, that allow something needed; actions have no case."""
    low = {right.lower() for right in needed}
    return {grant for grant in granted if any(fnmatch.fnmatchcase(right, grant.lower()) for right in low)}


def test_functions_and_machines_send_traces_and_nothing_more_to_x_ray() -> None:
    assert {action for action in of_policy("FunctionBasics") if action.startswith("xray:")} == XRAY_OF_FUNCTIONS
    assert {action for action in of_policy("MachineBasics") if action.startswith("xray:")} == XRAY_OF_MACHINES


def test_machines_deliver_their_logs() -> None:
    assert {action for action in of_policy("MachineBasics") if action.startswith("logs:")} == LOG_DELIVERY


@pytest.mark.parametrize("machine", waiting_machines())
def test_a_machine_that_waits_hears_of_the_end_and_can_stop_what_it_waits_for(machine: str) -> None:
    role = "".join(word.capitalize() for word in machine.split("-")) + "Role"
    assert waiting_machines()[machine] <= of_role(role)


def test_cloudformation_reads_a_template_with_its_callers_rights() -> None:
    assert of_role("DeployStackRole") >= TEMPLATE_URL


def test_the_stack_role_has_no_right_that_no_resource_of_a_cluster_needs() -> None:
    needed = stack_rights() | PROJECT_HANDLERS | CUSTOM_RESOURCES | {"iam:PassRole", "iam:TagInstanceProfile"}
    for policy in ("ClusterStackComputePolicy", "ClusterStackDataPolicy", "ClusterStackFleetPolicy"):
        assert of_policy(policy) - spelled(of_policy(policy), needed) == set()
    assert of_role("ClusterStackRole") - spelled(of_role("ClusterStackRole"), needed) == set()


def test_hosts_are_container_instances_and_nothing_more() -> None:
    ours = {action for action in of_cluster_role("HostRole") if not action.startswith("elasticfilesystem:")}
    assert ours == CONTAINER_INSTANCE


def test_the_head_node_can_be_reached_by_session_manager() -> None:
    assert {item for item in of_cluster_role("HeadNodeRole") if item.startswith("ssm")} == SESSION_MANAGER


def test_the_head_node_may_do_what_its_package_calls() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "layers/shoal/shoal_node").glob("*.py"))
    assert [name for name in NODE_PACKAGE.values() if f".{name}(" not in sources] == []
    assert set(NODE_PACKAGE) <= of_cluster_role("HeadNodeRole")


def test_the_head_node_fetches_one_version_of_its_package() -> None:
    assert "s3:GetObjectVersion" in of_cluster_role("HeadNodeRole")
    assert "VersionId" in (ROOT / user_data.__file__).read_text()


def test_the_head_node_may_ask_what_awsbhosts_asks() -> None:
    (program,) = (ROOT / ".tools/awsbatch").glob("lib/python*/site-packages/awsbatch/awsbhosts.py")
    assert [name for name in BATCH_CLIENT.values() if name not in program.read_text()] == []
    assert set(BATCH_CLIENT) <= of_cluster_role("HeadNodeRole")


def test_whether_a_bucket_is_left_is_asked_with_the_right_to_list_it() -> None:
    (asked,) = [sweeper.describe for sweeper in SWEEPERS if sweeper.resource_type == "AWS::S3::Bucket"]
    assert asked == "head_bucket"
    assert of_role("FindLeftoversRole") >= HEAD_BUCKET


def test_a_build_reads_its_source_from_the_bucket() -> None:
    assert {item for item in of_cluster_role("BuildRole") if item.startswith("s3:")} == CODEBUILD_SOURCE


DECLARED: dict[str, dict[str, set[str]]] = {
    "test_functions_and_machines_send_traces_and_nothing_more_to_x_ray": {
        "function-basics": XRAY_OF_FUNCTIONS,
        "machine-basics": XRAY_OF_MACHINES,
    },
    "test_machines_deliver_their_logs": {"machine-basics": LOG_DELIVERY},
    "test_a_machine_that_waits_hears_of_the_end_and_can_stop_what_it_waits_for": waiting_machines(),
    "test_cloudformation_reads_a_template_with_its_callers_rights": {"deploy-stack": TEMPLATE_URL},
    "test_the_stack_role_has_no_right_that_no_resource_of_a_cluster_needs": {
        "cluster-stack": of_role("ClusterStackRole"),
        "cluster-stack-compute": of_policy("ClusterStackComputePolicy"),
        "cluster-stack-data": of_policy("ClusterStackDataPolicy"),
        "cluster-stack-fleet": of_policy("ClusterStackFleetPolicy"),
    },
    "test_hosts_are_container_instances_and_nothing_more": {"cluster/host": CONTAINER_INSTANCE},
    "test_the_head_node_can_be_reached_by_session_manager": {"cluster/head-node": SESSION_MANAGER},
    "test_the_head_node_may_do_what_its_package_calls": {"cluster/head-node": set(NODE_PACKAGE)},
    "test_the_head_node_fetches_one_version_of_its_package": {"cluster/head-node": {"s3:GetObjectVersion"}},
    "test_the_head_node_may_ask_what_awsbhosts_asks": {"cluster/head-node": set(BATCH_CLIENT)},
    "test_whether_a_bucket_is_left_is_asked_with_the_right_to_list_it": {"find-leftovers": HEAD_BUCKET},
    "test_a_build_reads_its_source_from_the_bucket": {"cluster/build": CODEBUILD_SOURCE},
}
"""What each test stands for, by holder."""


def test_the_list_names_tests_that_exist() -> None:
    for test in sorted(set(used_elsewhere(ROOT / LIST).values())):
        path, _, name = test.partition("::")
        functions = [
            item.name for item in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(item, ast.FunctionDef)
        ]
        assert name in functions, test
        assert path == HERE or path.startswith("tests/life/"), f"nothing holds {test} to what the list says of it"


def test_a_test_of_this_file_stands_for_what_it_declares_only() -> None:
    for grant, test in used_elsewhere(ROOT / LIST).items():
        path, _, name = test.partition("::")
        if path == HERE:
            assert grant.action in DECLARED[name].get(grant.holder, set()), f"{name} does not stand for {grant}"
