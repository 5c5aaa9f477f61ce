"""The site of a cluster: made once from what was looked up, and for an update only added to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shoal.cleanup.custom_resource import SERVICE_FUNCTION
from shoal.cluster.materials import Materials
from shoal.cluster.site import InstanceType, LaunchImage, Site, Subnet
from shoal.cluster.surroundings import Surroundings, architecture_of
from shoal.settings import Settings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmQueue


def new_site(
    name: str, generation: str, cluster: Cluster, around: Surroundings, settings: Settings, node_package: str
) -> Site:
    """The site of a cluster that is to be created.

    Args:
        name: the cluster's.
        generation: when it is created, `20261123T101530`.
        cluster: its configuration, validated.
        around: what its configuration names.
        settings: the control plane it belongs to.
        node_package: where the node package lies, `<key>?versionId=<id>`.
    """
    return Site(
        cluster_name=name,
        generation=generation,
        region=settings.region,
        account_id=settings.account_id,
        partition=settings.partition,
        url_suffix=settings.url_suffix,
        name_prefix=settings.name_prefix,
        iam_path=settings.iam_path,
        permissions_boundary=settings.permissions_boundary,
        bucket=settings.bucket,
        empty_bucket_function=settings.function_arn(SERVICE_FUNCTION),
        empty_repository_function=settings.function_arn(SERVICE_FUNCTION),
        node_package=node_package,
        **_named(cluster, around),
    )


def grown_site(site: Site, old: Cluster, new: Cluster, around: Surroundings) -> Site:
    """The site of a cluster that is to be updated: what the user did not change stays as it was looked up first."""
    found = _named(new, around)
    for known in ("subnets", "instance_types", "elastic_ips"):
        found[known] = found[known] | getattr(site, known)
    for known in ("base_images", "contexts"):  # only what the user wrote newly was looked up
        found[known] = getattr(site, known) | found[known]
    if keeps_image(old, new):
        kept = ("head_node_ami", "head_node_root_device", "base_image")
        found = {name: value for name, value in found.items() if name not in kept}
    for queue in new.scheduling.slurm_queues:
        if queue.name in site.queue_images and _keeps_image(old, new, queue, found["instance_types"]):
            found["queue_images"][queue.name] = site.queue_images[queue.name]
    return site.model_copy(update=found)


def renewed_site(site: Site, materials: Materials, salt: str | None) -> Site:
    """The site of a cluster whose images are to be built of what is there today.

    Args:
        site: the cluster's.
        materials: what its images are made of today; a base image whose registry gives no digest stays as it was.
        salt: what makes every tag a new one; none to build only what is not there.
    """
    return site.model_copy(
        update={
            "base_image": materials.base_image,
            "base_images": site.base_images | dict(materials.base_images),
            "contexts": dict(materials.contexts),
            "salt": site.salt if salt is None else salt,
        }
    )


def keeps_image(old: Cluster, new: Cluster) -> bool:
    """Whether two configurations give the head node the same AMI."""
    return (old.image, old.head_node.image) == (new.image, new.head_node.image)


def _keeps_image(old: Cluster, new: Cluster, queue: SlurmQueue, types: Mapping[str, InstanceType]) -> bool:
    """Whether a queue's nodes keep their AMI: the configuration names the same, and their architecture stays."""
    before = next((known for known in old.scheduling.slurm_queues if known.name == queue.name), None)
    if before is None or (old.image, before.image) != (new.image, queue.image):
        return False
    names = [item.compute_resources[0].instance_type for item in (before, queue)]
    return len({types[name].architecture for name in names if name in types}) == 1


def _named(cluster: Cluster, around: Surroundings) -> dict[str, Any]:
    elastic_ip = cluster.head_node.networking.elastic_ip
    return {
        "head_node_ami": around.image_id or "",
        "head_node_root_device": (around.image or {}).get("RootDeviceName", ""),
        "base_image": around.materials.base_image,
        "base_images": dict(around.materials.base_images),
        "contexts": dict(around.materials.contexts),
        "subnets": {name: _subnet(item, around) for name, item in around.subnets.items()},
        "instance_types": {name: _instance_type(item) for name, item in around.instance_types.items()},
        "elastic_ips": {str(elastic_ip): around.elastic_ip} if around.elastic_ip else {},
        "queue_images": {
            queue.name: _launch_image(cluster, queue, around) for queue in cluster.scheduling.slurm_queues
        },
    }


def _launch_image(cluster: Cluster, queue: SlurmQueue, around: Surroundings) -> LaunchImage:
    image_id = around.queue_image_id(cluster, queue) or ""
    return LaunchImage(ami=image_id, root_device=around.images.get(image_id, {}).get("RootDeviceName", ""))


def _subnet(item: Any, around: Surroundings) -> Subnet:
    return Subnet(
        vpc_id=item["VpcId"],
        vpc_cidr=around.vpc_cidrs[item["VpcId"]],
        availability_zone=item["AvailabilityZone"],
        maps_public_ips=item.get("MapPublicIpOnLaunch", False),
    )


def _instance_type(item: Any) -> InstanceType:
    vcpus, network = item["VCpuInfo"]["DefaultVCpus"], item.get("NetworkInfo", {})
    gpus = item.get("GpuInfo", {}).get("Gpus", ())
    return InstanceType(
        vcpus=vcpus,
        cores=item["VCpuInfo"].get("DefaultCores", vcpus),
        memory_mib=item["MemoryInfo"]["SizeInMiB"],
        architecture=architecture_of(item),
        instance_store=item.get("InstanceStorageSupported", False),
        gpus=sum(gpu["Count"] for gpu in gpus if gpu.get("Manufacturer") == "NVIDIA"),
        network_cards=network.get("MaximumNetworkCards", 1),
        efa_interfaces=network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 1) if network.get("EfaSupported") else 0,
    )
