"""Does the collector see one of everything? What it cannot see, no run can report as left behind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded_aws.collector import KINDS, State, difference
from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import Stack, resource

Plant = Callable[[Account], object]

TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
VPC, SUBNET, ZONE = "vpc-00000001", "subnet-00000001", "us-east-1a"
MANIFEST = json.dumps({
    "schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64, "size": 1}, "layers": [],
})  # fmt: skip
WAITING = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3000, "End": True}}}


def call(service: str, operation: str, **arguments: Any) -> Plant:
    """One call that makes one resource."""
    return lambda account: getattr(account.client(service), operation)(**arguments)


def _queue(account: Account) -> None:
    batch = account.client("batch")
    environment = batch.create_compute_environment(
        computeEnvironmentName="work", type="UNMANAGED", state="ENABLED"
    )["computeEnvironmentArn"]  # fmt: skip
    until(lambda: batch.describe_compute_environments()["computeEnvironments"][0]["status"] == "VALID")
    order = [{"order": 1, "computeEnvironment": environment}]
    batch.create_job_queue(jobQueueName="jobs", priority=1, computeEnvironmentOrder=order)


def _job(account: Account) -> None:
    _queue(account)
    _definition(account)
    account.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    try:
        account.client("batch").submit_job(jobName="one", jobQueue="jobs", jobDefinition="job")
    finally:
        account.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})


def _definition(account: Account) -> None:
    container = {"image": "debian", "vcpus": 1, "memory": 100}
    account.client("batch").register_job_definition(
        jobDefinitionName="job", type="container", containerProperties=container
    )


def _image(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="images")
    ecr.put_image(repositoryName="images", imageTag="one", imageManifest=MANIFEST)


def _bucket(account: Account) -> str:
    name = f"collected-{account.id}"
    account.client("s3").create_bucket(Bucket=name)
    return name


def _layer(account: Account) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("python/a.py", "")
    account.client("lambda").publish_layer_version(LayerName="layer", Content={"ZipFile": content.getvalue()})


def _mapping(account: Account) -> None:
    queue = account.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    account.function("f", "def handler(event, context): pass")
    account.client("lambda").create_event_source_mapping(
        FunctionName="f", EventSourceArn=arn["QueueArn"], Enabled=False
    )


def _mount_target(account: Account) -> None:
    efs = account.client("efs")
    system = efs.create_file_system()["FileSystemId"]
    efs.create_mount_target(FileSystemId=system, SubnetId=SUBNET)


def _access_point(account: Account) -> None:
    efs = account.client("efs")
    efs.create_access_point(FileSystemId=efs.create_file_system()["FileSystemId"])


def _snapshot(account: Account) -> None:
    ec2 = account.client("ec2")
    ec2.create_snapshot(VolumeId=ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"])


def _nat_gateway(account: Account) -> None:
    ec2 = account.client("ec2")
    ec2.create_nat_gateway(SubnetId=SUBNET, AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"])


def _subscription(account: Account) -> None:
    topic = account.client("sns").create_topic(Name="t")["TopicArn"]
    account.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")


def _schedule(account: Account) -> None:
    target = {"Arn": account.client("sqs").create_queue(QueueName="q")["QueueUrl"], "RoleArn": account.role("s")}
    account.client("scheduler").create_schedule(
        Name="s", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )


def _table(account: Account) -> None:
    account.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _project(account: Account) -> None:
    account.client("codebuild").create_project(
        name="build",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=account.role("build"),
    )


def _build(account: Account) -> None:
    _project(account)
    account.client("codebuild").start_build(projectName="build")


def _group(account: Account) -> None:
    template = account.client("ec2").create_launch_template(
        LaunchTemplateName="base", LaunchTemplateData={"ImageId": IMAGES[0][0], "InstanceType": "c5.large"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    account.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="g", MinSize=0, MaxSize=0, AvailabilityZones=[ZONE],
        LaunchTemplate={"LaunchTemplateId": template},
    )  # fmt: skip


PLANTS: dict[str, Plant] = {
    "AWS::AutoScaling::AutoScalingGroup": _group,
    "AWS::Batch::ComputeEnvironment": call(
        "batch", "create_compute_environment", computeEnvironmentName="work", type="UNMANAGED"
    ),
    "AWS::Batch::Job": _job,
    "AWS::Batch::JobDefinition": _definition,
    "AWS::Batch::JobQueue": _queue,
    "AWS::CloudFormation::Stack": lambda account: Stack(account).create(
        {"Wait": resource("AWS::CloudFormation::WaitConditionHandle")}
    ),
    "AWS::CloudWatch::Alarm": call(
        "cloudwatch", "put_metric_alarm", AlarmName="a", MetricName="m", Namespace="n", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    ),
    "AWS::CloudWatch::Dashboard": call(
        "cloudwatch", "put_dashboard", DashboardName="d", DashboardBody=json.dumps({"widgets": []})
    ),
    "AWS::CodeBuild::Build": _build,
    "AWS::CodeBuild::Project": _project,
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::EIP": call("ec2", "allocate_address", Domain="vpc"),
    "AWS::EC2::Image": call("ec2", "register_image", Name="own", RootDeviceName="/dev/xvda"),
    "AWS::EC2::Instance": call(
        "ec2", "run_instances", ImageId=IMAGES[0][0], InstanceType="c5.large", MinCount=1, MaxCount=1
    ),
    "AWS::EC2::InternetGateway": call("ec2", "create_internet_gateway"),
    "AWS::EC2::KeyPair": call("ec2", "create_key_pair", KeyName="k"),
    "AWS::EC2::LaunchTemplate": call(
        "ec2", "create_launch_template", LaunchTemplateName="l", LaunchTemplateData={"ImageId": IMAGES[0][0]}
    ),
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::NetworkAcl": call("ec2", "create_network_acl", VpcId=VPC),
    "AWS::EC2::NetworkInterface": call("ec2", "create_network_interface", SubnetId=SUBNET),
    "AWS::EC2::PlacementGroup": call("ec2", "create_placement_group", GroupName="p", Strategy="cluster"),
    "AWS::EC2::RouteTable": call("ec2", "create_route_table", VpcId=VPC),
    "AWS::EC2::SecurityGroup": call("ec2", "create_security_group", GroupName="s", Description="s"),
    "AWS::EC2::Snapshot": _snapshot,
    "AWS::EC2::Subnet": call("ec2", "create_subnet", VpcId=VPC, CidrBlock="172.31.48.0/20"),
    "AWS::EC2::VPC": call("ec2", "create_vpc", CidrBlock="10.9.0.0/16"),
    "AWS::EC2::VPCEndpoint": call("ec2", "create_vpc_endpoint", VpcId=VPC, ServiceName="com.amazonaws.us-east-1.s3"),
    "AWS::EC2::Volume": call("ec2", "create_volume", AvailabilityZone=ZONE, Size=1),
    "AWS::ECR::Image": _image,
    "AWS::ECR::Repository": call("ecr", "create_repository", repositoryName="images"),
    "AWS::ECS::Cluster": call("ecs", "create_cluster", clusterName="c"),
    "AWS::EFS::AccessPoint": _access_point,
    "AWS::EFS::FileSystem": call("efs", "create_file_system"),
    "AWS::EFS::MountTarget": _mount_target,
    "AWS::Events::EventBus": call("events", "create_event_bus", Name="bus"),
    "AWS::Events::EventBusPolicy": call(
        "events", "put_permission", Action="events:PutEvents", Principal="222222222222", StatementId="other"
    ),
    "AWS::Events::Rule": call("events", "put_rule", Name="r", ScheduleExpression="rate(1 day)"),
    "AWS::IAM::InstanceProfile": call("iam", "create_instance_profile", InstanceProfileName="p"),
    "AWS::IAM::ManagedPolicy": call("iam", "create_policy", PolicyName="p", PolicyDocument=POLICY),
    "AWS::IAM::Role": call("iam", "create_role", RoleName="r", AssumeRolePolicyDocument=TRUST),
    "AWS::IAM::User": call("iam", "create_user", UserName="u"),
    "AWS::KMS::Alias": lambda account: account.client("kms").create_alias(
        AliasName="alias/a", TargetKeyId=account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    ),
    "AWS::KMS::Key": call("kms", "create_key"),
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Function": lambda account: account.function("f", "def handler(event, context): pass"),
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Logs::LogGroup": call("logs", "create_log_group", logGroupName="/g"),
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::MultipartUpload": lambda account: account.client("s3").create_multipart_upload(
        Bucket=_bucket(account), Key="a"
    ),
    "AWS::S3::Object": lambda account: account.client("s3").put_object(Bucket=_bucket(account), Key="a", Body=b""),
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": call("sns", "create_topic", Name="t"),
    "AWS::SQS::Queue": call("sqs", "create_queue", QueueName="q"),
    "AWS::SSM::Parameter": call("ssm", "put_parameter", Name="/p", Value="v", Type="String"),
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Scheduler::ScheduleGroup": call("scheduler", "create_schedule_group", Name="g"),
    "AWS::SecretsManager::Secret": call("secretsmanager", "create_secret", Name="s", SecretString="x"),
    "AWS::StepFunctions::Execution": lambda account: account.start(account.machine("m", WAITING)),
    "AWS::StepFunctions::StateMachine": lambda account: account.machine("m", WAITING),
}  # fmt: skip


@pytest.fixture(autouse=True)
def stopped_builds(account: Account) -> Iterator[None]:
    """No build goes on after its test."""
    yield
    codebuild = account.client("codebuild")
    for build in codebuild.list_builds()["ids"]:
        codebuild.stop_build(id=build)


def state(account: Account) -> State:
    found: Any = account.server.call("POST", "/_shoal/state", {"account": account.id})
    return dict(found)


@pytest.mark.parametrize("kind", sorted(PLANTS))
def test_a_planted_resource_is_reported_under_its_type(account: Account, kind: str) -> None:
    before = state(account)
    PLANTS[kind](account)
    left = difference(before, state(account))
    assert left.get(kind), f"{kind} is not among {sorted(left)}"


def test_every_collected_type_is_planted() -> None:
    assert {kind.name for kind in KINDS} <= PLANTS.keys()


def test_what_is_gone_again_is_not_reported(account: Account) -> None:
    before = state(account)
    ec2 = account.client("ec2")
    launched = ec2.run_instances(ImageId=IMAGES[0][0], InstanceType="c5.large", MinCount=1, MaxCount=1)
    ec2.terminate_instances(InstanceIds=[launched["Instances"][0]["InstanceId"]])
    Stack(account).create({"Wait": resource("AWS::CloudFormation::WaitConditionHandle")}).delete()
    assert difference(before, state(account)) == {}


def test_a_new_account_differs_in_nothing_after_it_was_looked_at(account: Account) -> None:
    before = state(account)
    account.client("ec2").describe_subnets()
    account.client("events").list_event_buses()
    account.client("scheduler").list_schedule_groups()
    assert difference(before, state(account)) == {}
