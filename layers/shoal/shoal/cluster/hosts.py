"""Hosts: the instances under the jobs. They are ECS container instances and mount what the cluster shares.

A host may pull the jobs' images and write their logs; what jobs may do is the matter of a role of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cluster.batch import HOST_PROFILE, launch_template_id
from shoal.cluster.file_systems import mount_target_ids
from shoal.cluster.file_systems import statements as file_system_statements
from shoal.cluster.host_mounts import mount_user_data
from shoal.cluster.iam import instance_profile, role
from shoal.cluster.image import ready_image
from shoal.cluster.jobs import ecs_clusters
from shoal.cluster.monitoring import streams_arn
from shoal.cluster.network import queue_groups
from shoal.cluster.repository import repository_arn
from shoal.cluster.site import Site
from shoal.cluster.template import Resource, Statement, Value, allow, arn, tag_list

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster

HOST_ROLE = "HostRole"
_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z.]+/([^:@]+).*")


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The hosts' role and its profile, and for each queue a launch template."""
    statements = [*_container_instance(site), *_pull(cluster, site), *file_system_statements(cluster, site)]
    yield HOST_ROLE, role(cluster, site, "host", "ec2", statements)
    yield HOST_PROFILE, instance_profile(site, "host", HOST_ROLE)
    for queue in cluster.scheduling.aws_batch_queues:
        yield launch_template_id(queue), _launch_template(cluster, site, queue)


def _container_instance(site: Site) -> Iterator[Statement]:
    """What AWS documents, on Batch's own clusters only.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
    """
    yield allow(
        "JoinTheCluster",
        "ecs:DeregisterContainerInstance",
        "ecs:RegisterContainerInstance",
        "ecs:SubmitAttachmentStateChanges",
        "ecs:SubmitContainerStateChange",
        "ecs:SubmitTaskStateChange",
        on=ecs_clusters(site),
    )
    yield allow(
        "ServeTheCluster",
        "ecs:Poll",
        "ecs:StartTelemetrySession",
        "ecs:TagResource",
        "ecs:UpdateContainerInstancesState",
        on=arn(site, "ecs", "container-instance/*"),
    )
    # Tied to no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    yield allow("FindTheService", "ec2:DescribeTags", "ecs:DiscoverPollEndpoint", on="*")
    yield allow("WriteTheLogsOfJobs", "logs:CreateLogStream", "logs:PutLogEvents", on=streams_arn(site, "jobs"))


def _pull(cluster: Cluster, site: Site) -> Iterator[Statement]:
    yield allow("LogInToTheRegistry", "ecr:GetAuthorizationToken", on="*")
    yield allow(
        "PullImages",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        on=[repository_arn(), *_named_repositories(cluster, site)],
    )


def _named_repositories(cluster: Cluster, site: Site) -> list[Value]:
    """The private ECR repositories of the ready images that the configuration names."""
    images = {ready_image(cluster, queue) for queue in cluster.scheduling.aws_batch_queues}
    matches = [match for image in images if image and (match := _ECR_IMAGE.fullmatch(image))]
    return sorted(f"arn:{site.partition}:ecr:{m[2]}:{m[1]}:repository/{m[3]}" for m in matches)


def _launch_template(cluster: Cluster, site: Site, queue: Queue) -> Resource:
    volume_tags = tag_list(cluster, site, Name=f"{site.cluster_name} {queue.name}")
    return {
        "Type": "AWS::EC2::LaunchTemplate",
        **({"DependsOn": targets} if (targets := mount_target_ids(cluster, site)) else {}),
        "Properties": {
            "LaunchTemplateData": {
                "MetadataOptions": {
                    "HttpEndpoint": "enabled",
                    "HttpTokens": "required" if cluster.imds.imds_support == "v2.0" else "optional",
                    # One hop ends at the host: a job has its own role, not the instance's.
                    "HttpPutResponseHopLimit": 1,
                },
                **_interface(queue),
                "UserData": {"Fn::Base64": mount_user_data(cluster, site)},
                "TagSpecifications": [{"ResourceType": "volume", "Tags": volume_tags}],
            },
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tag_list(cluster, site)}],
        },
    }


def _interface(queue: Queue) -> dict[str, Any]:
    """Only an interface of the template's own can say whether it has a public address; then it names the groups too."""
    if queue.networking.assign_public_ip is None:
        return {}
    interface = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": queue.networking.assign_public_ip,
        "Groups": queue_groups(queue),
        "DeleteOnTermination": True,
    }
    return {"NetworkInterfaces": [interface]}
