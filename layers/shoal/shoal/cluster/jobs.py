"""Jobs: the definitions that users submit them by, and what they and their submitters may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cluster.bucket import BUCKET_PARAMETER, MEETINGS, ROOT_PARAMETER, bucket_arn, objects_arn
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.iam import role, s3_access
from shoal.cluster.image import image_uri
from shoal.cluster.monitoring import JOB_LOGS, streams_arn
from shoal.cluster.site import Site, names
from shoal.cluster.storage import host_directory, shared_directories
from shoal.cluster.template import Resource, Statement, Value, allow, arn, get_att, join, logical_id, ref, tag_map

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.storage import SharedStorage

JOB_ROLE = "JobRole"

VCPUS = 1
MEMORY = 512
"""MiB; what a job gets when it asks for nothing, as in ParallelCluster."""
SHARED_MEMORY = 1024
"""MiB that processes of a job may share, within its memory. Each of Open MPI's uses up to 4; Docker gives 64 to all."""
ATTEMPTS = 3
"""Starts of a job whose host goes away, as Spot instances do; a job that fails by itself is not started again."""
LONGEST_JOB = 30 * 24 * 3600
"""Seconds, unless the submitter says otherwise: what hangs does not cost for ever."""


def definition_id(queue: Queue) -> str:
    """The job definition for jobs of one container in a queue."""
    return logical_id("JobDefinition", queue.name)


def multinode_definition_id(queue: Queue) -> str:
    """The job definition for multi-node parallel jobs in a queue."""
    return logical_id("MultinodeJobDefinition", queue.name)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The role of the jobs, and for each queue two job definitions."""
    iam = cluster.head_node.iam
    statements = [
        allow("ReadTheJobsFiles", "s3:GetObject", on=objects_arn(site, ref(ROOT_PARAMETER), "/*")),
        allow("ListTheJobsFiles", "s3:ListBucket", on=bucket_arn(site), StringLike=_in_the_jobs_folder()),
        allow(
            "MeetOtherNodes",
            "s3:DeleteObject",
            "s3:PutObject",
            on=objects_arn(site, ref(ROOT_PARAMETER), f"/{MEETINGS}/*"),
        ),
        *s3_access(site, iam.s3_access),
    ]
    policies = [policy.policy for policy in iam.additional_iam_policies]
    yield JOB_ROLE, role(cluster, site, "job", "ecs-tasks", statements, policies)
    for queue in cluster.scheduling.aws_batch_queues:
        container = _container(cluster, site, queue)
        nodes = {"TargetNodes": "0:", "Container": container}
        yield definition_id(queue), _definition(cluster, site, queue, multinode=False, ContainerProperties=container)
        yield (
            multinode_definition_id(queue),
            _definition(
                cluster,
                site,
                queue,
                multinode=True,
                NodeProperties={"MainNode": 0, "NumNodes": 1, "NodeRangeProperties": [nodes]},
            ),
        )


def client_statements(cluster: Cluster, site: Site) -> list[Statement]:
    """What AWS's Batch client needs: the head node's role has it, for the users who log in there."""
    queues = cluster.scheduling.aws_batch_queues
    named = names(site)
    definitions = [
        arn(site, "batch", f"job-definition/{named.job_definition(queue.name, multinode=multinode)}")
        for queue in queues
        for multinode in (False, True)
    ]
    return [
        # Batch and EC2 tie what describes and lists to no resource:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
        allow(
            "SeeJobs",
            "batch:DescribeComputeEnvironments",
            "batch:DescribeJobQueues",
            "batch:DescribeJobs",
            "batch:ListJobs",
            "ec2:DescribeInstances",
            on="*",
        ),
        allow(
            "SubmitJobs",
            "batch:SubmitJob",
            on=[
                *(arn(site, "batch", f"job-queue/{named.job_queue(queue.name)}") for queue in queues),
                *(f"{definition}{revision}" for definition in definitions for revision in ("", ":*")),
                arn(site, "batch", "job/*"),
            ],
        ),
        allow("EndJobs", "batch:TerminateJob", on=arn(site, "batch", "job/*")),
        allow("ReadTheLogsOfJobs", "logs:FilterLogEvents", "logs:GetLogEvents", on=streams_arn(site, "jobs")),
        allow(
            "SeeHosts",
            "ecs:DescribeContainerInstances",
            "ecs:ListContainerInstances",
            on=[*ecs_clusters(site), arn(site, "ecs", "container-instance/*")],
        ),
        allow("ShipFilesToJobs", "s3:GetObject", "s3:PutObject", on=objects_arn(site, ref(ROOT_PARAMETER), "/*")),
        allow("ListFilesOfJobs", "s3:ListBucket", on=bucket_arn(site), StringLike=_in_the_jobs_folder()),
        allow("FindTheCluster", "cloudformation:DescribeStacks", on=ref("AWS::StackId")),
    ]


def ecs_clusters(site: Site) -> list[Value]:
    """The ECS clusters behind compute environments, by the two patterns that Batch has named them by."""
    return [arn(site, "ecs", f"cluster/{pattern}") for pattern in ("AWSBatch-*", "*_Batch_*")]


def _in_the_jobs_folder() -> dict[str, Value]:
    return {"s3:prefix": join(ref(ROOT_PARAMETER), "/*")}


def _definition(cluster: Cluster, site: Site, queue: Queue, *, multinode: bool, **properties: Any) -> Resource:
    return {
        "Type": "AWS::Batch::JobDefinition",
        "Properties": {
            "JobDefinitionName": names(site).job_definition(queue.name, multinode=multinode),
            "Type": "multinode" if multinode else "container",
            **properties,
            "RetryStrategy": {
                "Attempts": ATTEMPTS,
                "EvaluateOnExit": [
                    {"OnStatusReason": "Host EC2*", "Action": "RETRY"},
                    {"OnReason": "*", "Action": "EXIT"},
                ],
            },
            "Timeout": {"AttemptDurationSeconds": LONGEST_JOB},
            "PropagateTags": True,
            "Tags": tag_map(cluster, site),
        },
    }


def _container(cluster: Cluster, site: Site, queue: Queue) -> dict[str, Any]:
    directories = shared_directories(cluster)
    volumes = {f"shared{number}": directory for number, directory in enumerate(directories)}
    return {
        "Image": image_uri(cluster, site, queue),
        # The older properties, since these are what AWS's Batch client overrides when a user asks for more.
        "Vcpus": VCPUS,
        "Memory": MEMORY,
        "JobRoleArn": get_att(JOB_ROLE, "Arn"),
        "Privileged": False,
        "LinuxParameters": {"InitProcessEnabled": True, "SharedMemorySize": SHARED_MEMORY},
        "Environment": [{"Name": name, "Value": value} for name, value in _environment(cluster, site).items()],
        "Volumes": [{"Name": name, "Host": {"SourcePath": host_directory(path)}} for name, path in volumes.items()],
        "MountPoints": [
            {"SourceVolume": name, "ContainerPath": path, "ReadOnly": False} for name, path in volumes.items()
        ],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": ref(JOB_LOGS),
                "awslogs-region": site.region,
                "awslogs-stream-prefix": queue.name,
            },
        },
    }


def _environment(cluster: Cluster, site: Site) -> dict[str, Value]:
    """Where the entry point finds things, and the variables that ParallelCluster gives to jobs: scripts read them."""

    def directories(kind: str) -> str:
        return ",".join(s.mount_point for s in cluster.shared_storage if _kind(s) == kind)

    return {
        "AWS_DEFAULT_REGION": site.region,
        "SHOAL_JOBS_S3_URL": join("s3://", ref(BUCKET_PARAMETER), "/", ref(ROOT_PARAMETER)),
        "PCLUSTER_AWS_REGION": site.region,
        "PCLUSTER_STACK_NAME": names(site).stack,
        "PCLUSTER_SHARED_DIRS": directories("EBS"),
        "PCLUSTER_EFS_SHARED_DIRS": directories("EFS"),
        "PCLUSTER_RAID_SHARED_DIR": directories("RAID"),
        "PCLUSTER_HEAD_NODE_IP": get_att(HEAD_NODE, "PrivateIp"),
    }


def _kind(storage: SharedStorage) -> str:
    if storage.ebs_settings is None:
        return "EFS"
    return "RAID" if storage.ebs_settings.raid else "EBS"
