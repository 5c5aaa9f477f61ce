"""Images: the operating system of the nodes, and the container images that the jobs need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from shoal.cluster.bucket import bucket_name, context_key
from shoal.cluster.container_image import ContainerImage
from shoal.cluster.grammar import Change, Code, Matching, NotOffered, Refused, Section
from shoal.cluster.problems import Problem, make
from shoal.cluster.repository import repository_uri
from shoal.cluster.site import Site, names
from shoal.cluster.template import Value, join
from shoal.image.arguments import BASE_IMAGE_ARG
from shoal.image.job_image import COMPUTE_TYPES, PLATFORMS, JobImage, Recipe
from shoal.image.order import BuildOrder, ContextSource

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster

AmiId = Annotated[str, Matching(r"ami-([0-9a-z]{8}|[0-9a-z]{17})", "an AMI id like `ami-0123456789abcdef0`")]
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"""

OTHER_SYSTEMS = MappingProxyType(
    {
        "alinux2": Refused("Amazon Linux 2 is out of support, and has no Slurm", "write alinux2023, or debian12"),
        "ubuntu2204": Refused(
            "Shoal is not tested on it, and slurmd of its Slurm 21.08 cannot add nodes by itself (`slurmd -Z`)",
            "write ubuntu2404",
        ),
        **dict.fromkeys(("rhel8", "rocky8"), Refused("its Python is older than 3.9", "write rhel9, or debian12")),
    }
)


class Image(Section):
    """Operating system of the nodes."""

    os: Annotated[
        Literal["alinux2023", "ubuntu2404", "debian12", "rhel9", "rocky9"], Change.REPLACES, NotOffered(OTHER_SYSTEMS)
    ]
    """Operating system of the nodes. With Slurm alinux2023, rhel9 and rocky9 need AMIs of yours that bring Slurm; with
    AWS Batch rhel9 and rocky9 are not offered."""
    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node, and of Slurm's nodes, instead of the newest official one of `Os`;
    `HeadNode.Image.CustomAmi` and `SlurmQueues[].Image.CustomAmi` go before it."""


class HeadNodeImage(Section):
    """Image of the head node alone."""

    custom_ami: Annotated[AmiId | None, Change.REPLACES] = None
    """AMI of the head node."""


class QueueImage(Section):
    """Image of a queue's nodes."""

    custom_ami: Annotated[AmiId | None, Change.ROLLS] = None
    """AMI of the nodes, of the operating system `Image.Os` and with the head node's version of Slurm."""


# ---- the images of the jobs

BUILD_MACHINES = MappingProxyType(
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


def container_image(cluster: Cluster, queue: Queue) -> ContainerImage:
    """What the configuration says of the image of a queue's jobs: the queue's section goes before the cluster's."""
    return queue.container_image or cluster.container_image or ContainerImage()


def ready_image(cluster: Cluster, queue: Queue) -> str | None:
    """The image that the configuration names for a queue's jobs; None where Shoal builds one."""
    return container_image(cluster, queue).uri


def architectures(queue: Queue, site: Site) -> set[str]:
    """The architectures of a queue's instances."""
    named = {name for resource in queue.compute_resources for name in resource.instance_types}
    return {_architecture(name, site) for name in named}


def _architecture(name: str, site: Site) -> str:
    """Of an instance type what EC2 said, of a family what its name tells."""
    if name in site.instance_types:
        return site.instance_types[name].architecture
    return architecture_by_name(name)


def architecture_by_name(family: str) -> str:
    """The architecture that a family's name tells, of `c7g` for example; `optimal` means families of x86_64."""
    return "arm64" if _ARM_FAMILY.fullmatch(family) else "x86_64"


def problems(cluster: Cluster, site: Site) -> Iterator[Problem]:
    """An image runs on the instances of its queue."""
    for index, queue in enumerate(cluster.scheduling.aws_batch_queues):
        platform = container_image(cluster, queue).platform
        wanted = PLATFORMS[min(architectures(queue, site))]
        if platform and platform != wanted:
            place = ("Scheduling", "AwsBatchQueues", index) if queue.container_image else ()
            message = f"is not {wanted}, which the instances of queue {queue.name} are"
            yield make((*place, "ContainerImage", "Platform"), Code.CONFLICT, message, f"write {wanted}, or remove it")


def _recipe(cluster: Cluster, site: Site, queue: Queue) -> Recipe | None:
    """How the image of a queue's jobs is built; none where it is ready."""
    section = container_image(cluster, queue)
    if section.uri:
        return None
    arguments = dict(section.build_args)
    base_image = arguments.pop(BASE_IMAGE_ARG, site.base_image)
    return Recipe(
        base_image=site.base_images.get(base_image, base_image),
        architecture=min(architectures(queue, site)),
        context=site.contexts[section.context] if section.context else None,
        dockerfile=section.dockerfile,
        build_args=arguments,
        target=section.target or "",
        salt=site.salt,
    )


def built_images(cluster: Cluster, site: Site) -> tuple[JobImage, ...]:
    """The images that Shoal builds for the queues that name no ready one, each once, in the order of the queues.

    Queues with the same image may differ in what its build gets: it gets the most that one of them asks for.
    """
    recipes = [(queue, _recipe(cluster, site, queue)) for queue in cluster.scheduling.aws_batch_queues]
    tagged = [(recipe.tag, recipe, queue) for queue, recipe in recipes if recipe]
    return tuple(
        _image(cluster, tag, [(recipe, queue) for known, recipe, queue in tagged if known == tag])
        for tag in dict.fromkeys(tag for tag, _, _ in tagged)
    )


def _image(cluster: Cluster, tag: str, wanted: Sequence[tuple[Recipe, Queue]]) -> JobImage:
    sections = [container_image(cluster, queue) for _, queue in wanted]
    return JobImage(
        tag=tag,
        recipe=wanted[0][0],
        queues=tuple(queue.name for _, queue in wanted),
        minutes=max(section.build_timeout for section in sections),
        compute_type=max((section.compute_type for section in sections), key=COMPUTE_TYPES.index),
    )


def build_orders(cluster: Cluster, site: Site) -> tuple[BuildOrder, ...]:
    """What to build for the cluster and where; nothing when every queue names a ready image."""
    return tuple(_order(cluster, site, image) for image in built_images(cluster, site))


def _order(cluster: Cluster, site: Site, image: JobImage) -> BuildOrder:
    recipe, context = image.recipe, image.recipe.context
    environment_type, environment_image = BUILD_MACHINES[recipe.architecture]
    return BuildOrder(
        bucket_name=bucket_name(cluster, site),
        context_key=context_key(cluster, site, image.tag),
        context_source=(
            ContextSource(bucket=context.bucket, key=context.key, version_id=context.version_id) if context else None
        ),
        repository_name=names(site).repository,
        cache_image=_cache_image(site, image),
        project_name=names(site).build_project,
        image_tag=image.tag,
        base_image=recipe.base_image,
        environment_type=environment_type,
        environment_image=environment_image,
        compute_type=image.compute_type,
        timeout_minutes=image.minutes,
        build_args=dict(recipe.build_args),
        dockerfile=recipe.dockerfile,
        target=recipe.target,
        platform=recipe.platform,
        queues=image.queues,
    )


def _cache_image(site: Site, image: JobImage) -> str:
    """One tag for each image, by what stays when its content changes: its platform and the first of its queues."""
    registry = f"{site.account_id}.dkr.ecr.{site.region}.{site.url_suffix}"
    return f"{registry}/{names(site).cache_repository}:{image.recipe.platform.rpartition('/')[2]}-{image.queues[0]}"


def image_uri(cluster: Cluster, site: Site, queue: Queue) -> Value:
    """What the job definitions of a queue name."""
    recipe = _recipe(cluster, site, queue)
    return join(repository_uri(), ":", recipe.tag) if recipe else str(ready_image(cluster, queue))
