"""Images: the operating system of the nodes and the container image of the jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from shoal.cluster.bucket import EMPTY_BUCKET, bucket_name, context_key, objects_arn, prefix
from shoal.cluster.grammar import Change, Code, Matching, NotOffered, Refused, Section
from shoal.cluster.iam import role
from shoal.cluster.monitoring import BUILD_LOGS, streams_arn
from shoal.cluster.problems import Problem, make
from shoal.cluster.repository import EMPTY_REPOSITORY, repository_arn, repository_uri
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, allow, get_att, join, ref, tag_list
from shoal.image.job_image import BASE_IMAGE_ARG, JobImage, job_image
from shoal.image.order import BuildOrder

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster

AmiId = Annotated[str, Matching(r"ami-([0-9a-z]{8}|[0-9a-z]{17})", "an AMI id like `ami-0123456789abcdef0`")]
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"""

_UNTESTED = Refused("Shoal is not tested on it", "write alinux2023, ubuntu2404 or debian12")
OTHER_SYSTEMS = MappingProxyType(
    {
        "alinux2": Refused("Amazon Linux 2 is out of support", "write alinux2023"),
        "ubuntu2204": Refused("Shoal is not tested on it", "write ubuntu2404"),
        **dict.fromkeys(("rhel8", "rhel9", "rocky8", "rocky9"), _UNTESTED),
    }
)


class Image(Section):
    """Operating system of the nodes."""

    os: Annotated[Literal["alinux2023", "ubuntu2404", "debian12"], Change.REPLACES, NotOffered(OTHER_SYSTEMS)]
    """Operating system of the head node."""
    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node instead of the newest official one of `Os`; `HeadNode.Image.CustomAmi` goes before it."""


class HeadNodeImage(Section):
    """Image of the head node alone."""

    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node."""


class ContainerImage(Section):
    """A ready container image for the jobs; without it Shoal builds one."""

    uri: Annotated[
        str,
        Change.LIVE,
        Matching(
            r"([a-z0-9.-]+(:\d+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?",
            "an image like `public.ecr.aws/debian/debian:12-slim@sha256:...`",
        ),
    ]
    """Name of the image with tag or, better, digest; it holds `bash` and the AWS CLI. The next job uses it."""


# ---- resources

BUILD_PROJECT = "BuildProject"
BUILD_ROLE = "BuildRole"
BUILD_TIMEOUT = 60
"""Minutes a build may run, and may wait before that."""
CONCURRENT_BUILDS = 2
_BUILD_MACHINES = MappingProxyType(
    {
        "x86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
        "arm64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
    }
)
"""https://docs.aws.amazon.com/codebuild/latest/userguide/available-images.html"""

_ARM_FAMILY = re.compile(r"a1|default_arm64|[a-z]+\d+[a-z-]*g.*")
"""AWS's own processors have a `g` after the generation: `c7g`, `im4gn`;
https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
"""


def ready_image(cluster: Cluster, queue: Queue) -> str | None:
    """The image that the configuration names for a queue's jobs; None where Shoal builds one."""
    named = queue.container_image or cluster.container_image
    return named.uri if named else None


def architectures(queue: Queue, site: Site) -> set[str]:
    """The architectures of a queue's instances."""
    named = {name for resource in queue.compute_resources for name in resource.instance_types}
    return {_architecture(name, site) for name in named}


def _architecture(name: str, site: Site) -> str:
    """Of an instance type what EC2 said; a family's name tells it, and `optimal` means families of x86_64."""
    if name in site.instance_types:
        return site.instance_types[name].architecture
    return "arm64" if _ARM_FAMILY.fullmatch(name) else "x86_64"


def _builders(cluster: Cluster) -> list[tuple[int, Queue]]:
    queues = enumerate(cluster.scheduling.aws_batch_queues)
    return [(index, queue) for index, queue in queues if not ready_image(cluster, queue)]


def problems(cluster: Cluster, site: Site) -> Iterator[Problem]:
    """One image is built, so the queues that need it must share an architecture."""
    building = _builders(cluster)
    for index, queue in building[1:]:
        if architectures(queue, site) != architectures(building[0][1], site):
            path = ("Scheduling", "AwsBatchQueues", index, "ContainerImage")
            message = f"is missing, though the queue's architecture is not that of {building[0][1].name}"
            yield make(path, Code.CONFLICT, message, "name a ready image of this architecture as ContainerImage.Uri")


def built_image(cluster: Cluster, site: Site) -> JobImage | None:
    """The image that Shoal builds for the queues that name no ready one, on the architecture they share."""
    building = _builders(cluster)
    return job_image(site.base_image, min(architectures(building[0][1], site))) if building else None


def build_order(cluster: Cluster, site: Site) -> BuildOrder | None:
    """What to build for the cluster and where; None when every queue names a ready image."""
    built = built_image(cluster, site)
    if built is None:
        return None
    environment_type, environment_image = _BUILD_MACHINES[built.architecture]
    return BuildOrder(
        environment_type=environment_type,
        environment_image=environment_image,
        bucket_name=bucket_name(cluster, site),
        context_key=context_key(cluster, site, built.tag),
        repository_name=names(site).repository,
        project_name=names(site).build_project,
        image_tag=built.tag,
        base_image=built.base_image,
        build_args=built.build_args,
    )


def image_uri(cluster: Cluster, site: Site, queue: Queue) -> Value:
    """What the job definitions of a queue name."""
    built = built_image(cluster, site)
    return ready_image(cluster, queue) or join(repository_uri(), ":", built.tag if built else "")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The project that builds the image, and its role."""
    statements = [
        allow(
            "PushTheImage",
            "ecr:BatchCheckLayerAvailability",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeImages",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
            on=repository_arn(),
        ),
        # Not tied to a repository: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        allow("LogInToTheRegistry", "ecr:GetAuthorizationToken", on="*"),
        allow("WriteTheLog", "logs:CreateLogStream", "logs:PutLogEvents", on=streams_arn(site, "builds")),
        allow(
            "ReadTheContext",
            "s3:GetObject",
            "s3:GetObjectVersion",
            on=objects_arn(site, f"{prefix(cluster, site)}build/*"),
        ),
    ]
    yield BUILD_ROLE, role(cluster, site, "build", "codebuild", statements)
    yield BUILD_PROJECT, _project(cluster, site)


def _project(cluster: Cluster, site: Site) -> Resource:
    image = built_image(cluster, site)
    context = context_key(cluster, site, image.tag if image else "none")
    machine, machine_image = _BUILD_MACHINES[image.architecture if image else "x86_64"]
    return {
        "Type": "AWS::CodeBuild::Project",
        "DependsOn": [EMPTY_BUCKET, EMPTY_REPOSITORY],
        "Properties": {
            "Name": names(site).build_project,
            "Description": f"Builds the job image of the Shoal cluster {site.cluster_name}",
            "ServiceRole": get_att(BUILD_ROLE, "Arn"),
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Source": {"Type": "S3", "Location": f"{bucket_name(cluster, site)}/{context}"},
            "Environment": {
                "Type": machine,
                "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": machine_image,
                # Building images needs it, and nothing else in the cluster has it.
                "PrivilegedMode": True,
                "EnvironmentVariables": list(_build_variables(image)),
            },
            "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": ref(BUILD_LOGS)}},
            "TimeoutInMinutes": BUILD_TIMEOUT,
            "QueuedTimeoutInMinutes": BUILD_TIMEOUT,
            "ConcurrentBuildLimit": CONCURRENT_BUILDS,
            "Tags": tag_list(cluster, site),
        },
    }


def _build_variables(image: JobImage | None) -> Iterator[dict[str, Any]]:
    """What the buildspec reads; a build that somebody starts in the console makes the same image."""
    arguments = {BASE_IMAGE_ARG: image.base_image, **image.build_args} if image else {}
    tag = {"IMAGE_TAG": image.tag, "BUILD_ARGS": " ".join(arguments)} if image else {}
    for name, value in {"REPOSITORY_URI": repository_uri(), **tag, **arguments}.items():
        yield {"Name": name, "Type": "PLAINTEXT", "Value": value}
