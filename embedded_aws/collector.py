"""Everything that exists in an account, for telling what a run left behind.

Read from the server's own stores, type by type, and sharing no code with Shoal: what Shoal forgets, this does not.
`GET /_shoal/state` answers `{type: {id: facts}}` for the server's account in its Region; `POST` with
`{"account": ..., "region": ...}` for another. History is not collected (ended executions, items of tables, events of
streams), nor what every account has from the start (`difference` takes it away in any case).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_aws.batch import jobs as batch_jobs
from embedded_aws.batch.states import is_deleted
from embedded_aws.hooks import Hook
from embedded_aws.process import ACCOUNT_ID, REGION

State = dict[str, dict[str, str]]
"""Facts by id, by type."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A type of resource, and the store that has its records by id."""

    name: str
    module: str
    store: str
    exists: Callable[[Record], bool] = lambda record: True
    facts: str = ""
    """Key of the record whose value is worth reading in a report."""


def _is(key: str, *values: str) -> Callable[[Record], bool]:
    return lambda record: record[key] in values


def _is_not(key: str, *values: str) -> Callable[[Record], bool]:
    return lambda record: record.get(key) not in values


def _is_not_terminated(instance: Record) -> bool:
    return bool(instance["State"]["Name"] != "terminated")


def _is_not_deleted(record: Record) -> bool:
    return not is_deleted(record)


def _is_not_service_linked(role: Record) -> bool:
    """A service-linked role belongs to the account, and is made once for all clusters."""
    return not str(role["Path"]).startswith("/aws-service-role/")


STATUS = "StackStatus"

KINDS = (
    Kind("AWS::AutoScaling::AutoScalingGroup", "autoscaling", "_asgs"),
    Kind("AWS::Batch::ComputeEnvironment", "batch", "_compute_envs", _is_not_deleted, "status"),
    Kind("AWS::Batch::JobQueue", "batch", "_job_queues", _is_not_deleted, "status"),
    Kind("AWS::CloudFormation::Stack", "cloudformation", "_stacks", _is_not(STATUS, "DELETE_COMPLETE"), STATUS),
    Kind("AWS::CloudWatch::Alarm", "cloudwatch", "_alarms"),
    Kind("AWS::CloudWatch::Dashboard", "cloudwatch", "_dashboards"),
    Kind("AWS::CodeBuild::Project", "codebuild", "_projects"),
    Kind("AWS::CodeBuild::Build", "codebuild", "_builds", _is("buildStatus", "IN_PROGRESS"), "buildStatus"),
    Kind("AWS::DynamoDB::Table", "dynamodb", "_tables", facts="TableStatus"),
    Kind("AWS::EC2::EIP", "ec2", "_addresses", facts="PublicIp"),
    Kind("AWS::EC2::Image", "ec2", "_images", facts="Name"),
    Kind("AWS::EC2::Instance", "ec2", "_instances", _is_not_terminated, "InstanceType"),
    Kind("AWS::EC2::InternetGateway", "ec2", "_internet_gateways"),
    Kind("AWS::EC2::KeyPair", "ec2", "_key_pairs"),
    Kind("AWS::EC2::LaunchTemplate", "ec2", "_launch_templates", facts="LaunchTemplateName"),
    Kind("AWS::EC2::NatGateway", "ec2", "_nat_gateways", _is_not("State", "deleted"), "State"),
    Kind("AWS::EC2::NetworkAcl", "ec2", "_network_acls", facts="VpcId"),
    Kind("AWS::EC2::NetworkInterface", "ec2", "_network_interfaces", facts="Status"),
    Kind("AWS::EC2::PlacementGroup", "ec2", "_placement_groups", facts="Strategy"),
    Kind("AWS::EC2::RouteTable", "ec2", "_route_tables", facts="VpcId"),
    Kind("AWS::EC2::SecurityGroup", "ec2", "_security_groups", facts="GroupName"),
    Kind("AWS::EC2::Snapshot", "ec2", "_snapshots", facts="Description"),
    Kind("AWS::EC2::Subnet", "ec2", "_subnets", facts="CidrBlock"),
    Kind("AWS::EC2::VPC", "ec2", "_vpcs", facts="CidrBlock"),
    Kind("AWS::EC2::VPCEndpoint", "ec2", "_vpc_endpoints", facts="ServiceName"),
    Kind("AWS::EC2::Volume", "ec2", "_volumes", facts="State"),
    Kind("AWS::ECR::Repository", "ecr", "_repositories"),
    Kind("AWS::ECS::Cluster", "ecs", "_clusters", facts="status"),
    Kind("AWS::EFS::AccessPoint", "efs", "_access_points"),
    Kind("AWS::EFS::FileSystem", "efs", "_file_systems", facts="Name"),
    Kind("AWS::EFS::MountTarget", "efs", "_mount_targets", facts="SubnetId"),
    Kind("AWS::Events::EventBus", "eventbridge", "_event_buses", _is_not("Name", "default")),
    Kind("AWS::Events::EventBusPolicy", "eventbridge", "_event_bus_policies", lambda record: bool(record["Statement"])),
    Kind("AWS::Events::Rule", "eventbridge", "_rules", facts="State"),
    Kind("AWS::IAM::InstanceProfile", "iam", "_instance_profiles", facts="Path"),
    Kind("AWS::IAM::ManagedPolicy", "iam", "_policies"),
    Kind("AWS::IAM::Role", "iam", "_roles", _is_not_service_linked, "Path"),
    Kind("AWS::IAM::User", "iam", "_users", facts="Path"),
    Kind("AWS::KMS::Key", "kms", "_keys", _is_not("KeyState", "PendingDeletion"), "Description"),
    Kind("AWS::KMS::Alias", "kms", "_aliases"),
    Kind("AWS::Lambda::EventSourceMapping", "lambda_svc", "_esms", facts="EventSourceArn"),
    Kind("AWS::Lambda::Function", "lambda_svc", "_functions"),
    Kind("AWS::Logs::LogGroup", "cloudwatch_logs", "_log_groups"),
    Kind("AWS::S3::Bucket", "s3", "_buckets"),
    Kind("AWS::S3::MultipartUpload", "s3", "_multipart_uploads", facts="key"),
    Kind("AWS::SNS::Topic", "sns", "_topics"),
    Kind("AWS::SQS::Queue", "sqs", "_queues"),
    Kind("AWS::SSM::Parameter", "ssm", "_parameters"),
    Kind("AWS::Scheduler::Schedule", "scheduler", "_schedules", facts="State"),
    Kind("AWS::Scheduler::ScheduleGroup", "scheduler", "_schedule_groups", _is_not("Name", "default")),
    Kind("AWS::SecretsManager::Secret", "secretsmanager", "_secrets", lambda record: not record.get("DeletedDate")),
    Kind("AWS::StepFunctions::Execution", "stepfunctions", "_executions", _is("status", "RUNNING"), "status"),
    Kind("AWS::StepFunctions::StateMachine", "stepfunctions", "_state_machines"),
)  # fmt: skip

HOOKS: tuple[Hook, ...] = (
    *((f"services.{kind.module}", kind.store) for kind in KINDS),
    ("services.batch", "_job_definitions"),
    ("services.ecr", "_images"),
    ("services.lambda_svc", "_layers"),
    ("services.ec2", "_ensure_defaults_initialized"),
    ("core.responses", "request_scope"),
)


def install() -> None:
    """Nothing to put in place: the routes below are all there is."""


def collect(account: str = ACCOUNT_ID, region: str = REGION) -> State:
    """Everything that exists in an account and Region."""
    import importlib

    from ministack.core.responses import request_scope
    from ministack.services import ec2

    with request_scope(account, region):
        ec2._ensure_defaults_initialized()  # every account's default network, which MiniStack makes at the first call
        state: State = {}
        for kind in KINDS:
            store = getattr(importlib.import_module(f"ministack.services.{kind.module}"), kind.store)
            for identifier, record in store.items():
                if kind.exists(record):
                    facts = str(record.get(kind.facts, "")) if kind.facts else ""
                    state.setdefault(kind.name, {})[str(identifier)] = facts
        for name, identifier, facts in _members():
            state.setdefault(name, {})[identifier] = facts
    return state


def _members() -> Iterator[tuple[str, str, str]]:
    """What lies inside another record: type, id and facts."""
    for name, members in _MEMBERS.items():
        for identifier, facts in members():
            yield name, identifier, facts


def _job_definitions() -> Iterator[tuple[str, str]]:
    from ministack.services import batch

    revisions = [revision for found in batch._job_definitions.values() for revision in found]
    return ((found["jobDefinitionArn"], "") for found in revisions if found["status"] == "ACTIVE")


def _jobs() -> Iterator[tuple[str, str]]:
    return iter(batch_jobs.unfinished())


def _images() -> Iterator[tuple[str, str]]:
    from ministack.services import ecr

    for repository, images in ecr._images.items():
        for image in images:
            yield f"{repository}@{image['imageDigest']}", ", ".join(image.get("imageTags", []))


def _layer_versions() -> Iterator[tuple[str, str]]:
    from ministack.services import lambda_svc

    for layer, record in lambda_svc._layers.items():
        for version in record["versions"]:
            yield f"{layer}:{version['Version']}", ""


def _objects() -> Iterator[tuple[str, str]]:
    from ministack.services import s3

    for bucket, record in s3._buckets.items():
        for key in record["objects"]:
            yield f"{bucket}/{key}", ""


def _subscriptions() -> Iterator[tuple[str, str]]:
    from ministack.services import sns

    for topic in sns._topics.values():
        for subscription in topic.get("subscriptions", []):
            yield subscription["arn"], subscription.get("endpoint", "")


_MEMBERS = {
    "AWS::Batch::Job": _jobs,
    "AWS::Batch::JobDefinition": _job_definitions,
    "AWS::ECR::Image": _images,
    "AWS::Lambda::LayerVersion": _layer_versions,
    "AWS::S3::Object": _objects,
    "AWS::SNS::Subscription": _subscriptions,
}


def difference(before: State, after: State) -> State:
    """What exists after and did not before, in the same shape; empty types are left out."""
    new = {
        kind: {identifier: facts for identifier, facts in found.items() if identifier not in before.get(kind, {})}
        for kind, found in after.items()
    }
    return {kind: found for kind, found in new.items() if found}


def _answer(body: Any) -> object:
    asked = body or {}
    return collect(asked.get("account", ACCOUNT_ID), asked.get("region", REGION))


ROUTES = {("GET", "/_shoal/state"): _answer, ("POST", "/_shoal/state"): _answer}
