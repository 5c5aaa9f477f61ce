"""Fleet: for each compute resource of a Slurm cluster one Auto Scaling group, and the launch template of its instances.

A group's desired capacity is its own matter: jobwatcher raises it and nodewatcher lowers it. The template names none,
so that no update takes nodes away from jobs. Groups are made when the head node is ready and deleted before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cluster.compute_role import profile
from shoal.cluster.compute_settings import user_data
from shoal.cluster.fleet_queue import TOPIC
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.instance_options import cpu_options, metadata_options, root_volume
from shoal.cluster.monitoring import COMPUTE_LOGS, node_log_group
from shoal.cluster.network import queue_groups
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, get_att, logical_id, ref, tag_map

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmComputeResource, SlurmQueue

NOTICES = ("LAUNCH", "LAUNCH_ERROR", "TERMINATE", "TERMINATE_ERROR")
GROUP_METRICS = ("GroupDesiredCapacity", "GroupInServiceInstances")
"""Free of charge, https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-metrics.html"""


def group_id(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The Auto Scaling group of a compute resource."""
    return logical_id("Group", queue.name, resource.name)


def launch_template_id(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The launch template of a compute resource."""
    return logical_id("LaunchTemplate", queue.name, resource.name)


def placement_group_id(queue: SlurmQueue, resource: SlurmComputeResource) -> str:
    """The placement group that is made for a compute resource."""
    return logical_id("PlacementGroup", queue.name, resource.name)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """For each compute resource its group, its launch template and, where it is wanted, a placement group."""
    for queue in cluster.scheduling.slurm_queues:
        for resource in queue.compute_resources:
            placement = queue.placement_group(resource)
            if placement.wanted and not placement.existing:
                yield placement_group_id(queue, resource), _placement_group(cluster, site, queue, resource)
            yield launch_template_id(queue, resource), _launch_template(cluster, site, queue, resource)
            yield group_id(queue, resource), _group(cluster, site, queue, resource)


def _tags(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> dict[str, str]:
    """The tags of nodes: the compute resource's own go before the queue's, those before the cluster's."""
    own = {tag.key: tag.value for tag in (*queue.tags, *resource.tags)}
    return {**tag_map(cluster, site), "Name": f"{site.cluster_name} {queue.name} {resource.name}", **own}


def _listed(tags: dict[str, str], **more: Any) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value, **more} for key, value in tags.items()]


def _placement_group(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> Resource:
    tags = _listed(_tags(cluster, site, queue, resource))
    return {"Type": "AWS::EC2::PlacementGroup", "Properties": {"Strategy": "cluster", "Tags": tags}}


def _group(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> Resource:
    template = launch_template_id(queue, resource)
    return {
        "Type": "AWS::AutoScaling::AutoScalingGroup",
        "DependsOn": [HEAD_NODE, *([COMPUTE_LOGS] if node_log_group(cluster, site, "compute") else [])],
        "Properties": {
            "AutoScalingGroupName": names(site).group(queue.name, resource.name),
            "LaunchTemplate": {
                "LaunchTemplateId": ref(template),
                "Version": get_att(template, "LatestVersionNumber"),
            },
            "MinSize": str(resource.min_count),
            "MaxSize": str(resource.max_count),
            "VPCZoneIdentifier": list(queue.networking.subnet_ids),
            # A node is unhealthy when EC2 says so; what Slurm says of it is sqswatcher's matter.
            "HealthCheckType": "EC2",
            "NewInstancesProtectedFromScaleIn": False,
            # nodewatcher acts on a rebalance recommendation itself: it gives the jobs back before the node ends.
            "CapacityRebalance": False,
            "NotificationConfigurations": [
                {
                    "TopicARN": ref(TOPIC),
                    "NotificationTypes": [f"autoscaling:EC2_INSTANCE_{notice}" for notice in NOTICES],
                }
            ],
            "MetricsCollection": [{"Granularity": "1Minute", "Metrics": list(GROUP_METRICS)}],
            # Those of the instances stand in the launch template, which reaches volumes and interfaces as well.
            "Tags": _listed(_tags(cluster, site, queue, resource), PropagateAtLaunch=False),
        },
    }


def _launch_template(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> Resource:
    tags = _listed(_tags(cluster, site, queue, resource))
    image = site.queue_images[queue.name]
    root = queue.compute_settings.local_storage.root_volume
    instance_type = site.instance_types[resource.instance_type]
    return {
        "Type": "AWS::EC2::LaunchTemplate",
        "Properties": {
            "LaunchTemplateData": {
                "ImageId": image.ami,
                "InstanceType": resource.instance_type,
                "IamInstanceProfile": {"Name": profile(queue, resource)},
                "NetworkInterfaces": _interfaces(site, queue, resource),
                "BlockDeviceMappings": [root_volume(cluster, root, image.root_device, DeleteOnTermination=True)],
                **cpu_options(instance_type, resource.disable_simultaneous_multithreading),
                **_market(queue, resource),
                **_placement(queue, resource),
                "MetadataOptions": metadata_options(cluster),
                "Monitoring": {"Enabled": cluster.monitoring.detailed_monitoring},
                "UserData": {"Fn::Base64": user_data(cluster, site, queue, resource)},
                "TagSpecifications": [
                    {"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume", "network-interface")
                ],
            },
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}],
        },
    }


def _market(queue: SlurmQueue, resource: SlurmComputeResource) -> dict[str, Any]:
    """Spot instances of one life each: Auto Scaling starts others. Without a price the On-Demand price is the limit."""
    if queue.capacity_type != "SPOT":
        return {}
    price = {} if resource.spot_price is None else {"MaxPrice": f"{resource.spot_price:.6f}".rstrip("0").rstrip(".")}
    spot = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate", **price}
    return {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": spot}}


def _placement(queue: SlurmQueue, resource: SlurmComputeResource) -> dict[str, Any]:
    placement = queue.placement_group(resource)
    if not placement.wanted:
        return {}
    group: Value = placement.existing or ref(placement_group_id(queue, resource))
    return {"Placement": {"GroupName": group}}


def _interfaces(site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> list[dict[str, Any]]:
    """An interface on each network card, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html.

    EC2 takes the choice of a public address only for an instance with a single interface.
    """
    instance_type, public = site.instance_types[resource.instance_type], queue.networking.assign_public_ip
    adapters = instance_type.efa_interfaces if resource.efa.enabled else 0
    cards = range(instance_type.network_cards)
    address = {} if public is None or len(cards) > 1 else {"AssociatePublicIpAddress": public}
    return [
        {
            "DeviceIndex": 0 if card == 0 else 1,
            **({"NetworkCardIndex": card} if card else {}),
            **({"InterfaceType": "efa"} if card < adapters else {}),
            "Groups": queue_groups(queue),
            "DeleteOnTermination": True,
            **address,
        }
        for card in cards
    ]
